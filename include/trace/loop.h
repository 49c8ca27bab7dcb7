/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The ptrace loop: waits for stops and hands each on
 *
 * Runs in the one thread that seized the command, writes records into the ring
 * and touches nothing else: no disk, no terminal.  It ends when the last tracee
 * has ended.
 */

#include "trace/ending.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct attach;
struct fast;
struct kernel;
struct ring;
struct tracee;
struct tracing;

struct loop_config {
	unsigned classes;   /* that the filter was built for */
	bool allow_uring;   /* let the job set up io_urings */
	struct ring *spare; /* takes records when the ring is broken; or NULL */
	struct fast *fast;  /* the fast engine, or NULL */
	bool resolve;	    /* look up which file each call is about */
	unsigned mark;	    /* what our filter's stops carry (trace/filter.h) */
	bool filtered;	    /* whatfiles itself runs below a seccomp filter */
	const struct attach
		*attach; /* what was seized, where there is no command; or NULL */
	const char
		*until; /* leave when a program of such a name runs (glob(7)); or NULL */
	struct ending_rules ending;
};

struct loop_result {
	bool started; /* the command's first program ran */
	int status;   /* of the command, as wait(2) gives it */
	bool status_known;
	bool timed_out; /* and it was ended for that */
	uint64_t stops; /* of any kind */
};

/*
 * Follows @root, which was seized and has not executed its program, or what we
 * attached to.  Returns when no tracee is left, or loop_leave() was called.
 */
void loop_run(const struct kernel *kernel, struct ring *ring,
	      const struct loop_config *config, pid_t root, struct loop_result *ret);

/* Acts on a stop of @t as the loop does: for stops that were put off. */
void loop_act(struct tracing *tr, struct tracee *t, int status);

/*
 * For signal handlers: asks a loop that attached to others to leave them as they are,
 * soon, even if nothing happens any more.  Never with a command, which could not go on.
 */
void loop_leave(void);
