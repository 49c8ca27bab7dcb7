/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a tracer of the job learns what its tracees stopped for
 */

#include <sys/types.h>

struct tracee;
struct tracing;

/* There is something to tell: wakes @tracer where it waits, and sends it SIGCHLD. */
void nest_wake(struct tracing *tr, struct tracee *tracer);

/* To be told as the end of the task that it calls @id, once. */
void nest_add_obituary(struct tracee *tracer, pid_t id, int status);
