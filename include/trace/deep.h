/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Deep directories: those whose name is longer than the kernel tells
 *
 * A program can go down one directory after the other as far as it likes, and
 * /proc fails for what is longer than a page.  Such a name is put together going
 * up by "..", as getcwd(3) did once.
 */

#include <sys/types.h>

struct buf;

/* Longer names are not told: they must fit into a record together with others. */
#define DEEP_MAX (14 * 1024)

/* Puts the name of the directory behind /proc/@tid/@link into @out; 0 or -errno. */
int deep_name(pid_t tid, const char *link, struct buf *out);

/* A directory got another name: what is remembered may be wrong. */
void deep_forget(void);
