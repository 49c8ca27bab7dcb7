/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The guard: calls after which others could go unseen
 *
 * A filter of the job's own can answer a call before ours is asked (ERRNO, TRAP,
 * KILL and USER_NOTIF outrank TRACE, seccomp(2)), so whoever installs one stops
 * at every call from then on, entries coming before any filter (since Linux 4.8).
 * A child made with CLONE_UNTRACED would be nobody's: the flag is taken out, or
 * the call refused.  An io_uring opens files without any call: refused, unless
 * it was asked for.
 */

#include "model/syscalls.h"
#include <stdbool.h>
#include <stdint.h>

struct record;
struct syscall_stop;
struct tracee;
struct tracing;

enum guard_verdict {
	GUARD_TELL,	    /* a call like any other, or one to be told */
	GUARD_UNREMARKABLE, /* nothing about it is worth a record */
	GUARD_REFUSE,	    /* to be told, and answered with ENOSYS */
	GUARD_WAIT,	    /* to be told, and resumed by guard_settle() later */
};

/*
 * At the entry of a call of @row; may change its arguments, and those of @stop to
 * what they mean.
 */
enum guard_verdict guard_entry(struct tracing *tr, struct tracee *t,
			       const struct syscall_row *row, enum abi abi,
			       struct syscall_stop *stop);

/* The call of @r has returned @result. */
void guard_return(struct tracing *tr, struct tracee *t, const struct record *r,
		  int64_t result);

/*
 * After @t stopped or ended: lets those go on that waited for its process's
 * threads.
 */
void guard_settle(struct tracing *tr, struct tracee *t);

/* @t is about to be forgotten. */
void guard_forget(struct tracing *tr, struct tracee *t);

/* Nothing has come for a while: whoever waits, waits no longer. */
void guard_give_up(struct tracing *tr);
