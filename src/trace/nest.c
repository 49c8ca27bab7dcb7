/* SPDX-License-Identifier: MIT */
#include "trace/nest.h"

#include "base/mem.h"
#include "trace/nest-request.h"
#include "trace/nest-wait.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* Those for which the kernel must be asked to stop the task. */
#define OPTIONS_ASKED (PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE)

/* --- who traces whom --------------------------------------------------------------- */

struct nester *
nest_tracer(struct tracee *t)
{
	if (!t->nester)
		t->nester = mem_zero(1, sizeof(*t->nester));
	return t->nester;
}

/* Only of a task that stands still: else at its next stop. */
static void
ask_options(struct tracing *tr, struct nested *n)
{
	unsigned long options =
		kernel_options(!tr->config.attach) | (n->options & OPTIONS_ASKED);

	n->unasked = tr->kernel->request(PTRACE_SETOPTIONS, n->task->tid, 0,
					 (void *)(uintptr_t)options) < 0;
}

void
nest_set_options(struct tracing *tr, struct nested *n, uint64_t options)
{
	bool ask = (n->options | options) & OPTIONS_ASKED;

	n->options = options;
	if (ask)
		ask_options(tr, n);
	if (n->unasked)
		tr->kernel->interrupt(n->task->tid);
}

bool
nest_watches(const struct tracing *tr, const struct tracee *t)
{
	for (const struct nested *n = tr->nested; n; n = n->next)
		if (n->tracer->tgid == t->tgid)
			return true;
	return t->nester && t->nester->ended_count;
}

/* Whoever is in a wait already must begin it again, for that to show. */
static void
watch_process(struct tracing *tr, struct tracee *tracer)
{
	struct tracee *t = tracer;

	do {
		tr->kernel->interrupt(t->tid);
		t = t->next;
	} while (t != tracer);
}

struct nested *
nest_tie(struct tracing *tr, struct tracee *task, struct tracee *tracer)
{
	struct nested *n = mem_zero(1, sizeof(*n));
	bool first = !nest_watches(tr, tracer);
	pid_t tgid, ppid;

	n->task = task;
	n->tracer = tracer;
	n->next = tr->nested;
	n->link = &tr->nested;
	if (n->next)
		n->next->link = &n->next;
	tr->nested = n;
	nest_tracer(tracer)->count++;
	n->child = task->tid == task->tgid && proc_ids(task->tid, &tgid, &ppid) == 0 &&
		   ppid == tracer->tgid;
	n->id = nest_id(tracer->tid, task->tid);
	task->nested = n;
	if (first)
		watch_process(tr, tracer);
	return n;
}

static void
untie(struct nested *n)
{
	n->tracer->nester->count--;
	*n->link = n->next;
	if (n->next)
		n->next->link = n->link;
	n->task->nested = NULL;
	free(n);
}

/* It goes on as if nobody had traced it. */
void
nest_release(struct tracing *tr, struct nested *n, int signal)
{
	struct tracee *t = n->task;
	bool stands = n->status;
	enum resume how = n->how;

	nest_set_options(tr, n, 0);
	untie(n);
	if (stands)
		tracing_resume(tr, t, how, signal);
}

void
nest_renamed(struct tracee *t)
{
	if (t->nested)
		t->nested->id = nest_id(t->nested->tracer->tid, t->tid);
}

bool
nest_stands(const struct tracee *t)
{
	return t->nested && t->nested->status;
}

/* --- stops ------------------------------------------------------------------------- */

/* The option for which a tracer sees this event; 0 for none. */
static uint64_t
option_of(int status)
{
	unsigned event = (unsigned)status >> 16;

	/* each is the bit of its event's number (include/uapi/linux/ptrace.h) */
	return event < PTRACE_EVENT_STOP ? UINT64_C(1) << event : 0;
}

static bool
is_own_seccomp_stop(struct tracing *tr, const struct tracee *t)
{
	unsigned long data;

	return tr->kernel->message(t->tid, &data) < 0 || data == tr->config.mark;
}

/* A single step over a call of which we see the return ends there. */
static int
syscall_status(const struct tracee *t)
{
	const struct nested *n = t->nested;
	bool emulated = n->run == NEST_EMULATE || n->run == NEST_EMULATE_STEP;

	if (n->run == NEST_STEP)
		return t->entered ? 0 : NEST_STATUS(SIGTRAP);
	if (n->run != NEST_SYSCALL && !(emulated && t->entered))
		return 0;
	return n->options & PTRACE_O_TRACESYSGOOD ? t->status : NEST_STATUS(SIGTRAP);
}

/* What the tracer is to see of the stop that @t is at; 0 for nothing. */
static int
visible(struct tracing *tr, const struct tracee *t, int signal)
{
	const struct nested *n = t->nested;
	bool wanted = n->options & option_of(t->status);

	switch (stop_kind(t->status)) {
	case STOP_SIGNAL:
		/* else it was for the recorder */
		return signal ? t->status : 0;
	case STOP_SYSCALL:
		return syscall_status(t);
	case STOP_GROUP:
		return n->seized ? t->status : NEST_STATUS(stop_signal(t->status));
	case STOP_EXEC:
		/* old tracers know nothing else of it (ptrace(2), PTRACE_TRACEME) */
		if (!wanted && !n->seized)
			tr->kernel->signal(t->tgid, t->tid, SIGTRAP);
		return wanted ? t->status : 0;
	case STOP_SECCOMP:
		return wanted && !is_own_seccomp_stop(tr, t) ? t->status : 0;
	case STOP_FORK:
	case STOP_OTHER:
		return wanted ? t->status : 0;
	case STOP_BIRTH:
		/* the end of a group-stop that it was left in */
		return n->run == NEST_LISTEN ? t->status : 0;
	case STOP_END:
		break;
	}
	return 0;
}

static enum resume
resume_for(enum nest_run run, enum resume how)
{
	static const enum resume ways[] = {
		[NEST_CONT] = RESUME_CONT,
		[NEST_SYSCALL] = RESUME_SYSCALL,
		[NEST_STEP] = RESUME_STEP,
		[NEST_EMULATE] = RESUME_EMULATE,
		[NEST_EMULATE_STEP] = RESUME_EMULATE_STEP,
		[NEST_LISTEN] = RESUME_CONT,
	};

	return how == RESUME_CONT ? ways[run] : how;
}

bool
nest_takes_seccomp(const struct tracee *t)
{
	return t->nested && t->nested->options & PTRACE_O_TRACESECCOMP;
}

bool
nest_keeps(struct tracing *tr, struct tracee *t, enum resume *how, int *signal)
{
	struct nested *n = t->nested;

	if (n->unasked)
		ask_options(tr, n);
	if (n->passing) {
		*how = resume_for(n->run, *how);
		return false;
	}
	if (*signal && *signal == n->injected && stop_kind(t->status) == STOP_SIGNAL) {
		n->injected = 0;
		*how = resume_for(n->run, *how);
		return false;
	}
	n->how = *how;
	n->signal = *signal;
	/* who is stopped in his group says so again when he is interrupted */
	n->artificial = n->wanted && !(n->seized && stop_kind(t->status) == STOP_GROUP);
	n->status = n->artificial ? n->wanted : visible(tr, t, *signal);
	n->wanted = 0;
	if (!n->status) {
		*how = resume_for(n->run, *how);
		return false;
	}
	n->waited = false;
	nest_wake(tr, n->tracer);
	return true;
}

/* Lets it go on from what its tracer saw, perhaps to what it really stopped for. */
void
nest_pass(struct tracing *tr, struct nested *n, enum nest_run run, int signal)
{
	bool group = stop_kind(n->task->status) == STOP_GROUP;
	enum resume how = n->how;

	n->run = run;
	/* its tracer saw a signal that there is not */
	if (signal && n->artificial && !n->seized) {
		n->injected = signal;
		tr->kernel->signal(n->task->tgid, n->task->tid, signal);
		signal = 0;
	}
	n->status = 0;
	if (n->artificial) {
		tracing_resume(tr, n->task, how, n->signal);
		return;
	}
	/* a tracer may let a task go on that is in a group-stop, or leave it there */
	if (group)
		how = run == NEST_LISTEN ? RESUME_LISTEN : RESUME_CONT;
	n->passing = true;
	tracing_resume(tr, n->task, how, signal);
	n->passing = false;
}

void
nest_birth(struct tracing *tr, const struct tracee *parent, struct tracee *child,
	   int event)
{
	const struct nested *p = parent->nested;
	struct nested *n;

	if (!p || !(p->options & option_of(event)) || child->nested)
		return;
	n = nest_tie(tr, child, p->tracer);
	n->seized = p->seized;
	n->wanted = n->seized ? NEST_EVENT(PTRACE_EVENT_STOP) : NEST_STATUS(SIGSTOP);
	nest_set_options(tr, n, p->options);
}

/* --- ends ---------------------------------------------------------------------------- */

void
nest_end(struct tracing *tr, struct tracee *t, int status)
{
	struct nested *n = t->nested;
	struct tracee *tracer;

	if (!n)
		return;
	tracer = n->tracer;
	if (!n->child)
		nest_add_obituary(tracer, n->id, status);
	untie(n);
	nest_wake(tr, tracer);
}

void
nest_forget(struct tracing *tr, struct tracee *t)
{
	struct nested *next;

	if (t->nested) {
		struct tracee *tracer = t->nested->tracer;

		untie(t->nested);
		nest_wake(tr, tracer);
	}
	for (struct nested *n = t->nester && t->nester->count ? tr->nested : NULL; n;
	     n = next) {
		next = n->next;
		if (n->tracer != t)
			continue;
		if (n->options & PTRACE_O_EXITKILL)
			tr->kernel->kill(n->task->tgid, SIGKILL);
		nest_release(tr, n, n->signal);
	}
	if (t->nester)
		free(t->nester->ended);
	free(t->nester);
	t->nester = NULL;
}

void
nest_leave(struct tracing *tr)
{
	while (tr->nested)
		nest_release(tr, tr->nested, tr->nested->signal);
}
