/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The region: the recorder's code and the shared memory, as whatfiles has them
 *
 * Two System V segments, marked for removal as soon as they are made: they go with
 * the last process that has them, and a process attaches them by number, without a
 * descriptor, /proc or a file system (shmat(2); Linux allows it while anybody has
 * the segment).
 */

#include "recorder/recorder.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct ring;

/* Where in a process the recorder's parts are; entry.S explains them. */
struct recorder_map {
	uint64_t start, end;
	uint64_t entry, framed, trusted, returned, finish, decline, leave;
	uint64_t before, before_end; /* recorder_before(): the call is not begun */
	uint64_t after, after_end;   /* recorder_after(): it has returned */
	uint64_t put, put_end;	     /* recorder_put() likewise */
	uint64_t own, own_returned;  /* the recorder's own calls, for either */
};

struct region {
	struct control *control;
	uint8_t *code;
	struct shared *shared;
	struct ring *ring;
	size_t shared_size;
	int code_id, shared_id;
	unsigned sites, files; /* given out so far */
	struct recorder_map map;
};

/* How many instruction pointers the filter has to trust. */
#define REGION_TRUSTED 2

/*
 * Makes both segments with a ring of at least @ring_bytes and fills in the code and
 * what the recorder is to know of the calls of @classes.  A negative errno when
 * this machine does not have them.
 */
int region_open(struct region *r, size_t ring_bytes, unsigned classes);

/* Frees everything; a zeroed region is fine. */
void region_close(struct region *r);

/* The recorder's map without a region: the code is the same for every run. */
void region_map(struct recorder_map *ret);

/* The instruction pointers of the calls that the filter lets pass. */
void region_trusted(uint64_t ret[REGION_TRUSTED]);

/* Lets tasks of @uid attach beside our own, instead of those of an earlier one. */
void region_admit(const struct region *r, uid_t uid);

/* Whether @ip is in the recorder, a stub or a slot. */
bool region_has(uint64_t ip);
