/* SPDX-License-Identifier: MIT */
#include "trace/freeze.h"

#include "trace/calls.h"
#include "trace/loop.h"
#include "trace/stop.h"
#include "trace/tracing.h"

bool
freeze_begin(struct tracing *tr, struct tracee *t)
{
	if (tr->freezer || t->waits)
		return false;
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

/* Acts on what was put off; any of it may end a thread, or all of them. */
static void
thaw(struct tracing *tr, struct tracee *t)
{
	struct tracee *s = t->next;

	while (s != t) {
		int status = s->put_off;
		pid_t tid = s->tid;

		s->put_off = 0;
		s->freezing = false;
		if (status) {
			loop_act(tr, s, status);
			/* whoever is left of the circle, from the beginning */
			if (!tracees_find(&tr->tracees, t->tid) ||
			    tracees_find(&tr->tracees, tid) != s)
				return;
		}
		s = s->next;
	}
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
	if (tr->freezer && !tr->freezing)
		go_on(tr, true);
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
