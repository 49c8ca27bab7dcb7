/* SPDX-License-Identifier: MIT */
#include "trace/leave.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/path.h"
#include "model/record.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

/* How often the loop looks whether somebody still has to come. */
#define TICK_MS 20

/*
 * Somebody who sleeps so that no interrupt reaches him cannot stop: mostly a vfork's
 * parent, whose child may stand still itself by now.  The others do not wait for him.
 */
#define SLEEPER_NS (UINT64_C(50) * 1000 * 1000)

/* And nobody waits longer than this: what still runs is let go by our own end. */
#define PATIENCE_NS (UINT64_C(2) * 1000 * 1000 * 1000)

static void
interrupt_one(void *value, void *data)
{
	struct tracee *t = value;
	struct tracing *tr = data;

	/* it is dying */
	if (tr->kernel->interrupt(t->tid) == -ESRCH)
		t->stays = true;
}

static void
begin(struct tracing *tr)
{
	tr->leaving = true;
	tr->leaving_since = tr->kernel->now();
	nest_leave(tr);
	tidmap_each(&tr->tracees.map, interrupt_one, tr);
	tr->kernel->interrupt_every(TICK_MS);
}

/* A leader that has ended: it neither stops, nor is its end told while its threads live. */
static bool
is_silent(const struct tracee *t)
{
	return t->tid == t->tgid && proc_state(t->tid) == 'Z' && !proc_has_ended(t->tgid);
}

struct awaited {
	bool sleepers; /* wait for them, too */
	bool any;
};

static void
await_one(void *value, void *data)
{
	const struct tracee *t = value;
	struct awaited *a = data;

	if (!t->stays && !a->any && !is_silent(t))
		a->any = a->sleepers || proc_state(t->tid) != 'D';
}

static bool
all_stand(const struct tracing *tr, uint64_t waited)
{
	struct awaited a = { .sleepers = waited < SLEEPER_NS };

	tidmap_each(&tr->tracees.map, await_one, &a);
	return !a.any;
}

/* What it was in goes on without us; nobody knows how it will end. */
static void
tell_one(void *value, void *data)
{
	struct tracee *t = value;
	struct tracing *tr = data;
	struct capture *c = &tr->capture;

	if (!t->told)
		return;
	while (t->held_count)
		tracing_put(tr,
			    capture_unfinished(c, t->held[--t->held_count].record, true));
	if (t->call.active)
		tracing_put(tr, capture_unfinished(c, t->call.record, true));
	t->call.active = false;
	tracing_put(tr, capture_begin(c, RECORD_DETACH, t->tid));
}

static void
let_go_one(void *value, void *data)
{
	struct tracee *t = value;
	struct tracing *tr = data;

	if (!t->stays && !t->parked && !is_silent(t))
		return;
	/* it may have been killed where it stood */
	tr->kernel->detach(t->tid, t->stay_signal);
	tracees_remove(&tr->tracees, t);
}

void
leave_step(struct tracing *tr)
{
	uint64_t waited;

	if (!tr->leaving)
		begin(tr);
	waited = tr->kernel->now() - tr->leaving_since;
	if (!tr->left && (all_stand(tr, waited) || waited > PATIENCE_NS)) {
		tidmap_each(&tr->tracees.map, tell_one, tr);
		tr->left = true;
	}
	if (tr->left)
		tidmap_each(&tr->tracees.map, let_go_one, tr);
	if (waited > PATIENCE_NS)
		tr->deserted = true;
}

void
leave_late(struct tracing *tr, struct tracee *t, int status)
{
	enum stop_kind kind = stop_kind(status);
	int signal = kind == STOP_SIGNAL ? stop_signal(status) : 0;

	if (kind != STOP_END)
		tr->kernel->detach(t->tid, signal);
	tracees_remove(&tr->tracees, t);
}

bool
leave_is_meant(const struct record *r, const char *glob)
{
	static const enum field_kind kinds[] = { FIELD_EXE, FIELD_PATH };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct field *f = record_field(r, kinds[i]);
		_cleanup_buf_ struct buf name = { 0 };

		if (!f || !f->len)
			continue;
		buf_add(&name, f->bytes, f->len);
		if (fnmatch(glob, name.data, 0) == 0 ||
		    fnmatch(glob, path_base(name.data), 0) == 0)
			return true;
	}
	return false;
}
