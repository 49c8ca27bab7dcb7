/* SPDX-License-Identifier: MIT */
#include "trace/nest-call.h"

#include "model/record.h"
#include "trace/fast.h"
#include "trace/nest-request.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* Signals are numbered up to here (valid_signal() in include/linux/signal.h). */
#define SIGNAL_MAX 64

/* The options that there are, but PTRACE_O_SUSPEND_SECCOMP, which needs privileges. */
#define OPTIONS (0xffu | PTRACE_O_EXITKILL)

/* --- whom it means -------------------------------------------------------------- */

/* Which of its tracees the tracer @t means by @pid; NULL where it is none. */
static struct nested *
find_nested(struct tracing *tr, const struct tracee *t, pid_t pid)
{
	for (struct nested *n = tr->nested; n; n = n->next)
		if (n->tracer == t && n->id == pid)
			return n;
	return NULL;
}

struct search {
	const struct tracee *viewer;
	pid_t pid;
	struct tracee *found;
};

static void
compare_one(void *value, void *data)
{
	struct tracee *t = value;
	struct search *s = data;

	if (!s->found && nest_id(s->viewer->tid, t->tid) == s->pid)
		s->found = t;
}

/* Which tracee @t means by @pid. */
static struct tracee *
find_task(struct tracing *tr, const struct tracee *t, pid_t pid)
{
	struct search s = { .viewer = t, .pid = pid };

	if (!proc_inner_pid(t->tid))
		return tracees_find(&tr->tracees, pid);
	tidmap_each(&tr->tracees.map, compare_one, &s);
	return s.found;
}

/* --- what a tracer asks -------------------------------------------------------------- */

/* Whom the kernel would take: the thread that forked @t (ptrace_traceme()). */
static struct tracee *
parent_of(struct tracing *tr, const struct tracee *t)
{
	struct tracee *maker = tracees_find(&tr->tracees, t->maker);
	pid_t tgid, ppid;

	if (proc_ids(t->tid, &tgid, &ppid) < 0)
		return NULL;
	return maker && maker->tgid == ppid ? maker : tracees_find(&tr->tracees, ppid);
}

static int64_t
on_traceme(struct tracing *tr, struct tracee *t, struct tracee *parent)
{
	if (t->nested)
		return -EPERM;
	nest_tie(tr, t, parent);
	return 0;
}

/* Where the kernel could be asked for a page of nothing, below what the caller uses. */
#define RED_ZONE 256

/*
 * The kernel says whether @t may trace @target (ptrace(2), "Ptrace access mode checking",
 * and the security modules) when it is asked to read its memory: EFAULT is a yes, since
 * nothing is mapped at 0, or is read in vain.
 */
static bool
ask_kernel(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop,
	   pid_t target)
{
	struct nester *nester = nest_tracer(t);
	uint64_t at = (stop->sp - RED_ZONE - 4 * sizeof(uint64_t)) & ~UINT64_C(15);
	/* one struct iovec for the caller's memory, one for the other's */
	const uint64_t iov[4] = { at, 1, 0, 1 };
	struct user_regs_struct regs;

	if (tr->kernel->request(PTRACE_GETREGS, t->tid, 0, &regs) < 0 ||
	    remote_write(t->tid, at, iov, sizeof(iov)) < 0)
		return false;
	nester->asked = regs;
	nester->asking = true;
	nester->target = target;
	nester->seize = stop->args[0] == PTRACE_SEIZE;
	nester->options = nester->seize ? stop->args[3] : 0;
	regs.orig_rax = SYS_process_vm_readv;
	regs.rdi = (uint32_t)stop->args[1]; /* as the caller calls it */
	regs.rsi = at;
	regs.rdx = 1;
	regs.r10 = at + 2 * sizeof(uint64_t);
	regs.r8 = 1;
	regs.r9 = 0;
	return tr->kernel->request(PTRACE_SETREGS, t->tid, 0, &regs) == 0;
}

/* False where the kernel is to answer: it is nobody's of ours. */
static bool
on_attach(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop,
	  int64_t *ret)
{
	struct tracee *target = find_task(tr, t, (pid_t)stop->args[1]);
	bool seize = stop->args[0] == PTRACE_SEIZE;

	if (!target)
		return false;
	*ret = 0;
	if (seize && (stop->args[2] || stop->args[3] & ~(uint64_t)OPTIONS))
		*ret = -EIO;
	else if (target->tgid == t->tgid || target->nested)
		*ret = -EPERM;
	else if (!ask_kernel(tr, t, stop, target->tid))
		*ret = -EPERM;
	return true;
}

int64_t
nest_on_return(struct tracing *tr, struct tracee *t, int64_t result)
{
	struct nester *nester = t->nester;
	struct tracee *target;
	struct nested *n;

	if (!nester || !nester->asking)
		return result;
	nester->asking = false;
	target = tracees_find(&tr->tracees, nester->target);
	if (!target || result == -ESRCH)
		result = -ESRCH;
	else if (result == -EPERM || target->nested)
		result = -EPERM;
	else
		result = 0;
	nester->asked.orig_rax = (unsigned long long)-1;
	nester->asked.rax = (unsigned long long)result;
	tr->kernel->request(PTRACE_SETREGS, t->tid, 0, &nester->asked);
	if (result < 0)
		return result;
	n = nest_tie(tr, target, t);
	n->seized = nester->seize;
	nest_set_options(tr, n, nester->options);
	if (!n->seized)
		n->wanted = NEST_STATUS(SIGSTOP);
	/* who is stopped in his group shows that to whoever seizes him */
	if (!n->seized || stop_kind(target->status) == STOP_GROUP)
		tr->kernel->interrupt(target->tid);
	return 0;
}

static int64_t
on_options(struct tracing *tr, struct nested *n, uint64_t options)
{
	if (options & ~(uint64_t)OPTIONS)
		return -EINVAL;
	nest_set_options(tr, n, options);
	return 0;
}

/*
 * What lets the task go on.  Where it was made to stop for nothing else, what it would
 * have gone on with is still to come.
 */
static int64_t
on_run(struct tracing *tr, struct nested *n, enum nest_run run, uint64_t data)
{
	if (data > SIGNAL_MAX || (run == NEST_LISTEN && !n->seized))
		return -EIO;
	/* breakpoints could come to where we would put a jump */
	fast_hush(tr, n->task);
	nest_pass(tr, n, run, (int)data);
	return 0;
}

static int64_t
on_detach(struct tracing *tr, struct nested *n, uint64_t data)
{
	if (data > SIGNAL_MAX)
		return -EIO;
	nest_release(tr, n, n->artificial && !data ? n->signal : (int)data);
	return 0;
}

static int64_t
on_interrupt(struct tracing *tr, struct nested *n)
{
	if (!n->seized)
		return -EIO;
	if (n->status)
		return 0;
	n->wanted = NEST_EVENT(PTRACE_EVENT_STOP);
	tr->kernel->interrupt(n->task->tid);
	return 0;
}

static int64_t
on_standing(struct tracing *tr, struct nested *n, const struct syscall_stop *stop)
{
	uint64_t data = stop->args[3];

	switch (stop->args[0]) {
	case PTRACE_CONT:
		return on_run(tr, n, NEST_CONT, data);
	case PTRACE_SYSCALL:
		return on_run(tr, n, NEST_SYSCALL, data);
	case PTRACE_SINGLESTEP:
		return on_run(tr, n, NEST_STEP, data);
	case PTRACE_SYSEMU:
		return on_run(tr, n, NEST_EMULATE, data);
	case PTRACE_SYSEMU_SINGLESTEP:
		return on_run(tr, n, NEST_EMULATE_STEP, data);
	case PTRACE_LISTEN:
		return on_run(tr, n, NEST_LISTEN, 0);
	case PTRACE_DETACH:
		return on_detach(tr, n, data);
	case PTRACE_SETOPTIONS:
		return on_options(tr, n, data);
	default:
		return nest_request(tr->kernel, n, stop);
	}
}

/* A request on a task that @t traces; false where it does not. */
static bool
on_request(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop,
	   int64_t *ret)
{
	struct nested *n = find_nested(tr, t, (pid_t)stop->args[1]);

	if (!n)
		return false;
	if (stop->args[0] == PTRACE_KILL)
		*ret = tr->kernel->kill(n->task->tgid, SIGKILL) < 0 ? -ESRCH : 0;
	else if (stop->args[0] == PTRACE_INTERRUPT)
		*ret = on_interrupt(tr, n);
	else
		*ret = n->status ? on_standing(tr, n, stop) : -ESRCH;
	return true;
}

void
nest_on_call(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	struct tracee *parent;
	int64_t result;
	bool ours;

	switch (stop->args[0]) {
	case PTRACE_TRACEME:
		parent = parent_of(tr, t);
		ours = parent;
		result = ours ? on_traceme(tr, t, parent) : 0;
		if (ours)
			t->call.record->flags |= CALL_ANSWERED;
		break;
	case PTRACE_ATTACH:
	case PTRACE_SEIZE:
		ours = on_attach(tr, t, stop, &result);
		if (ours)
			t->call.record->flags |= CALL_ANSWERED;
		/* else the kernel has been asked, and its answer is still to come */
		ours = ours && result;
		break;
	default:
		ours = on_request(tr, t, stop, &result);
	}
	if (ours)
		tr->kernel->answer(t->tid, result);
}
