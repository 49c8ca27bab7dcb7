/* SPDX-License-Identifier: MIT */
#include "trace/loop.h"

#include "base/mem.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/attach.h"
#include "trace/births.h"
#include "trace/calls.h"
#include "trace/descriptors.h"
#include "trace/ending.h"
#include "trace/fast.h"
#include "trace/freeze.h"
#include "trace/guard.h"
#include "trace/leave.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

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
 */

/* What is collected at first, and at most, of the stops that are there. */
#define BATCH 64
#define MOST 8192

/* When nothing has come for so long, a parked child's parent is dead. */
#define QUIET_MS 20

/* For signal handlers. */
static volatile sig_atomic_t leave_wanted;

void
loop_leave(void)
{
	leave_wanted = 1;
	/* until it is done: the loop may just have begun to wait */
	kernel_real.interrupt_every(QUIET_MS);
}

/* It is gone, and so is whatever it was in. */
static void
forget(struct tracing *tr, struct tracee *t)
{
	calls_end(tr, t);
	fast_end(tr, t);
	nest_forget(tr, t);
	guard_forget(tr, t);
	freeze_forget(tr, t);
	tracees_remove(&tr->tracees, t);
}

/*
 * The thread @former has the leader's id now, and all other threads are gone,
 * some of them without a report (ptrace(2), "execve(2) under ptrace").
 */
static struct tracee *
take_over(struct tracing *tr, struct tracee *t, pid_t former)
{
	struct tracee *caller = tracees_find(&tr->tracees, former), *leader;
	pid_t tgid = t->tid;

	if (!caller)
		caller = t;
	while (caller->next != caller)
		forget(tr, caller->next);
	/* a leader that we never saw as one of this process: the kernel knows better */
	leader = tracees_find(&tr->tracees, tgid);
	if (leader && leader != caller)
		forget(tr, leader);
	return caller;
}

/* Which thread executed the program that @t's process has now. */
static pid_t
former_of(struct tracing *tr, const struct tracee *t)
{
	const struct tracee *s = t;
	unsigned long former;

	if (tr->kernel->message(t->tid, &former) == 0)
		return (pid_t)former;
	/* it was killed since, and does not say: then whoever is in an execve */
	do {
		if (s->call.active &&
		    syscall_rows[s->call.record->row].shape == SHAPE_EXEC)
			return s->tid;
		s = s->next;
	} while (s != t);
	return t->tid;
}

static void
on_exec(struct tracing *tr, struct tracee *t)
{
	pid_t tgid = t->tid, former = former_of(tr, t);
	const struct record *call, *exec;
	bool first;

	if (former != tgid || t->next != t) {
		t = take_over(tr, t, former);
		tracees_rename(&tr->tracees, t, tgid);
		nest_renamed(t);
	}
	t->tgid = tgid;
	tracees_unpark(t);
	t->told = true;
	first = tracing_is_launching(tr, t);
	if (first) {
		tracing_put(tr, capture_start(&tr->capture, tgid));
		tr->result.started = true;
	}
	call = fast_exec_call(tr, former);
	if (call)
		pending_set(&t->call, call);
	exec = capture_exec(&tr->capture, t, former);
	if (tr->config.until && leave_is_meant(exec, tr->config.until))
		loop_leave();
	tracing_put(tr, exec);
	tracees_own_memory(t);
	if (first)
		descriptors_inherited(tr, tgid, false);
	t->call.active = t->entered = false;
	t->held_count = 0;
	fast_exec(tr, t);
	tracing_resume(tr, t, RESUME_CONT, 0);
}

static void
on_end(struct tracing *tr, struct tracee *t, int status)
{
	calls_end(tr, t);
	fast_end(tr, t);
	nest_end(tr, t, status);
	if (t->tid == tr->root) {
		tr->result.status = status;
		tr->result.status_known = true;
		ending_of_command(tr);
	}
	if (t->told && tr->result.started)
		tracing_put(tr, capture_end(&tr->capture, t->tid, status, true));
	else
		births_note_end(tr, t->tid, status);
	forget(tr, t);
}

static void
on_group_stop(struct tracing *tr, struct tracee *t, int signal)
{
	if (t->tid == tr->root && tr->result.started)
		tr->stopped_by = signal;
	/* nobody is to wait for what it was doing */
	fast_signal(tr, t, 0);
	tracing_resume(tr, t, RESUME_LISTEN, 0);
}

static enum birth
birth_of(int status)
{
	switch (status >> 16) {
	case PTRACE_EVENT_VFORK:
		return BIRTH_VFORK;
	case PTRACE_EVENT_CLONE:
		return BIRTH_CLONE;
	default:
		return BIRTH_FORK;
	}
}

static bool
is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS || signal == SIGILL ||
	       signal == SIGFPE || signal == SIGTRAP || signal == SIGSYS;
}

/*
 * The init of a pid namespace dies of a fault of its own because the kernel takes
 * away its immunity to signals then, but not from a process that is traced
 * (force_sig_info_to_task() in kernel/signal.c): it would run into the same fault
 * for ever.  Untraced it runs into it once more, and dies.
 */
static bool
must_die_untraced(const struct tracing *tr, const struct tracee *t, int signal)
{
	return is_fault(signal) && tr->kernel->is_fault(t->tid) &&
	       proc_inner_pid(t->tgid) == 1 && !proc_catches(t->tid, signal);
}

static void
on_signal(struct tracing *tr, struct tracee *t, int signal)
{
	if (fast_signal(tr, t, signal))
		tracing_resume(tr, t, RESUME_CONT, 0);
	else if (must_die_untraced(tr, t, signal) && tr->kernel->detach(t->tid, 0) == 0)
		on_end(tr, t, signal);
	else
		calls_on_signal(tr, t, signal);
}

static void
act(struct tracing *tr, struct tracee *t, enum stop_kind kind, int status)
{
	t->status = status;
	switch (kind) {
	case STOP_END:
		on_end(tr, t, status);
		break;
	case STOP_SECCOMP:
		calls_on_entry(tr, t);
		break;
	case STOP_SYSCALL:
		calls_on_syscall(tr, t);
		break;
	case STOP_FORK:
		births_on_fork(tr, t, birth_of(status));
		break;
	case STOP_EXEC:
		on_exec(tr, t);
		break;
	case STOP_GROUP:
		on_group_stop(tr, t, stop_signal(status));
		break;
	case STOP_BIRTH:
		births_on_first_stop(tr, t);
		break;
	case STOP_SIGNAL:
		on_signal(tr, t, stop_signal(status));
		break;
	case STOP_OTHER:
		tracing_resume(tr, t, RESUME_CONT, 0);
		break;
	}
}

void
loop_act(struct tracing *tr, struct tracee *t, int status)
{
	act(tr, t, stop_kind(status), status);
}

static void
dispatch(struct tracing *tr, pid_t tid, int status)
{
	enum stop_kind kind = stop_kind(status);
	struct tracee *t = tracees_find(&tr->tracees, tid);

	if (!t)
		t = births_stranger(tr, tid, status);
	if (!t)
		return;
	tr->result.stops += kind != STOP_END;
	if (tr->left) {
		leave_late(tr, t, status);
		return;
	}
	if (tr->waiting)
		guard_settle(tr, t);
	if (!freeze_puts_off(tr, t, status))
		act(tr, t, kind, status);
	freeze_settle(tr);
}

/*
 * A shell waits for us to stop when its user stops the command, and lets us go
 * on later.  It wakes our process group, the command with it; somebody who wakes
 * us alone means the command.
 */
static void
stop_with_command(struct tracing *tr)
{
	int signal = tr->stopped_by, status;
	bool woken = false;
	pid_t tid;

	tr->stopped_by = 0;
	tr->kernel->stop_self(signal, tr->root);
	for (int i = 0; i < BATCH && !woken; i++) {
		tid = tr->kernel->wait(false, &status);
		if (tid <= 0)
			break;
		woken = tid == tr->root;
		dispatch(tr, tid, status);
	}
	if (!woken)
		tr->kernel->kill(tr->root, SIGCONT);
}

/* What is acted on in one round. */
struct batch {
	struct {
		pid_t tid;
		int status;
	} * stops;
	size_t capacity;
};

static void
grow(struct batch *b)
{
	b->capacity = MAX(b->capacity * 2, BATCH);
	b->stops = mem_resize(b->stops, b->capacity, sizeof(*b->stops));
}

/*
 * A thread has executed a program and has its leader's id: what was to be done about a
 * stop of that one, who is gone, would be done to it.
 */
static void
drop_former(struct batch *b, size_t count, pid_t tid)
{
	for (size_t i = 0; i < count; i++)
		if (b->stops[i].tid == tid)
			b->stops[i].tid = 0;
}

/*
 * Collects what is there before acting on any of it: the kernel reports the
 * oldest tracee first, and one that stops all the time would starve the others.
 */
static size_t
collect(struct tracing *tr, struct batch *b)
{
	size_t n = 0;
	pid_t tid;

	do {
		if (n == b->capacity)
			grow(b);
		tid = tr->kernel->wait(!n, &b->stops[n].status);
		if (tid > 0 && stop_kind(b->stops[n].status) == STOP_EXEC)
			drop_former(b, n, tid);
		if (tid > 0)
			b->stops[n++].tid = tid;
	} while (tid > 0 && n < MOST && tr->tracees.count > 1);
	tr->deserted = tid == -ECHILD;
	return n;
}

static void
round_of(struct tracing *tr, struct batch *b)
{
	bool parked = tr->tracees.parked || tr->waiting;
	size_t n;

	tr->round++;
	if (parked)
		tr->kernel->interrupt_every(QUIET_MS);
	n = collect(tr, b);
	for (size_t i = 0; i < n; i++)
		if (b->stops[i].tid)
			dispatch(tr, b->stops[i].tid, b->stops[i].status);
	if (parked && !tr->left) {
		births_adopt(tr, !n);
		if (!n) {
			guard_give_up(tr);
			freeze_give_up(tr);
		}
		if (!leave_wanted)
			tr->kernel->interrupt_every(0);
	}
	ending_step(tr);
	if (leave_wanted && tr->config.attach)
		leave_step(tr);
	if (tr->stopped_by)
		stop_with_command(tr);
}

/* No report will come of these: their ends are told without a status. */
static void
end_one(void *value, void *data)
{
	struct tracee *t = value;
	struct tracing *tr = data;

	nest_forget(tr, t);
	/* what we left goes on, and was told of */
	if (tr->left)
		return;
	calls_end(tr, t);
	fast_end(tr, t);
	if (t->told && tr->result.started)
		tracing_put(tr, capture_end(&tr->capture, t->tid, 0, false));
}

void
loop_run(const struct kernel *kernel, struct ring *ring, const struct loop_config *config,
	 pid_t root, struct loop_result *ret)
{
	struct tracing tr = { .kernel = kernel,
			      .ring = ring,
			      .spare = config->spare,
			      .fast = config->fast,
			      .config = *config,
			      .root = root };
	struct batch batch = { 0 };

	ending_init(&tr);
	capture_init(&tr.capture, config->resolve);
	if (config->attach)
		attach_begin(&tr, config->attach);
	/* asked meanwhile, with nothing left that would interrupt the first wait */
	if (leave_wanted)
		loop_leave();
	if (!config->attach)
		tracees_add(&tr.tracees, root, NULL)->told = true;
	while (tr.tracees.count && !tr.deserted)
		round_of(&tr, &batch);
	free(batch.stops);
	ending_done(&tr);
	tidmap_each(&tr.tracees.map, end_one, &tr);
	tracees_done(&tr.tracees);
	tidmap_done(&tr.ended);
	capture_done(&tr.capture);
	leave_wanted = 0;
	*ret = tr.result;
}
