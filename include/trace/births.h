/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Births: whose child a new task is
 *
 * A child's first stop comes before its parent's event more often than not.  It
 * is parked until the record of its birth is in the ring, so that no record of
 * its own can stand before that one.
 */

#include "trace/fast.h"
#include <stdbool.h>
#include <sys/types.h>

struct tracee;
struct tracing;

/*
 * A task that we hear of for the first time by @status; NULL where that is its end, which
 * is kept for whoever tells of its birth.
 */
struct tracee *births_stranger(struct tracing *tr, pid_t tid, int status);

/* @tid ended, and nobody has told of its birth. */
void births_note_end(struct tracing *tr, pid_t tid, int status);

/* @t made a task and says so; by clone it is mostly a thread. */
void births_on_fork(struct tracing *tr, struct tracee *t, enum birth how);

/* A new task's first stop, or the end of a group-stop of an old one. */
void births_on_first_stop(struct tracing *tr, struct tracee *t);

/*
 * Lets children run whose parents died without telling: those that are still
 * parked when nothing more comes (@quiet), or that were for many rounds.
 * Adopting one whose parent is only slow does no harm: the late event is ignored.
 */
void births_adopt(struct tracing *tr, bool quiet);
