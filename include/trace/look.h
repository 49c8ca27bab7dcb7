/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Looking at a file as a stopped task would find it
 *
 * By its working directory, its descriptors, its root and its mounts, without
 * opening the file: a look must never block or change anything.
 */

#include "base/buf.h"
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum look {
	LOOK_REGULAR,
	LOOK_DIRECTORY,
	LOOK_SPECIAL, /* a device, pipe, socket */
	LOOK_ABSENT,
	LOOK_FAILED, /* in another way: nobody knows */
};

enum look_how {
	LOOK_NOFOLLOW = 1 << 0, /* a symbolic link at the end is the file itself */
	LOOK_WITHIN =
		1 << 1, /* the directory is the root (openat2(2), RESOLVE_IN_ROOT) */
};

/*
 * What @name is, by bits of enum look_how; a relative one starts in the directory
 * of the descriptor @dirfd, or AT_FDCWD.
 */
enum look look_at(pid_t tid, int dirfd, const char *name, unsigned how);

/* Likewise, all of it; 0 or a negative errno. */
int look_stat(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret);

/*
 * Likewise, with what the kernel calls the file, whatever links led there.  Also
 * right where a link leads to /proc/self, which look_stat() takes for ours.
 */
int look_file(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret,
	      struct buf *ret_name);

/* From now on some task may have another root, or other mounts, than we have. */
void look_expect_other_roots(void);

/*
 * Opens it for reading, never blocking: a descriptor for the caller to close, or
 * a negative errno.
 */
int look_open(pid_t tid, int dirfd, const char *name);
