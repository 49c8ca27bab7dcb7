/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tracers inside of the job: LeakSanitizer, gdb, strace
 *
 * A task has one tracer, and that is us.  So ptrace(2) between two tasks of ours is not
 * made by the kernel: it is played here, on top of the stops that we get anyway.  What a
 * tracer of the job asks of a task that stands still for it we ask in its place; how it
 * lets the task go on is how we resume it; and what its tracee stops for is kept until it
 * has been told of it by wait4(2) or waitid(2).  No tracee is ever let out of our sight,
 * and no stop shows to anybody else, as a hand-over by SIGSTOP would to its parent.
 *
 * Whoever traces stops at every call meanwhile, to see the waits.  A wait for somebody who
 * is no child of its own, which the kernel does not know to be waited for, becomes a
 * pause(2) until there is something to tell.
 *
 * Only for tracers that make calls of x86-64; others are refused by the kernel (EPERM).
 */

#include "trace/kernel.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct tracee;
struct tracing;

/* How a tracer let its tracee go on. */
enum nest_run {
	NEST_CONT,
	NEST_SYSCALL,
	NEST_STEP,
	NEST_EMULATE, /* PTRACE_SYSEMU: calls are not made */
	NEST_EMULATE_STEP,
	NEST_LISTEN,
};

/* A task that another one of the job traces. */
struct nested {
	struct tracee *task, *tracer;
	struct nested *next, **link;
	pid_t id; /* as its tracer calls it */
	bool seized;
	bool child;	  /* of its tracer's process, which the kernel tells of its end */
	uint64_t options; /* PTRACE_O_* */
	bool unasked;	  /* the kernel does not know of them yet */
	enum nest_run run;
	int wanted;	 /* what its next stop shall be, whatever it is; 0: just that */
	int status;	 /* what it stands at, as its tracer is to see it; 0: it runs */
	bool waited;	 /* its tracer has seen that */
	bool artificial; /* it was wanted: behind it is a stop of another kind, or none */
	bool passing;	 /* is being let go */
	enum resume how; /* it would have gone on so, and with this signal */
	int signal;
	int injected; /* a signal from its tracer that is on its way */
};

/* What was traced and has ended, for a tracer that is not its parent. */
struct obituary {
	pid_t id;
	int status;
};

/* A task that traces others. */
struct nester {
	unsigned count; /* of those */
	struct obituary *ended;
	size_t ended_count;
	/* a request to attach: the kernel is asked first whether that is allowed */
	bool asking, seize;
	pid_t target;
	uint64_t options;
	struct user_regs_struct asked; /* the registers of the request */
	/* a wait */
	bool waiting, pausing;
	bool owed; /* a SIGCHLD, when the wait is over */
	uint64_t wait_nr, wait_args[4], wait_ip;
};

/* Statuses of stops, as a wait tells them. */
#define NEST_STATUS(signal) ((signal) << 8 | 0x7f)
#define NEST_EVENT(event) ((event) << 16 | NEST_STATUS(SIGTRAP))

/* At the entry and the return of any call of @t, which traces. */
void nest_on_any_entry(struct tracing *tr, struct tracee *t,
		       const struct syscall_stop *stop);
void nest_on_any_return(struct tracing *tr, struct tracee *t, int64_t result);

/* @tracer traces @task from now on, which runs. */
struct nested *nest_tie(struct tracing *tr, struct tracee *task, struct tracee *tracer);

/* What @t is as a tracer, from now on if it was none. */
struct nester *nest_tracer(struct tracee *t);

/* PTRACE_SETOPTIONS; a task that runs is stopped for that, which nobody sees. */
void nest_set_options(struct tracing *tr, struct nested *n, uint64_t options);

/*
 * Lets a task go on that stands, with @signal: from what its tracer saw, perhaps to what
 * it really stopped for.
 */
void nest_pass(struct tracing *tr, struct nested *n, enum nest_run run, int signal);

/* It goes on as if nobody had traced it, and @n is gone. */
void nest_release(struct tracing *tr, struct nested *n, int signal);

/* Whether @t stays where it is, because its tracer is to see it; else how it goes on. */
bool nest_keeps(struct tracing *tr, struct tracee *t, enum resume *how, int *signal);

/* It has another id: that of its process, by execve(2). */
void nest_renamed(struct tracee *t);

/* Whether @t stands still for its tracer. */
bool nest_stands(const struct tracee *t);

/* Whether a stop that a filter of the job asked for is for the tracer of @t to see. */
bool nest_takes_seccomp(const struct tracee *t);

/* A child was born, and is not running yet. */
void nest_birth(struct tracing *tr, const struct tracee *parent, struct tracee *child,
		int event);

/* @t ended, its status known; and is about to be forgotten, whatever for. */
void nest_end(struct tracing *tr, struct tracee *t, int status);
void nest_forget(struct tracing *tr, struct tracee *t);

/* We are leaving: everybody is let go who stands for a tracer. */
void nest_leave(struct tracing *tr);

/* Whether @t must stop at every call, because its waits are answered here. */
bool nest_watches(const struct tracing *tr, const struct tracee *t);
