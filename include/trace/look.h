/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Looking at a file as a stopped task would find it
 *
 * By its working directory, its descriptors, its root and its mounts, without
 * opening the file: a look must never block or change anything.
 */

#include <stdint.h>
#include <sys/types.h>

enum look {
	LOOK_REGULAR,
	LOOK_DIRECTORY,
	LOOK_SPECIAL, /* a device, pipe, socket */
	LOOK_ABSENT,
	LOOK_FAILED, /* in another way: nobody knows */
};

/*
 * What @name is, symbolic links followed; a relative one starts in the directory
 * of the descriptor @dirfd, or AT_FDCWD.
 */
enum look look_at(pid_t tid, int dirfd, const char *name);

/* Likewise, with the directory as root (openat2(2), RESOLVE_IN_ROOT). */
enum look look_within(pid_t tid, int dirfd, const char *name);

/*
 * Opens it for reading, never blocking: a descriptor for the caller to close, or
 * a negative errno.
 */
int look_open(pid_t tid, int dirfd, const char *name);
