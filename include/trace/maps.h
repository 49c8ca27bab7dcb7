/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The mappings of a task's memory (proc_pid_maps(5))
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mapping {
	uint64_t start, end; /* addresses */
	uint64_t offset;     /* in the file */
	uint64_t inode;	     /* 0: no file */
	uint32_t major, minor;
	bool writable, executable, shared;
	bool is_vdso;
};

#define MAPS_MAX 64

/*
 * The first of @tid's mappings, up to @max of them, as many as one read gives: those
 * of a program that has just been executed are all there.  Their number, or a
 * negative errno.
 */
int maps_read(pid_t tid, struct mapping *ret, size_t max);

/* The mapping that @addr is in; 0, -ENOENT when there is none, or a negative errno. */
int maps_find(pid_t tid, uint64_t addr, struct mapping *ret);

/*
 * Takes one line apart; false when it is none.  @line ends with NUL or a line feed.
 */
bool maps_parse(const char *line, struct mapping *ret);
