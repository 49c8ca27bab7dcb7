/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One run's tracing: what the loop and those it hands stops to share
 */

#include "model/syscalls.h"
#include "trace/capture.h"
#include "trace/ending.h"
#include "trace/kernel.h"
#include "trace/loop.h"
#include "trace/tracee.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fast;
struct nested;
struct record;
struct ring;

struct tracing {
	const struct kernel *kernel;
	struct ring *ring;
	struct ring *spare;    /* where records go when the other one is broken */
	struct fast *fast;     /* or NULL */
	struct nested *nested; /* everybody whom one of the job traces */
	struct loop_config config;
	pid_t root; /* the command */
	struct tracees tracees;
	struct tidmap ended; /* before their birth was told: their status, plus one */
	struct capture capture;
	struct loop_result result;
	uint64_t round;		/* of the loop */
	unsigned waiting;	/* tracees that wait for their siblings */
	struct tracee *freezer; /* waits for its siblings to stand still; or NULL */
	unsigned freezing;	/* of those, who do not yet */
	uint64_t frozen_round;	/* when that began */
	bool thawing;		/* acts on what was put off */
	/* calls that no table has, and that were told */
	bool unknown_told[ABI_COUNT][SYSCALL_NR_END];
	bool leaving; /* whoever stops stays so, until all do and are left alone */
	bool left;    /* that is told: nothing is recorded any more */
	uint64_t leaving_since;
	bool deserted; /* the kernel knows of no tracee any more */
	struct ending ending;
	int stopped_by; /* the command is in a group-stop, and we are not yet */
};

/* Puts a record into the ring, waiting for room. */
void tracing_put(struct tracing *tr, const struct record *r);

/*
 * Lets @t go on, or keeps it where it is when we are leaving; -ESRCH when it is dying, which is no error: its end will be reported.
 */
int tracing_resume(struct tracing *tr, struct tracee *t, enum resume how, int signal);

/* Before its first program the command is still the launcher's code. */
bool tracing_is_launching(const struct tracing *tr, const struct tracee *t);
