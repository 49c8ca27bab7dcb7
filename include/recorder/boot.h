/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Start-up code: maps the recorder into a new image, without a stop of its own
 *
 * At the exec stop the image has nothing that would hold our memory yet.  A few
 * instructions are written behind the end of the vdso, where its last page has
 * zeroes and is executable in every process; they attach the segments, fill in what
 * the recorder must know and jump to where the image begins, with all registers
 * as the kernel gave them.
 */

#include "recorder/recorder.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct region;

#define BOOT_MAX 640
#define BOOT_FILES 4

struct boot {
	const struct region *region;
	uint64_t entry; /* of the image */
	uint32_t tid;
	bool no_dirs;
	struct {
		unsigned file;
		uint64_t base;
	} files[BOOT_FILES];
	unsigned file_count;
};

/*
 * Writes the code, which runs anywhere; its length.  When it cannot do its work it
 * executes an int3 at @ret_failed with a negative errno in rax.
 */
size_t boot_emit(const struct boot *b, uint8_t out[BOOT_MAX], size_t *ret_failed);

/*
 * How far from the start of the vdso BOOT_MAX unused bytes are, from a look at our
 * own; 0 when there are none.
 */
uint64_t boot_place(void);
