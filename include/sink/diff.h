/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Two runs compared
 *
 * By names, what was done to them with which result, and by the commands of processes.
 * What differs from run to run anyway does not count: times, how often and in which
 * order; temporary files, passing names and what is special (roles of fold.h); the
 * directory that the command was started in, so names below it are compared from there;
 * pids in names and arguments, where nothing else tells two of them apart.
 */

#include "model/fold.h"

struct buf;
struct view_in;

enum diff_result {
	DIFF_SAME,
	DIFF_DIFFERENT,
};

/* Adds what is new, gone or changed in @b against @a. */
int diff_print(const struct view_in *a, const struct view_in *b, struct buf *out);
