/* SPDX-License-Identifier: MIT */
#include "trace/nest-wait.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "trace/nest.h"
#include "trace/remote.h"
#include "trace/tracing.h"
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Kernel-internal results: the call will be made again (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTARTNOHAND 514

/* Length of the instruction syscall. */
#define SYSCALL_LEN 2

void
nest_add_obituary(struct tracee *tracer, pid_t id, int status)
{
	struct nester *nester = tracer->nester;

	nester->ended = mem_resize(nester->ended, nester->ended_count + 1,
				   sizeof(*nester->ended));
	nester->ended[nester->ended_count++] = (struct obituary){ id, status };
}

/* --- whom a wait is for ---------------------------------------------------------------- */

/* Either wait, in the terms of wait4(2). */
struct wait {
	pid_t pid;
	uint64_t options;
};

static struct wait
wait_of(const struct nester *nester)
{
	struct wait w = { .pid = (pid_t)nester->wait_args[0],
			  .options = nester->wait_args[2] };

	if (nester->wait_nr != SYS_waitid)
		return w;
	w.options = nester->wait_args[3];
	switch (nester->wait_args[0]) {
	case P_PID:
		w.pid = (pid_t)nester->wait_args[1];
		break;
	case P_PGID:
		w.pid = -(pid_t)nester->wait_args[1];
		break;
	default:
		w.pid = -1;
	}
	return w;
}

static bool
is_for(const struct wait *w, const struct tracee *caller, const struct nested *n)
{
	if (w->pid > 0)
		return w->pid == n->id;
	if (w->pid == -1)
		return true;
	return getpgid(n->task->tgid) == (w->pid ? -w->pid : getpgid(caller->tid));
}

/* Somebody of the caller's for whom it waits, with something to be told if @tells. */
static struct nested *
find_nested(struct tracing *tr, const struct tracee *t, const struct wait *w, bool tells)
{
	for (struct nested *n = tr->nested; n; n = n->next)
		if (n->tracer->tgid == t->tgid && (!tells || (n->status && !n->waited)) &&
		    is_for(w, t, n))
			return n;
	return NULL;
}

static struct obituary *
find_obituary(struct tracee *t, const struct wait *w, struct nester **ret)
{
	struct tracee *s = t;

	do {
		struct nester *nester = s->nester;

		for (size_t i = 0; nester && i < nester->ended_count; i++)
			if (w->pid <= 0 || w->pid == nester->ended[i].id) {
				*ret = nester;
				return &nester->ended[i];
			}
		s = s->next;
	} while (s != t);
	return NULL;
}

/* --- waking who waits ------------------------------------------------------------------ */

/*
 * With each change comes a SIGCHLD.  Who sleeps in a wait is woken first, or would see a
 * handler's EINTR in place of what it waits for.
 */
void
nest_wake(struct tracing *tr, struct tracee *tracer)
{
	struct tracee *t = tracer;
	bool owed = false;

	do {
		struct nester *nester = t->nester;

		if (nester && nester->waiting && !(wait_of(nester).options & WNOHANG)) {
			tr->kernel->interrupt(t->tid);
			owed = nester->owed = true;
		}
		t = t->next;
	} while (t != tracer);
	if (!owed)
		tr->kernel->kill(tracer->tgid, SIGCHLD);
}

static void
pay(struct tracing *tr, const struct tracee *tracer)
{
	if (tracer->nester->owed)
		tr->kernel->kill(tracer->tgid, SIGCHLD);
	tracer->nester->owed = false;
}

/* --- what it is told ------------------------------------------------------------------- */

static int64_t
tell_wait4(const struct tracee *t, pid_t id, int status)
{
	const uint64_t *args = t->nester->wait_args;
	static const struct rusage usage;

	if (args[1] && remote_write(t->tid, args[1], &status, sizeof(status)) < 0)
		return -EFAULT;
	if (args[3] && remote_write(t->tid, args[3], &usage, sizeof(usage)) < 0)
		return -EFAULT;
	return id;
}

static int64_t
tell_waitid(const struct tracee *t, pid_t id, int status)
{
	uint64_t to = t->nester->wait_args[2];
	siginfo_t info = { .si_signo = SIGCHLD };

	info.si_pid = id;
	if (WIFSTOPPED(status)) {
		info.si_code = CLD_TRAPPED;
		info.si_status = status >> 8;
	} else if (WIFEXITED(status)) {
		info.si_code = CLD_EXITED;
		info.si_status = WEXITSTATUS(status);
	} else {
		info.si_code = WCOREDUMP(status) ? CLD_DUMPED : CLD_KILLED;
		info.si_status = WTERMSIG(status);
	}
	if (to && remote_write(t->tid, to, &info, sizeof(info)) < 0)
		return -EFAULT;
	return 0;
}

static void
tell(struct tracing *tr, const struct tracee *t, pid_t id, int status)
{
	int64_t r = t->nester->wait_nr == SYS_waitid ? tell_waitid(t, id, status)
						     : tell_wait4(t, id, status);

	tr->kernel->answer(t->tid, r);
}

/* Answers the wait that @t is at the entry of, if there is something to tell. */
static bool
answer(struct tracing *tr, struct tracee *t)
{
	struct wait w = wait_of(t->nester);
	struct nested *n = find_nested(tr, t, &w, true);
	struct nester *whose;
	struct obituary *o = n ? NULL : find_obituary(t, &w, &whose);

	if (n) {
		tell(tr, t, n->id, n->status);
		n->waited = !(w.options & WNOWAIT);
	} else if (o) {
		tell(tr, t, o->id, o->status);
		if (!(w.options & WNOWAIT))
			*o = whose->ended[--whose->ended_count];
	}
	return n || o;
}

/* --- the call -------------------------------------------------------------------------- */

void
nest_on_any_entry(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	struct nester *nester = nest_tracer(t);
	bool paused =
		nester->pausing && stop->nr == SYS_pause && stop->ip == nester->wait_ip;

	nester->waiting = nester->pausing = false;
	if (stop->arch != AUDIT_ARCH_X86_64)
		return;
	if (!paused && stop->nr != SYS_wait4 && stop->nr != SYS_waitid)
		return;
	if (!paused) {
		nester->wait_nr = stop->nr;
		nester->wait_ip = stop->ip;
		memcpy(nester->wait_args, stop->args, sizeof(nester->wait_args));
	}
	nester->waiting = !answer(tr, t);
	nester->pausing = nester->waiting && paused;
	pay(tr, t);
}

/* The instruction of the call is executed again, and is the call @nr this time. */
static bool
call_again(struct tracing *tr, const struct tracee *t, uint64_t nr)
{
	struct user_regs_struct regs;

	if (tr->kernel->request(PTRACE_GETREGS, t->tid, 0, &regs) < 0)
		return false;
	regs.rip -= SYSCALL_LEN;
	regs.rax = nr;
	regs.orig_rax = (unsigned long long)-1;
	return tr->kernel->request(PTRACE_SETREGS, t->tid, 0, &regs) == 0;
}

static void
set_result(struct tracing *tr, const struct tracee *t, int64_t result)
{
	tr->kernel->request(PTRACE_POKEUSER, t->tid,
			    offsetof(struct user_regs_struct, rax),
			    (void *)(uintptr_t)result);
}

/*
 * Whether the kernel tells the parent of a stop of somebody whom it traces: that we have
 * told, or will, as what its tracer sees of it.
 */
static bool
is_told_twice(struct tracing *tr, const struct tracee *t, const struct wait *w,
	      int64_t result)
{
	const uint64_t *args = t->nester->wait_args;
	struct wait one = { .pid = (pid_t)result };
	int status = 0;

	/* waitid(2) answers 0, and is left alone */
	if (result <= 0 || !(w->options & WUNTRACED) || !args[1] ||
	    remote_read(t->tid, args[1], &status, sizeof(status)) != sizeof(status))
		return false;
	return WIFSTOPPED(status) && find_nested(tr, t, &one, false);
}

/* To the kernel the caller has no children: those that it traces are ours. */
void
nest_on_any_return(struct tracing *tr, struct tracee *t, int64_t result)
{
	struct nester *nester = t->nester, *whose;
	struct wait w = wait_of(nester);

	if (!nester->waiting)
		return;
	nester->waiting = false;
	if (result != -ERESTARTSYS && result != -ERESTARTNOHAND)
		pay(tr, t);
	if (nester->wait_nr == SYS_wait4 && is_told_twice(tr, t, &w, result)) {
		call_again(tr, t, SYS_wait4);
		return;
	}
	if (result != -ECHILD || nester->pausing)
		return;
	if (!find_nested(tr, t, &w, false) && !find_obituary(t, &w, &whose))
		return;
	if (w.options & WNOHANG)
		set_result(tr, t, 0);
	else
		nester->pausing = call_again(tr, t, SYS_pause);
}
