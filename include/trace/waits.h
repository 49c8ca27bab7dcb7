/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who has stopped, found without looking at everybody
 *
 * waitpid(-1) walks the list of all tracees, under a lock that forks need: three times
 * a stop, 40 ns each, so 20,000 that do nothing cost milliseconds.  waitpid(pid) does
 * not.  Where the walk takes long, those are asked that a SIGCHLD names and those that
 * stopped lately.  Signals of one number are merged while one is pending (signal(7)),
 * so that is never enough: all are looked at as well, for a small part of the time.
 */

#include "base/tidmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Each returns a tid, 0 for none, or a negative errno. */
struct waits_kernel {
	pid_t (*any)(bool block, int *ret_status); /* waitpid(-1) */
	pid_t (*one)(pid_t tid, int *ret_status);  /* waitpid(tid), without waiting */
	pid_t (*hint)(uint64_t nanoseconds);	   /* whom the next SIGCHLD names */
	pid_t (*born)(pid_t tid,
		      int status); /* if it stopped for a birth: who was born */
	uint64_t (*now)(void);
};

struct waits {
	const struct waits_kernel *kernel;
	uint64_t any_ns; /* what looking at all of them takes */
	uint64_t due;	 /* when that is to be done next, while there is any doubt */
	bool doubt;	 /* something may have stopped that nobody told */
	size_t found;	 /* while all are looked at: how many had stopped */
	size_t left;	 /* while each is asked: those up to there are not yet */

	/* Everybody; those that stopped lately are the first @hot. */
	pid_t *tids;
	size_t count, capacity, hot, turn, asked;
	bool lucky;	      /* one of the first had stopped in this round */
	struct tidmap places; /* tid -> its place in @tids, plus one */
};

/*
 * A change of state of any tracee, as waitpid(2) tells it; 0 for none without @block.
 * -EINTR when a signal came that has a handler.
 */
pid_t waits_next(struct waits *w, bool block, int *ret_status);

void waits_done(struct waits *w);
