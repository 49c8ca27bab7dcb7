/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Links: what a task's directory or descriptor is called
 *
 * /proc/TID/fd/N and its kin say it in words that can mean two things, and not
 * at all where the name is longer than PATH_MAX.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;
struct stat;

/*
 * Puts into @out, emptied first, the name of what the link /proc/@tid/@name
 * ("cwd", "root", "exe", "fd/3") leads to.  For what was deleted that is the name
 * it had, and @ret_deleted is set; a file that never had a name is
 * "memfd:LABEL".  0 or a negative errno.
 */
int link_read(pid_t tid, const char *name, struct buf *out, bool *ret_deleted);

/* Likewise for the descriptor @fd. */
int link_read_fd(pid_t tid, int fd, struct buf *out, bool *ret_deleted);

/* What the link leads to; 0 or a negative errno. */
int link_stat(pid_t tid, const char *name, struct stat *ret);

/* The number of the task's mount namespace; 0 when nobody can tell. */
uint64_t link_mnt_ns(pid_t tid);
