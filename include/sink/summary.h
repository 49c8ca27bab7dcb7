/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The summary of a run, as whatfiles --summary prints it at the end
 *
 * No format of a log: it is for people, and goes to standard error.
 */

#include "model/hub.h"

struct buf;
struct view_in;

extern const struct sink_ops summary_sink;

/* The same as a view. */
int summary_print(const struct view_in *in, struct buf *out);
