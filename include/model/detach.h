/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Programs that nobody wants to hear of
 *
 * What they do, and that there are processes below them, is not told.  Their calls are
 * recorded all the same: a seccomp filter cannot be taken out of a process again
 * (seccomp(2)), and without a tracer each of these calls would fail with ENOSYS.
 */

#include <stdbool.h>

struct process;

/*
 * Whether what @p executes matches one of @globs (NULL-terminated, or NULL for none):
 * one with a slash is compared with its absolute name, any other with the last part of
 * it, or the name that it was executed by.
 */
bool detach_matches(char *const *globs, const struct process *p);
