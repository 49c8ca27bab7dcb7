/* SPDX-License-Identifier: MIT */
#include "trace/guard.h"

#include "base/compiler.h"
#include "model/record.h"
#include "trace/fast.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/tracing.h"
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>

/* Every thread of @t's process stops at every call; the others at their next stop. */
static void
watch_siblings(struct tracing *tr, struct tracee *t)
{
	for (struct tracee *s = t->next; s != t; s = s->next) {
		if (s->every)
			continue;
		s->every = true;
		fast_hush(tr, s);
		/* it stands still already, and who lets it go on makes it stop at every call */
		if (nest_stands(s))
			continue;
		s->interrupted = tr->kernel->interrupt(s->tid) == 0;
		if (s->interrupted)
			t->waits = true;
	}
	if (t->waits)
		tr->waiting++;
}

/*
 * SECCOMP_FILTER_FLAG_TSYNC gives the filter to all threads at once.  They are
 * stopped before that happens, so that none makes a call unseen in between.
 */
static enum guard_verdict
on_seccomp_call(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	if (stop->args[0] != SECCOMP_SET_MODE_FILTER &&
	    stop->args[0] != SECCOMP_SET_MODE_STRICT)
		return GUARD_UNREMARKABLE;
	if (stop->args[0] == SECCOMP_SET_MODE_FILTER &&
	    stop->args[1] & SECCOMP_FILTER_FLAG_TSYNC)
		watch_siblings(tr, t);
	return t->waits ? GUARD_WAIT : GUARD_TELL;
}

/* The flags are in memory that another thread could change: refused, not rewritten. */
static enum guard_verdict
on_clone3(const struct tracing *tr, const struct tracee *t,
	  const struct syscall_stop *stop)
{
	uint64_t flags = 0;

	if (remote_read(t->tid, stop->args[0], &flags, sizeof(flags)) != sizeof(flags) ||
	    !(flags & CLONE_UNTRACED))
		return GUARD_UNREMARKABLE;
	return tr->config.attach ? GUARD_TELL : GUARD_REFUSE;
}

/*
 * Without us the answer would be 0, for whoever has no filter of its own: some
 * programs ask before they install one.
 */
static enum guard_verdict
on_prctl(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	switch ((uint32_t)stop->args[0]) {
	case PR_GET_SECCOMP:
		if (!t->every && !tr->config.filtered)
			tr->kernel->answer(t->tid, SECCOMP_MODE_DISABLED);
		return GUARD_UNREMARKABLE;
	case PR_SET_SYSCALL_USER_DISPATCH:
		/* who is sent a SIGSYS asks from where the call was made (prctl(2)) */
		fast_hush(tr, t);
		return GUARD_UNREMARKABLE;
	default:
		return GUARD_TELL;
	}
}

/*
 * A shared map changes its file when it may be written, now or by a later
 * mprotect(2): the kernel lets whoever has the descriptor open for both.
 */
static enum guard_verdict
on_mmap(const struct tracee *t, const struct syscall_stop *stop)
{
	struct fd_info info;

	if (stop->args[2] & PROT_WRITE)
		return GUARD_TELL;
	if (proc_fd_info(t->tid, (int)stop->args[4], &info) < 0)
		return GUARD_UNREMARKABLE;
	return (info.flags & O_ACCMODE) == O_RDWR ? GUARD_TELL : GUARD_UNREMARKABLE;
}

/* i386's first mmap: its six arguments stand in memory. */
static enum guard_verdict
on_old_mmap(const struct tracee *t, struct syscall_stop *stop)
{
	uint32_t args[6];

	if (remote_read(t->tid, stop->args[0], args, sizeof(args)) != sizeof(args))
		return GUARD_UNREMARKABLE;
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		stop->args[i] = args[i];
	return syscall_is_file_map(args[3]) ? on_mmap(t, stop) : GUARD_UNREMARKABLE;
}

enum guard_verdict
guard_entry(struct tracing *tr, struct tracee *t, const struct syscall_row *row,
	    enum abi abi, struct syscall_stop *stop)
{
	switch (row->shape) {
	case SHAPE_URING:
		return tr->config.allow_uring ? GUARD_TELL : GUARD_REFUSE;
	case SHAPE_CLONE:
		tr->kernel->set_arg(t->tid, abi == ABI_I386,
				    stop->args[0] & ~(uint64_t)CLONE_UNTRACED);
		return GUARD_TELL;
	case SHAPE_CLONE3:
		return on_clone3(tr, t, stop);
	case SHAPE_SECCOMP:
		return on_seccomp_call(tr, t, stop);
	case SHAPE_PRCTL:
		return on_prctl(tr, t, stop);
	case SHAPE_MMAP:
		return on_mmap(t, stop);
	case SHAPE_OLD_MMAP:
		return on_old_mmap(t, stop);
	default:
		return GUARD_TELL;
	}
}

void
guard_return(struct tracing *tr, struct tracee *t, const struct record *r, int64_t result)
{
	enum shape shape = syscall_rows[r->row].shape;
	bool refusable = shape == SHAPE_CLONE3 || shape == SHAPE_URING;

	/* the process may count on registers that a call does not change (syscall(2)) */
	if (shape == SHAPE_CLONE || (refusable && !tr->config.attach))
		tr->kernel->set_arg(t->tid, r->abi == ABI_I386, r->args[0]);
	if (tr->config.attach)
		return;
	if (result >= 0 && (shape == SHAPE_SECCOMP || shape == SHAPE_PRCTL)) {
		t->every = true;
		fast_hush(tr, t);
	}
}

static bool
has_interrupted_sibling(const struct tracee *t)
{
	for (const struct tracee *s = t->next; s != t; s = s->next)
		if (s->interrupted)
			return true;
	return false;
}

static void
let_go(struct tracing *tr, struct tracee *t)
{
	t->waits = false;
	tr->waiting--;
	tracing_resume(tr, t, RESUME_SYSCALL, 0);
}

void
guard_settle(struct tracing *tr, struct tracee *t)
{
	struct tracee *s = t, *next;

	t->interrupted = false;
	do {
		next = s->next;
		if (s->waits && !has_interrupted_sibling(s))
			let_go(tr, s);
		s = next;
	} while (s != t);
}

void
guard_forget(struct tracing *tr, struct tracee *t)
{
	if (t->waits)
		tr->waiting--;
	t->waits = false;
}

static void
give_up_one(void *value, void *data)
{
	struct tracee *t = value;
	struct tracing *tr = data;

	if (t->waits)
		let_go(tr, t);
}

void
guard_give_up(struct tracing *tr)
{
	tidmap_each(&tr->tracees.map, give_up_one, tr);
}
