/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory of a stopped task
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Copies up to @len bytes at @addr: how many could be read (the part before a
 * page that is not there), or a negative errno when not even one.
 */
ssize_t remote_read(pid_t tid, uint64_t addr, void *to, size_t len);

/*
 * Writes to memory that the task itself can write, as the kernel would for a call of its:
 * 0 or a negative errno.
 */
int remote_write(pid_t tid, uint64_t addr, const void *bytes, size_t len);

enum remote_result {
	REMOTE_OK,
	REMOTE_CUT, /* no NUL in the first @cap bytes: those are in @to */
};

/*
 * Copies the string at @addr without its NUL, one page at a time so that a page
 * behind the string is never needed.  An enum remote_result or a negative errno.
 */
int remote_string(pid_t tid, uint64_t addr, char *to, size_t cap, size_t *ret_len);
