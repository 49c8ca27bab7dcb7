/* SPDX-License-Identifier: MIT */
#include "trace/loop.h"

#include "base/compiler.h"
#include "base/msg.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "trace/capture.h"
#include "trace/kernel.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracee.h"
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/ptrace.h>

/*
 * One tracee's life.  A call of the table takes two stops; everything else runs
 * without us.
 *
 *              parent's fork event             seccomp stop
 *   (birth) --+-----------------> running ---------------------> in call
 *      |      |                   |  ^  ^                         |   |
 *      v      | its own first     |  |  | return: record          |   | success
 *    parked --+ stop came first   |  |  +-------------------------+   | of exec
 *                                 |  |  | ERESTART*: held, until      v
 *                                 |  |  | it is called again        exec stop
 *            group-stop: LISTEN <-+  |  +---------------------------- record
 *                                    |
 *                                    +-- signal: handed on, once
 *
 * A child's first stop comes before its parent's event more often than not; it
 * waits ("parked") until the record of its birth is in the ring, so that no
 * record of its own can stand before that one.
 */

/* Kernel-internal results of interrupted calls (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT */
#define BATCH 64

/* Rounds that a child waits for its parent's event once some task has ended. */
#define PATIENCE 64
#define QUIET_NS (1000 * 1000)

struct loop {
	const struct kernel *kernel;
	struct ring *ring;
	pid_t root;
	struct tracees tracees;
	struct capture capture;
	struct loop_result result;
	uint64_t round;
	bool lost_some; /* a task ended: its child may be parked for ever */
	bool deserted;	/* the kernel knows of no tracee any more */
	int stopped_by; /* the command is in a group-stop, and we are not yet */
};

/* For signal handlers: pids are never sig_atomic_t, but they fit (PID_MAX_LIMIT). */
static volatile sig_atomic_t kill_wanted, command_alive;

void
loop_forward(int signal)
{
	if (command_alive)
		kill(command_alive, signal);
	else
		loop_kill_all();
}

void
loop_kill_all(void)
{
	kill_wanted = 1;
}

static void
put(struct loop *l, const struct record *r)
{
	ring_write(l->ring, r);
}

/* -ESRCH is no error: the task is dying, and its end will be reported. */
static void
resume(struct loop *l, const struct tracee *t, enum resume how, int signal)
{
	int r = l->kernel->resume(t->tid, how, signal);

	if (r < 0 && r != -ESRCH)
		msg_debug("cannot resume %d: %s", (int)t->tid, strerror(-r));
}

/* The call it was in will not return any more. */
static void
end_calls(struct loop *l, struct tracee *t)
{
	if (t->held.active)
		put(l, capture_interrupted(&l->capture, t->held.record));
	if (t->call.active)
		put(l, capture_unfinished(&l->capture, t->call.record));
	t->held.active = t->call.active = false;
}

/* --- births --------------------------------------------------------------- */

static bool
is_thread_of(pid_t tgid, pid_t tid)
{
	/* signal 0 asks only whether @tid is in the thread group @tgid (tgkill(2)) */
	return syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

/* Killed at birth, and its end was reported before its parent's event. */
static void
tell_stillbirth(struct loop *l, const struct tracee *parent, pid_t tid)
{
	put(l, capture_fork(&l->capture, parent->tid, tid, false, false));
	put(l, capture_end(&l->capture, tid, 0, false));
}

/* Puts the birth of @tid into the ring and lets it run if it waits for that. */
static void
tell_birth(struct loop *l, struct tracee *parent, pid_t tid, bool guessed)
{
	struct tracee *child = tracees_find(&l->tracees, tid);
	bool thread = is_thread_of(parent->tgid, tid);

	if (!child && l->kernel->kill(tid, 0) == -ESRCH) {
		tell_stillbirth(l, parent, tid);
		return;
	}
	if (!child)
		child = tracees_add(&l->tracees, tid, NULL);
	if (child->told)
		return;
	if (thread)
		tracees_join(child, parent);
	put(l, capture_fork(&l->capture, parent->tid, tid, thread, guessed));
	child->told = true;
	if (child->parked) {
		tracees_unpark(child);
		resume(l, child, RESUME_CONT, 0);
	}
}

static void
on_fork(struct loop *l, struct tracee *t)
{
	unsigned long tid;

	if (l->kernel->message(t->tid, &tid) == 0)
		tell_birth(l, t, (pid_t)tid, false);
	resume(l, t, RESUME_CONT, 0);
}

/* Its parent died before it could report: /proc knows whose child it is. */
static void
adopt(struct loop *l, struct tracee *child)
{
	pid_t tgid = 0, ppid = 0;
	struct tracee *parent = NULL;

	if (proc_ids(child->tid, &tgid, &ppid) == 0)
		parent = tracees_find(&l->tracees, tgid != child->tid ? tgid : ppid);
	if (!parent || parent == child)
		parent = tracees_find(&l->tracees, l->root);
	if (parent && parent != child) {
		tell_birth(l, parent, child->tid, true);
		return;
	}
	/* nobody is left: the model will say that it does not know where it came from */
	child->told = true;
	tracees_unpark(child);
	resume(l, child, RESUME_CONT, 0);
}

/*
 * Lets children run whose parents died without telling: those that are still
 * parked when nothing more comes, or that were for many rounds.  Adopting one
 * whose parent is only slow does no harm: the late event is ignored.
 */
static void
adopt_parked(struct loop *l, bool quiet)
{
	struct tracee *child, *next;

	for (child = l->tracees.parked; child; child = next) {
		next = child->next_parked;
		if (quiet || l->round - child->parked_round > PATIENCE)
			adopt(l, child);
	}
	if (!l->tracees.parked)
		l->lost_some = false;
}

static void
on_birth(struct loop *l, struct tracee *t)
{
	if (t->told)
		resume(l, t, RESUME_CONT, 0);
	else if (!t->parked)
		tracees_park(&l->tracees, t, l->round);
}

/* --- calls ---------------------------------------------------------------- */

static const struct syscall_row *
find_row(const struct syscall_stop *stop, enum abi *ret_abi)
{
	*ret_abi = ABI_X86_64;
	if (stop->arch == AUDIT_ARCH_I386)
		*ret_abi = ABI_I386;
	else if (stop->arch != AUDIT_ARCH_X86_64)
		return NULL;
	else if (stop->nr & X32_BIT)
		*ret_abi = ABI_X32;
	return syscall_find(*ret_abi, (int)(stop->nr & ~(uint64_t)X32_BIT));
}

/*
 * A call that a signal interrupted is made again by the kernel itself, with the
 * same everything, unless a handler without SA_RESTART made it fail with EINTR.
 * Calls of the handler itself have a deeper stack: they say nothing about it.
 */
static void
settle_held(struct loop *l, struct tracee *t, const struct syscall_stop *stop)
{
	if (!t->held.active)
		return;
	if (t->held.nr == stop->nr && t->held.ip == stop->ip && t->held.sp == stop->sp) {
		t->held.active = false;
	} else if (stop->sp >= t->held.sp) {
		put(l, capture_interrupted(&l->capture, t->held.record));
		t->held.active = false;
	}
}

/* Before its first program the command is still the launcher's code. */
static bool
is_launching(const struct loop *l, const struct tracee *t)
{
	return t->tid == l->root && !l->result.started;
}

static void
on_seccomp(struct loop *l, struct tracee *t)
{
	const struct syscall_row *row;
	struct syscall_stop stop;
	enum resume how = RESUME_CONT;
	enum abi abi;

	if (l->kernel->syscall(t->tid, &stop) < 0)
		return;
	row = find_row(&stop, &abi);
	if (row && (!is_launching(l, t) || row->shape == SHAPE_EXEC)) {
		settle_held(l, t, &stop);
		if (capture_entry(&l->capture, t, row, abi, &stop) == CAPTURE_FOLLOW)
			how = RESUME_SYSCALL;
	}
	resume(l, t, how, 0);
}

static void
on_return(struct loop *l, struct tracee *t, int64_t result)
{
	struct pending_call swap = t->held;

	if (is_launching(l, t)) {
		t->call.active = false;
	} else if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) {
		t->held = t->call;
		t->call = swap;
		t->call.active = false;
	} else {
		put(l, capture_exit(&l->capture, t, result));
		t->call.active = false;
	}
}

static void
on_syscall(struct loop *l, struct tracee *t)
{
	struct syscall_stop stop;

	if (l->kernel->syscall(t->tid, &stop) < 0)
		return;
	if (t->call.active && stop.op == PTRACE_SYSCALL_INFO_EXIT)
		on_return(l, t, stop.result);
	resume(l, t, RESUME_CONT, 0);
}

/* --- exec and end ---------------------------------------------------------- */

/*
 * The thread @former has the leader's id now, and all other threads are gone,
 * some of them without a report (ptrace(2), "execve(2) under ptrace").
 */
static struct tracee *
take_over(struct loop *l, struct tracee *t, pid_t former)
{
	struct tracee *caller = tracees_find(&l->tracees, former), *leader;
	pid_t tgid = t->tid;

	if (!caller)
		caller = t;
	while (caller->next != caller) {
		end_calls(l, caller->next);
		tracees_remove(&l->tracees, caller->next);
		l->lost_some = true;
	}
	/* a leader that we never saw as one of this process: the kernel knows better */
	leader = tracees_find(&l->tracees, tgid);
	if (leader && leader != caller)
		tracees_remove(&l->tracees, leader);
	return caller;
}

static void
on_exec(struct loop *l, struct tracee *t)
{
	pid_t tgid = t->tid;
	unsigned long former = (unsigned long)tgid;

	l->kernel->message(tgid, &former);
	if ((pid_t)former != tgid || t->next != t) {
		t = take_over(l, t, (pid_t)former);
		tracees_rename(&l->tracees, t, tgid);
	}
	t->tgid = tgid;
	if (is_launching(l, t)) {
		put(l, capture_start(&l->capture, tgid));
		l->result.started = true;
	}
	put(l, capture_exec(&l->capture, t, (pid_t)former));
	t->call.active = t->held.active = false;
	resume(l, t, RESUME_CONT, 0);
}

static void
on_end(struct loop *l, struct tracee *t, int status)
{
	end_calls(l, t);
	if (t->tid == l->root) {
		l->result.status = status;
		l->result.status_known = true;
		command_alive = 0;
	}
	if (t->told && l->result.started)
		put(l, capture_end(&l->capture, t->tid, status, true));
	tracees_remove(&l->tracees, t);
	l->lost_some = true;
}

static void
on_group_stop(struct loop *l, struct tracee *t, int signal)
{
	if (t->tid == l->root && l->result.started)
		l->stopped_by = signal;
	resume(l, t, RESUME_LISTEN, 0);
}

/* --- the loop -------------------------------------------------------------- */

static void
act(struct loop *l, struct tracee *t, enum stop_kind kind, int status)
{
	switch (kind) {
	case STOP_END:
		on_end(l, t, status);
		break;
	case STOP_SECCOMP:
		on_seccomp(l, t);
		break;
	case STOP_SYSCALL:
		on_syscall(l, t);
		break;
	case STOP_FORK:
		on_fork(l, t);
		break;
	case STOP_EXEC:
		on_exec(l, t);
		break;
	case STOP_GROUP:
		on_group_stop(l, t, stop_signal(status));
		break;
	case STOP_BIRTH:
		on_birth(l, t);
		break;
	case STOP_SIGNAL:
		resume(l, t, RESUME_CONT, stop_signal(status));
		break;
	case STOP_OTHER:
		resume(l, t, RESUME_CONT, 0);
		break;
	}
}

/* A task that we hear of for the first time, or NULL when it is none of ours. */
static struct tracee *
stranger(struct loop *l, pid_t tid, enum stop_kind kind)
{
	/* children that our process had before it became whatfiles are never seized */
	if (kind == STOP_END)
		return NULL;
	return tracees_add(&l->tracees, tid, NULL);
}

static void
dispatch(struct loop *l, pid_t tid, int status)
{
	enum stop_kind kind = stop_kind(status);
	struct tracee *t = tracees_find(&l->tracees, tid);

	if (!t)
		t = stranger(l, tid, kind);
	if (!t)
		return;
	l->result.stops += kind != STOP_END;
	act(l, t, kind, status);
}

/*
 * A shell waits for us to stop when its user stops the command, and lets us go
 * on later.  It wakes our process group, the command with it; somebody who wakes
 * us alone means the command.
 */
static void
stop_with_command(struct loop *l)
{
	int signal = l->stopped_by, status;
	pid_t tid;

	l->stopped_by = 0;
	l->kernel->stop_self(signal);
	tid = l->kernel->wait(false, &status);
	if (tid > 0)
		dispatch(l, tid, status);
	if (tid != l->root)
		l->kernel->kill(l->root, SIGCONT);
}

static void
kill_one(void *value, void *data)
{
	const struct tracee *t = value;
	const struct loop *l = data;

	l->kernel->kill(t->tgid, SIGKILL);
}

static void
kill_if_wanted(struct loop *l)
{
	/* every round again: a child may have been born meanwhile */
	if (kill_wanted)
		tidmap_each(&l->tracees.map, kill_one, l);
}

/*
 * Collects what is there before acting on any of it: the kernel reports the
 * oldest tracee first, and one that stops all the time would starve the others.
 */
static size_t
collect(struct loop *l, bool block, pid_t tids[BATCH], int statuses[BATCH])
{
	size_t n = 0;
	pid_t tid;

	do {
		tid = l->kernel->wait(block && !n, &statuses[n]);
		if (tid > 0)
			tids[n++] = tid;
	} while (tid > 0 && n < BATCH);
	l->deserted = tid == -ECHILD;
	return n;
}

static void
round_of(struct loop *l)
{
	const struct timespec pause = { .tv_nsec = QUIET_NS };
	bool doubt = l->lost_some && l->tracees.parked;
	int statuses[BATCH];
	pid_t tids[BATCH];
	size_t n;

	l->round++;
	n = collect(l, !doubt, tids, statuses);
	if (!n && doubt) {
		nanosleep(&pause, NULL);
		n = collect(l, false, tids, statuses);
	}
	for (size_t i = 0; i < n; i++)
		dispatch(l, tids[i], statuses[i]);
	if (doubt)
		adopt_parked(l, !n);
	kill_if_wanted(l);
	if (l->stopped_by)
		stop_with_command(l);
}

/* No report will come of these: their ends are told without a status. */
static void
end_one(void *value, void *data)
{
	struct tracee *t = value;
	struct loop *l = data;

	end_calls(l, t);
	if (t->told && l->result.started)
		put(l, capture_end(&l->capture, t->tid, 0, false));
}

void
loop_run(const struct kernel *kernel, struct ring *ring, pid_t root, struct loop_result *ret)
{
	struct loop l = { .kernel = kernel, .ring = ring, .root = root };

	command_alive = root;
	capture_init(&l.capture);
	tracees_add(&l.tracees, root, NULL)->told = true;
	while (l.tracees.count && !l.deserted)
		round_of(&l);
	tidmap_each(&l.tracees.map, end_one, &l);
	tracees_done(&l.tracees);
	capture_done(&l.capture);
	*ret = l.result;
}
