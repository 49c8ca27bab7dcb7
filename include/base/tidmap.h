/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Task id to pointer
 *
 * Two levels of plain arrays: ids are small, dense and reused, so a look-up is
 * two loads and nothing is ever rehashed.  A zeroed struct is an empty map.
 */

#include <stdbool.h>
#include <sys/types.h>

/* PID_MAX_LIMIT (linux/threads.h) is 4 * 1024 * 1024 on 64-bit kernels. */
#define TIDMAP_MAX (4 * 1024 * 1024)
#define TIDMAP_PAGE 1024

struct tidmap {
	void **pages[TIDMAP_MAX / TIDMAP_PAGE];
};

/* Whether @tid can be one: for whoever was told of it by somebody else. */
bool tidmap_takes(pid_t tid);

/* What was put under @tid; NULL for nothing or an id that cannot be one. */
void *tidmap_get(const struct tidmap *m, pid_t tid);

/* Puts @value, NULL to remove; an impossible @tid is ignored. */
void tidmap_put(struct tidmap *m, pid_t tid, void *value);

/* Calls @each for every value; @each may remove the one that it is called with. */
void tidmap_each(const struct tidmap *m, void (*each)(void *value, void *data),
		 void *data);

/* Frees the map's own memory, not the values. */
void tidmap_done(struct tidmap *m);
