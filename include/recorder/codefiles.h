/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Code files: what is known of the code that processes map
 *
 * A file's sites are found once in a run and remembered by device, inode and the
 * part that is mapped.  What a process really has there is compared with them before
 * anything is replaced, so a file that changed meanwhile does no harm.  A site has
 * its slot and stub in the region for ever.
 */

#include "recorder/sites.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping;
struct region;

struct code_site {
	struct site site;
	uint32_t slot;	/* address of the word that the jump reads */
	uint32_t plain; /* of the end of its stub's own syscall instruction */
	bool used;	/* somebody called there: only such are patched */
};

struct code_file {
	unsigned number; /* index of its address in struct space_page */
	uint64_t inode, offset, length;
	uint32_t major, minor;
	struct code_site *sites; /* sorted by offset */
	size_t count;
	uint64_t *refused; /* offsets of syscall instructions that have no site */
	size_t refused_count;
	bool stale; /* a process had other bytes there */
};

struct code_files {
	struct code_file **list;
	size_t count;
};

/*
 * The file behind @m, which is one of @tid's; its sites are looked for if it is new.
 * NULL when there is no room for more files, or its code cannot be read.
 */
struct code_file *code_files_get(struct code_files *fs, struct region *r, pid_t tid,
				 const struct mapping *m);

/*
 * Makes a site of the syscall instruction at @offset, where a task was seen to
 * stop; the task must have the file's own bytes there.  False when it cannot be, now
 * and later.
 */
bool code_file_learn(struct code_file *f, struct region *r, pid_t tid,
		     const struct mapping *m, uint64_t offset);

/* Whether the syscall instruction at @offset was refused already. */
bool code_file_refused(const struct code_file *f, uint64_t offset);

/* The site whose syscall instruction is at @offset, or NULL. */
struct code_site *code_file_find(struct code_file *f, uint64_t offset);

void code_files_done(struct code_files *fs);
