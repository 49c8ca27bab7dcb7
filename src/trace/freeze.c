/* SPDX-License-Identifier: MIT */
#include "trace/freeze.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "trace/calls.h"
#include "trace/loop.h"
#include "trace/stop.h"
#include "trace/tracing.h"

/*
 * Rounds of the loop that a thread may take to stop: a leader that has ended never
 * will, and other processes may be too busy for it ever to be quiet.
 */
#define PATIENCE 200

bool
freeze_begin(struct tracing *tr, struct tracee *t)
{
	/* while stops that were put off are acted on, everybody is in between */
	if (tr->freezer || tr->thawing || t->waits)
		return false;
	/* whom another one traces, that one lets go when it wants */
	for (struct tracee *s = t->next; s != t; s = s->next)
		if (s->nested)
			return false;
	tr->frozen_round = tr->round;
	tr->freezer = t;
	tr->freezing = 0;
	tr->waiting++;
	for (struct tracee *s = t->next; s != t; s = s->next) {
		/* these stand still already, and are let go by other events only */
		if (s->parked || s->waits)
			continue;
		s->freezing = tr->kernel->interrupt(s->tid) == 0;
		tr->freezing += s->freezing;
	}
	return true;
}

bool
freeze_puts_off(struct tracing *tr, struct tracee *t, int status)
{
	if (!t->freezing)
		return false;
	t->freezing = false;
	tr->freezing--;
	/* ends are told at once; an exec has ended all the others, or is about to */
	if (stop_kind(status) == STOP_END || stop_kind(status) == STOP_EXEC)
		return false;
	t->put_off = status;
	return true;
}

static void
act_on(struct tracing *tr, pid_t tid)
{
	struct tracee *t = tracees_find(&tr->tracees, tid);
	int status;

	if (!t)
		return;
	status = t->put_off;
	t->put_off = 0;
	t->freezing = false;
	if (status)
		loop_act(tr, t, status);
}

/*
 * Acts on what was put off.  Any of it may end threads: they are looked up one by one.
 * None of it freezes anybody, so this is never inside of itself.
 */
static void
thaw(struct tracing *tr, struct tracee *t)
{
	_cleanup_free_ pid_t *tids = NULL;
	size_t n = 0;

	tr->thawing = true;
	for (struct tracee *s = t->next; s != t; s = s->next) {
		tids = mem_resize(tids, n + 1, sizeof(*tids));
		tids[n++] = s->tid;
	}
	for (size_t i = 0; i < n; i++)
		act_on(tr, tids[i]);
	tr->thawing = false;
}

static void
go_on(struct tracing *tr, bool froze)
{
	struct tracee *t = tr->freezer;

	tr->freezer = NULL;
	tr->waiting--;
	t->froze = froze;
	t->thawed = !froze;
	calls_on_entry(tr, t);
	t->froze = t->thawed = false;
	thaw(tr, t);
}

void
freeze_settle(struct tracing *tr)
{
	if (!tr->freezer)
		return;
	if (!tr->freezing)
		go_on(tr, true);
	else if (tr->round - tr->frozen_round > PATIENCE)
		go_on(tr, false);
}

void
freeze_give_up(struct tracing *tr)
{
	if (tr->freezer)
		go_on(tr, false);
}

void
freeze_forget(struct tracing *tr, struct tracee *t)
{
	if (t->freezing)
		tr->freezing--;
	t->freezing = false;
	if (tr->freezer != t)
		return;
	tr->freezer = NULL;
	tr->waiting--;
	thaw(tr, t);
}
