/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Calls: from entry to return
 */

struct tracee;
struct tracing;

/* A call of the table begins, or one that somebody else's filter traces. */
void calls_on_entry(struct tracing *tr, struct tracee *t);

/* A call that we asked to follow returns, or any begins in a tracee that stops at all. */
void calls_on_syscall(struct tracing *tr, struct tracee *t);

/* A signal is delivered: handed on, and it may have interrupted a call. */
void calls_on_signal(struct tracing *tr, struct tracee *t, int signal);

/* The call that @t is in was interrupted: it is kept until it is known how it ends. */
void calls_hold(struct tracing *tr, struct tracee *t);

/* @t is gone: whatever call it was in will not return any more. */
void calls_end(struct tracing *tr, struct tracee *t);
