/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The end of a run that does not come by itself
 *
 * A time limit, a signal to us, a command that is gone while others of the job live
 * on: who is told to end, how long they may take, and who is killed then.  Times are
 * in nanoseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct tracing;

struct ending_rules {
	uint64_t timeout; /* after so long the job is asked to end; 0: never */
	bool has_grace;	  /* how long whoever was asked may take until he is killed: */
	uint64_t grace;	  /* else 10 s after the timeout, and for ever after a signal */
	bool kill_left; /* whoever outlives the command is ended, with that grace or none */
	/*
	 * Tells that these processes outlive the command, and whether they are ended
	 * now.  False when it cannot be told without waiting; then it is asked again.
	 */
	bool (*tell_left)(const pid_t *pids, size_t count, bool ended);
};

/* What the loop keeps of it. */
struct ending {
	uint64_t timeout_at, kill_at, tell_at; /* of the monotonic clock */
	bool pending;			       /* any of them is to come */
};

/* Before the first round of @tr, which has its root: the timeout begins. */
void ending_init(struct tracing *tr);

/* In each round, and while the loop waits for anything: acts on what is due. */
void ending_step(struct tracing *tr);

/* The command itself has ended. */
void ending_of_command(struct tracing *tr);

/* No tracee is left. */
void ending_done(struct tracing *tr);

/*
 * For signal handlers: hands a signal to the command, or asks the loop to kill
 * whoever is left when the command itself has ended.
 */
void ending_forward(int signal);

/* For signal handlers: the job was asked to end; its time of grace begins. */
void ending_asked(void);

/*
 * For signal handlers and other threads: asks the running loop to kill every tracee,
 * soon.  The loop notices when its wait is interrupted or any tracee changes state.
 */
void ending_kill_all(void);
