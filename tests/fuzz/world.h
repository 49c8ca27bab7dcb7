/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A made-up kernel, driven by the bytes of an input
 *
 * Processes and threads that make calls, are born, run programs, get signals, stop and
 * die, seen through ptrace(2) by whoever is given world_kernel.  What happens next is the
 * input's choice among what may happen; behind its end everybody comes to an end.
 *
 * It traps where the tracer does what no tracer may: resumes somebody who runs, or whose
 * stop it has not been told of, swallows or invents a signal, or waits although nobody
 * can ever stop again.  What it expects to be recorded it keeps for fuzz-loop.c.
 */

#include "fuzz.h"

#include "trace/kernel.h"
#include <sys/types.h>

#define WORLD_TASKS 24
#define WORLD_FIRST 4100001 /* above every pid there can be */
#define WORLD_ROOT WORLD_FIRST
#define WORLD_ITEMS 96 /* that are expected of one task */

enum expected_kind {
	EXPECT_CALL = 1, /* returned: row, result */
	EXPECT_UNFINISHED,
	EXPECT_EXEC,
	EXPECT_EXIT, /* its status as result */
	EXPECT_DETACH,
};

struct expected {
	enum expected_kind kind;
	bool optional; /* a call that was never made, but stood at its entry */
	size_t row;
	int64_t result;
};

/* What is to be recorded of one tid, in its order. */
struct account {
	struct expected items[WORLD_ITEMS];
	size_t count;
	bool born;	/* a task had it */
	bool announced; /* its birth was told to the tracer by its parent */
	bool vanished;	/* by an exec: no end of it is told */
	bool fuzzy;	/* killed where the tracer could not ask what it was in */
};

struct world_setup {
	bool attach;	    /* the first tasks run already */
	unsigned processes; /* of them */
	unsigned threads;   /* each has, beside the first */
};

extern const struct kernel world_kernel;

void world_begin(struct fuzz_in *in, const struct world_setup *setup);

/* Of tid WORLD_FIRST + @i. */
const struct account *world_account(size_t i);

/* Whether somebody is left who is traced. */
bool world_has_tasks(void);

/* The tracer is done; whatever it said of who is left was the last. */
void world_end(void);

/* A bit of the input's choice, for what else there is to choose. */
uint8_t world_byte(void);

/* Called at each wait, to take what is in the ring. */
extern void (*world_drain)(void);

/* --- for the twins of what looks at a task (world-proc.c) ---------------------------- */

pid_t world_tgid(pid_t tid); /* 0 where it is gone */
pid_t world_ppid(pid_t tid);
char world_state(pid_t tid);
bool world_catches(pid_t tid, int signal);
bool world_has_ended(pid_t tgid);
bool world_shares(pid_t a, pid_t b);
