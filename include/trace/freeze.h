/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Freezing: all threads of a process stand still for a moment
 *
 * One thread stands at the entry of a call and waits; the others are interrupted, and
 * whatever they stop for is put off.  Then the call is taken up again, with
 * tracee.froze set, and after it everything that was put off.  A thread that does not
 * stop soon, because it sleeps where nothing wakes it, ends the waiting without.
 */

#include <stdbool.h>

struct tracee;
struct tracing;

/*
 * Begins to stop the other threads of @t's process.  False when that is not possible
 * now; when it is done, or given up, calls_on_entry() comes again for @t.
 */
bool freeze_begin(struct tracing *tr, struct tracee *t);

/* A stop of @t with @status is put off: nobody else is to act on it. */
bool freeze_puts_off(struct tracing *tr, struct tracee *t, int status);

/* After each stop: goes on when everybody stands still, or has gone. */
void freeze_settle(struct tracing *tr);

/* Nothing has come for a while: goes on without. */
void freeze_give_up(struct tracing *tr);

/* @t is about to be forgotten. */
void freeze_forget(struct tracing *tr, struct tracee *t);
