/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Dependency files: what must be made again when a file changes
 *
 * One rule for make or ninja.  Its targets are those of struct run, or the files
 * that the command wrote; its inputs are the files that were there before and were
 * read, in the order in which they were first named.  Left out are
 *
 *  - directories, and what lies below /proc, /sys and /dev;
 *  - what the command changed or removed itself: it would have to run every time;
 *  - temporary files, those that were only looked at, and those that were looked for
 *    and not there;
 *  - system files, unless they are asked for or lie below the working directory or
 *    the directory that names are relative to.
 *
 * For make each input is also a target without anything: that it is gone is a
 * reason to run the step again and no error.
 */

#include "model/hub.h"

struct buf;
struct fold;

extern const struct sink_ops depfile_make_sink;
extern const struct sink_ops depfile_ninja_sink;

/* What became of a dependency file. */
struct depfile_result {
	size_t targets, inputs;
	size_t left_out;     /* names that the syntax cannot express */
	struct buf *example; /* the first of them, escaped; from the caller, emptied */
};

/* Adds the rule to @out. */
void depfile_write(struct buf *out, const struct fold *f, const struct run *run,
		   bool ninja, struct depfile_result *ret);
