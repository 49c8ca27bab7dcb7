/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The verdict: what a record may lack
 *
 * A gap is something that the command or a process of it may have done to files
 * and that is not in the record: then that is incomplete.  A note is worth a word
 * at the end and leaves it complete.  Each kind is counted, with the first one
 * for an example.
 */

#include "model/event.h"
#include <stdbool.h>

struct record;
struct task;
struct tasks;

/* One more gap; @example, which may be NULL, is kept if it is the first. */
void verdict_gap(struct outcome *o, enum gap gap, const char *example);

/* Likewise, because of @what that @task did. */
void verdict_gap_by(struct outcome *o, enum gap gap, const struct task *task,
		    const char *what);

/* What @task does from now on, and everybody below it, is not told: --detach. */
void verdict_left_out(struct outcome *o, const struct task *task);

/*
 * What the call of @r, decoded into @a, means for the record; @unresolved when a
 * name needed a directory that nobody could tell.
 */
void verdict_call(struct outcome *o, const struct tasks *tasks, const struct record *r,
		  const struct task *task, const struct access *a, bool unresolved);
