/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Path resolution
 *
 * Turns what a process wrote in a syscall, a directory and a name, into an
 * absolute name as seen from outside that process.  The name stays the one that
 * was asked for: symbolic links are not followed, and ".." is folded only where
 * that is exact, at the start of a relative name, because the directory comes
 * from the kernel and holds no links.  Pure: nothing here touches a file.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

/*
 * Writes to @out (emptied first) what @name, @len bytes, means.
 * @dir is the directory that a relative name starts in, NULL when not known;
 * @root is the process's root directory, NULL when it is the same as ours.
 * False when the result is not absolute because @dir was needed and not known.
 */
bool path_resolve(struct buf *out, const char *dir, const char *root, const char *name,
		  size_t len);

/* Whether @path is @dir or below it. */
bool path_is_below(const char *path, const char *dir);

/*
 * Names that mean another file for everybody who says them: /proc/self,
 * /proc/thread-self, /dev/fd, /dev/stdin and its kin.  Writes to @out what @path
 * means for the thread @tid of the process @pid, below /proc/@pid; false when
 * @path is no such name.  Where a link at its end is not @followed, that link
 * itself is the same for all.
 */
bool path_own(struct buf *out, const char *path, pid_t pid, pid_t tid, bool followed);

/* The last component of @path, for a process's name. */
const char *path_base(const char *path);
