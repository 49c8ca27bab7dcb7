/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Images: what the kernel opens by itself when a program is executed
 *
 * The interpreter that "#!" names, that one's interpreter if it is a script too,
 * and the loader that an ELF file asks for.  No call shows them.  The files are
 * the job's: what they hold is read with bounds and believed in nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How deep scripts can nest: exec fails with ELOOP beyond (fs/exec.c). */
#define IMAGE_SCRIPTS_MAX 5

/* Called for each name, as it stands in the file, in the order of opening. */
typedef void image_found(const char *name, size_t len, void *data);

/*
 * Tells what was opened for the exec of @name, relative to @dirfd, that @tid has
 * just made.  What cannot be read is not told.
 */
void image_interpreters(pid_t tid, int dirfd, const char *name, image_found *found,
			void *data);

/*
 * The interpreter in the first bytes of a script, as the kernel finds it
 * (fs/binfmt_script.c); its length, 0 when this is no script.
 */
size_t image_shebang(const char *bytes, size_t len, const char **ret_name);

/*
 * Where in the file the name of the loader stands, for the first bytes of an ELF
 * file of either class; false when it has none (elf(5), PT_INTERP).
 */
bool image_loader(const uint8_t *bytes, size_t len, uint64_t *ret_offset,
		  uint64_t *ret_size);
