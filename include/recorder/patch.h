/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Patches: the jumps that stand in processes' code
 *
 * The writing is done by way of /proc/TID/mem, which gives the process a page of
 * its own in place of the file's (FOLL_FORCE, mm/memory.c).  Only where nobody runs
 * who could be inside of what is replaced: the one task of the space stands still,
 * at a place of which the caller knows.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct code_file;
struct code_files;
struct region;
struct space;

enum patch_result {
	PATCH_DONE = 0,
	PATCH_STALE = 1, /* other bytes than the file's at some sites, which were left */
};

/*
 * Threads that stand still.  Where one would go on behind a syscall instruction that is
 * replaced, it is sent behind the stub's instead; @moved is told, with the old and the
 * new address.  What has one of @returns in its middle is left alone.
 */
struct patch_others {
	struct patch_other {
		pid_t tid;
		uint64_t ip;
		void *data;
	} * list;
	size_t count;
	void (*moved)(void *data, uint64_t from, uint64_t to);
	const uint64_t *returns;
	size_t return_count;
};

/*
 * Puts a jump at each used site of @f that @tid has mapped at @base and not yet
 * patched.  PATCH_*, or a negative errno when the process cannot be written to.
 */
int patch_file(pid_t tid, struct code_file *f, uint64_t base,
	       const struct patch_others *others);

/* Tells the recorder in @tid where @f is; a negative errno when that is not possible. */
int patch_tell_base(pid_t tid, const struct code_file *f, uint64_t base);

/* Takes every jump of the space out again; true when all are. */
bool patch_evict(pid_t tid, const struct code_files *fs, const struct space *s);

/* Writes to memory that the process itself can write; 0 or a negative errno. */
int patch_poke(pid_t tid, uint64_t addr, const void *bytes, size_t len);

/* Writes to any memory of it. */
int patch_force(pid_t tid, uint64_t addr, const void *bytes, size_t len);
