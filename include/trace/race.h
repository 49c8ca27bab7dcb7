/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Races: whether a call took the name that was read at its entry
 *
 * The kernel reads the name again, and later.  Whoever shares the memory can put
 * another one there in between, and whoever shares the descriptors another file
 * behind the one that was opened, before anybody looks.
 *
 * The rule for a call that opened a file: the descriptor is the truth.  What it
 * leads to and what the name leads to, both found at the exit by the task's own
 * view, are compared as files (device and inode), never as text, so that symbolic
 * links, "..", mounts, roots and magic links make no difference.  If they differ,
 * both are told.  They also differ where a directory or a link was moved between
 * the open and the look.  Whoever moves or removes a name leaves a time stamp at
 * the file or at a directory on the way; where there is one from this moment,
 * nobody can tell the two apart, and what is told is the file, and no race.
 *
 * For a call that opened nothing there is the name only: it is read again at the
 * exit.  One that was changed and changed back leaves no trace.
 */

#include <stdbool.h>
#include <time.h>

struct record_builder;

/* Now, as time stamps of files have it, and some ticks earlier: they are coarse. */
struct timespec race_clock(void);

/*
 * Marks the call of @b's record, which began at @since and has its result, where it
 * was raced, and adds what else is told then.  @shared: others have the memory too.
 * What no other task has cannot change meanwhile, but for mappings that are shared.
 */
void race_compare(struct record_builder *b, const struct timespec *since, bool shared);
