/* SPDX-License-Identifier: MIT */
#include "trace/births.h"

#include "base/compiler.h"
#include "model/record.h"
#include "trace/attach.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>

/* Rounds that a child waits for its parent's event where it is never quiet. */
#define PATIENCE 1000

void
births_note_end(struct tracing *tr, pid_t tid, int status)
{
	tidmap_put(&tr->ended, tid, (void *)((uintptr_t)(unsigned)status + 1));
}

struct tracee *
births_stranger(struct tracing *tr, pid_t tid, int status)
{
	struct tracee *t;

	/* or a child that our process had before it became whatfiles, never seized */
	if (stop_kind(status) == STOP_END) {
		births_note_end(tr, tid, status);
		return NULL;
	}
	tidmap_put(&tr->ended, tid, NULL);
	t = tracees_add(&tr->tracees, tid, NULL);
	t->every = tr->config.attach;
	return t;
}

/*
 * Killed at birth, and its end was reported before its parent's event.  Until its parent
 * has waited for it, it is a zombie; one who lives has the number of somebody else's.
 */
static bool
is_stillborn(struct tracing *tr, pid_t tid)
{
	char state;

	if (tr->kernel->kill(tid, 0) == -ESRCH)
		return true;
	if (!tidmap_get(&tr->ended, tid))
		return false;
	state = proc_state(tid);
	return !state || state == 'Z';
}

static void
tell_stillbirth(struct tracing *tr, const struct tracee *parent, pid_t tid, bool thread)
{
	intptr_t status = (intptr_t)tidmap_get(&tr->ended, tid) - 1;

	tidmap_put(&tr->ended, tid, NULL);
	tracing_put(tr,
		    capture_fork(&tr->capture, parent->tid, tid, thread, false, false));
	tracing_put(tr, capture_end(&tr->capture, tid, (int)MAX(status, 0), status >= 0));
}

static void
let_run(struct tracing *tr, struct tracee *child)
{
	tracees_unpark(child);
	fast_first_run(tr, child);
	tracing_resume(tr, child, RESUME_CONT, 0);
}

/* Puts the birth of @tid into the ring and lets it run if it waits for that. */
static void
tell_birth(struct tracing *tr, struct tracee *parent, pid_t tid, enum birth how,
	   bool guessed)
{
	struct tracee *child = tracees_find(&tr->tracees, tid);
	bool thread = proc_is_thread(parent->tgid, tid);
	const struct record *r;

	if (!child && is_stillborn(tr, tid)) {
		tell_stillbirth(tr, parent, tid, how == BIRTH_CLONE);
		return;
	}
	if (!child)
		child = tracees_add(&tr->tracees, tid, NULL);
	if (child->told)
		return;
	if (thread)
		tracees_join(child, parent);
	r = capture_fork(&tr->capture, parent->tid, tid, thread, guessed,
			 guessed || parent->same_place);
	if (r->flags & FORK_SHARES_VM)
		tracees_share_memory(child, parent);
	if (r->flags & FORK_SHARES_FS)
		parent->same_place = child->same_place = true;
	tracing_put(tr, r);
	child->told = true;
	child->maker = parent->tid;
	child->every = parent->every;
	/* who is guessed to be the parent has the same memory only where the kernel says so */
	if (guessed && !(r->flags & FORK_SHARES_VM))
		fast_orphan(tr, child);
	else
		fast_birth(tr, parent, child, how, r->flags & FORK_SHARES_VM);
	if (!guessed)
		nest_birth(tr, parent, child, parent->status);
	if (child->parked)
		let_run(tr, child);
}

void
births_on_fork(struct tracing *tr, struct tracee *t, enum birth how)
{
	unsigned long tid;

	if (tr->kernel->message(t->tid, &tid) == 0)
		tell_birth(tr, t, (pid_t)tid, how, false);
	tracing_resume(tr, t, RESUME_CONT, 0);
}

/* Its parent died before it could report: /proc knows whose child it is. */
static void
adopt(struct tracing *tr, struct tracee *child)
{
	pid_t tgid = 0, ppid = 0;
	struct tracee *parent = NULL;

	if (proc_ids(child->tid, &tgid, &ppid) == 0)
		parent = tracees_find(&tr->tracees, tgid != child->tid ? tgid : ppid);
	if (!parent || parent == child)
		parent = tracees_find(&tr->tracees, tr->root);
	if (parent && parent != child) {
		tell_birth(tr, parent, child->tid, BIRTH_FORK, true);
		return;
	}
	/* nobody is left: then it is the dead command's */
	if (tr->config.attach)
		attach_orphan(tr, child);
	else
		tracing_put(tr, capture_fork(&tr->capture, tr->root, child->tid, false,
					     true, true));
	child->told = true;
	fast_orphan(tr, child);
	let_run(tr, child);
}

void
births_adopt(struct tracing *tr, bool quiet)
{
	struct tracee *child, *next;

	for (child = tr->tracees.parked; child; child = next) {
		next = child->next_parked;
		if (quiet || tr->round - child->parked_round > PATIENCE)
			adopt(tr, child);
	}
}

void
births_on_first_stop(struct tracing *tr, struct tracee *t)
{
	if (t->told) {
		fast_first_run(tr, t);
		fast_signal(tr, t, 0);
		tracing_resume(tr, t, RESUME_CONT, 0);
	} else if (!t->parked) {
		tracees_park(&tr->tracees, t, tr->round);
	}
}
