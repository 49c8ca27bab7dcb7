/* SPDX-License-Identifier: MIT */
#include "recorder/workshop.h"

#include "base/compiler.h"
#include "base/msg.h"
#include "model/event.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "recorder/boot.h"
#include "recorder/flights.h"
#include "recorder/leave.h"
#include "recorder/patch.h"
#include "recorder/plant.h"
#include "recorder/rescue.h"
#include "trace/capture.h"
#include "trace/maps.h"
#include "trace/remote.h"
#include "trace/tracing.h"
#include <errno.h>
#include <string.h>

static struct workshop *
workshop_of(struct fast *f)
{
	return (struct workshop *)f;
}

static void
put_flight(struct tracing *tr, struct flight_copy *c)
{
	struct record *r = &c->flight.record;

	r->seal = 0;
	if (c->flight.state == FLIGHT_BEGUN)
		tracing_put(tr, capture_unfinished(&tr->capture, r, false));
	else
		tracing_put(tr, capture_again(&tr->capture, r));
}

static const struct record *
on_exec_call(struct fast *f, pid_t former)
{
	static struct flight_copy c; /* the loop is one thread, and uses it at once */

	while (flights_take(&workshop_of(f)->region, former, &c)) {
		const struct syscall_row *row = &syscall_rows[c.flight.record.row];

		if (row->shape == SHAPE_EXEC)
			return &c.flight.record;
	}
	return NULL;
}

/* Names and numbers are not to be asked for any more where they may be others than ours. */
static void
tell_other_view(const struct tracee *t)
{
	const uint32_t yes = 1;

	patch_poke(t->tid, LAYOUT_SPACE + offsetof(struct space_page, no_dirs), &yes,
		   sizeof(yes));
}

/* The only task of a space is known by it; of several each must ask. */
static int
tell_tid(const struct tracee *t, uint32_t tid)
{
	int r = patch_poke(t->tid, LAYOUT_SPACE + offsetof(struct space_page, tid), &tid,
			   sizeof(tid));

	if (r < 0 && r != -ESRCH)
		msg_debug("cannot tell %d who it is: %s", (int)t->tid, strerror(-r));
	return r;
}

/*
 * A space has two tasks now.  The parent may have been killed since it told of the
 * birth, and what it was is only to be reached by the child then.
 */
static void
tell_both(const struct tracee *parent, const struct tracee *child)
{
	if (tell_tid(parent, 0) < 0)
		tell_tid(child, 0);
}

/*
 * @t leaves its space.  Whoever began that may be alone in it again, as a parent is
 * after vfork, and need not ask for its number any more; it may be running.
 */
static void
leave_space(struct tracing *tr, struct tracee *t)
{
	struct space *s = t->space;
	const struct tracee *owner;

	t->space = NULL;
	if (s && s->users == 2 && s->fast) {
		owner = tracees_find(&tr->tracees, s->owner);
		if (owner && owner->space == s && owner != t)
			tell_tid(owner, (uint32_t)owner->tid);
	}
	space_drop(s);
}

static void
on_exec(struct fast *f, struct tracing *tr, struct tracee *t)
{
	leave_space(tr, t);
	t->space = space_new();
	t->space->owner = t->tid;
	t->fresh = false;
	plant(workshop_of(f), t);
}

static void
on_birth(struct fast *f, struct tracee *parent, struct tracee *child, enum birth how,
	 bool shares_vm)
{
	(void)f;
	space_drop(child->space);
	child->space = NULL;
	if (!parent->space)
		return;
	if (!shares_vm) {
		child->space = space_copy(parent->space);
		child->space->owner = child->tid;
		child->fresh = true;
		return;
	}
	/* nobody of this memory runs but siblings, who were several before */
	if (parent->space->users == 1) {
		parent->space->waits_for = how == BIRTH_VFORK ? child->tid : 0;
		if (parent->space->fast && plant_has_other_pids(parent->tid))
			tell_other_view(parent);
		if (parent->space->fast)
			tell_both(parent, child);
	} else {
		parent->space->waits_for = 0;
	}
	child->space = space_share(parent->space);
}

/* Whether the recorder is in the memory of @tid, and its page of it. */
static bool
read_page(const struct workshop *e, pid_t tid, struct space_page *ret)
{
	const struct control *ours = e->region.control;
	uint64_t secret;

	return remote_read(tid, LAYOUT_CODE + offsetof(struct control, secret), &secret,
			   sizeof(secret)) == sizeof(secret) &&
	       secret == ours->secret &&
	       remote_read(tid, LAYOUT_SPACE, ret, sizeof(*ret)) == sizeof(*ret);
}

static void
on_orphan(struct fast *f, struct tracee *child)
{
	struct space *s = space_new();
	struct space_page page;

	space_drop(child->space);
	child->space = s;
	s->owner = child->tid;
	s->why = REASON_LOST;
	if (!read_page(workshop_of(f), child->tid, &page))
		return;
	s->fast = true;
	s->silent = page.silent;
	for (unsigned i = 0; i < LAYOUT_FILES; i++)
		if (page.base[i])
			space_add_file(s, i, page.base[i]);
	/* where handlers may return to, the dead took along: nothing more is patched */
	s->fragile_count = SPACE_FRAGILE + 1;
	/* 0: others have this memory, too, and whoever runs in it asks for its number */
	child->fresh = page.tid != 0;
}

static void
on_first_run(struct fast *f, struct tracee *child)
{
	(void)f;
	if (!child->fresh)
		return;
	child->fresh = false;
	if (child->space && child->space->fast)
		tell_tid(child, (uint32_t)child->tid);
}

static void
on_hush(struct fast *f, struct tracee *t)
{
	const uint32_t yes = 1;

	(void)f;
	if (!t->space || !t->space->fast || t->space->silent)
		return;
	t->space->silent = true;
	t->space->why = REASON_FILTER;
	patch_poke(t->tid, LAYOUT_SPACE + offsetof(struct space_page, silent), &yes,
		   sizeof(yes));
}

static void
on_end(struct fast *f, struct tracing *tr, struct tracee *t)
{
	struct flight_copy c;

	while (flights_take(&workshop_of(f)->region, t->tid, &c))
		put_flight(tr, &c);
	leave_space(tr, t);
}

static bool
is_recorded(const struct fast *f, uint64_t ip)
{
	const struct workshop *e = (const struct workshop *)f;

	return ip == e->region.map.returned || ip == e->region.map.own_returned;
}

static bool
on_signal(struct fast *f, struct tracing *tr, struct tracee *t, int signal)
{
	return t->space && t->space->fast && rescue(workshop_of(f), tr, t, signal);
}

/* A stop in a stub: the recorder declined. */
static enum stop_reason
declined(const struct workshop *e, const struct tracee *t,
	 const struct syscall_stop *stop)
{
	const struct control *c = e->region.control;

	if (atomic_load(&c->closed))
		return REASON_RING;
	if (t->space->silent)
		return t->space->why;
	if (stop->nr < LAYOUT_CALLS && c->rows[stop->nr].kind == CALL_KIND_PLAIN)
		return REASON_CALL;
	return REASON_DETAIL;
}

static enum stop_reason
reason_for(struct workshop *e, struct tracee *t, int abi, struct syscall_stop *stop)
{
	if (!t->space->fast)
		return t->space->why;
	if (abi != ABI_X86_64)
		return REASON_ABI;
	if (region_has(stop->ip))
		return declined(e, t, stop);
	if (stop->nr >= LAYOUT_CALLS ||
	    e->region.control->rows[stop->nr].kind == CALL_KIND_PLAIN)
		return REASON_CALL;
	if (t->space->silent)
		return t->space->why;
	return plant_at(e, t, &stop->ip);
}

static bool
on_entry(struct fast *f, struct tracee *t, const struct syscall_row *row, int abi,
	 struct syscall_stop *stop)
{
	struct workshop *e = workshop_of(f);

	enum stop_reason why;

	/* without a space it is the launcher's code */
	if (row->op == OP_NOTICE || !t->space)
		return false;
	t->space->booting = false;
	/* told before it is done: afterwards may be too late */
	if (t->space->fast && (row->op == OP_CHROOT || row->op == OP_NAMESPACE))
		tell_other_view(t);
	why = reason_for(e, t, abi, stop);
	if (why == REASON_THREADS && plant_wants_freeze(t))
		return true;
	e->reasons[why]++;
	return false;
}

static const struct code_file *
file_of(const struct workshop *e, unsigned number)
{
	for (size_t i = 0; i < e->files.count; i++)
		if (e->files.list[i]->number == number)
			return e->files.list[i];
	return NULL;
}

bool
workshop_patched_at(const struct workshop *e, const struct space *s, uint64_t ip)
{
	for (unsigned i = 0; i < s->file_count; i++) {
		const struct code_file *f = file_of(e, s->files[i].file);

		for (size_t k = 0; f && k < f->count; k++)
			if (s->files[i].base + f->sites[k].site.offset == ip)
				return true;
	}
	return false;
}

static bool
on_unlisted(struct fast *f, struct tracee *t, const struct syscall_stop *stop)
{
	struct workshop *e = workshop_of(f);
	enum stop_reason why;

	return leave_is_reason(e, stop, &why) && leave_begin(e, t, stop, why);
}

static void
on_returned(struct fast *f, struct tracee *t)
{
	(void)f;
	leave_done(t);
}

const struct code_site *
workshop_site_of(const struct workshop *e, const struct space *s, uint64_t ip,
		 uint64_t *ret_base)
{
	uint64_t slot = LAYOUT_SLOTS + 8 * ((ip - LAYOUT_STUBS) / LAYOUT_STUB_SIZE);

	for (unsigned i = 0; ip >= LAYOUT_STUBS && i < s->file_count; i++) {
		const struct code_file *f = file_of(e, s->files[i].file);

		*ret_base = s->files[i].base;
		for (size_t k = 0; f && k < f->count; k++)
			if (f->sites[k].slot == slot)
				return &f->sites[k];
	}
	return NULL;
}

void
workshop_evict(struct workshop *e, struct tracee *t, enum stop_reason why)
{
	struct space *s = t->space;

	if (!patch_evict(t->tid, &e->files, s))
		msg_debug("cannot take all jumps out of %d", (int)t->tid);
	s->file_count = 0;
	s->silent = true;
	s->why = why;
}

static const struct fast_ops ops = {
	.exec_call = on_exec_call,
	.exec = on_exec,
	.birth = on_birth,
	.orphan = on_orphan,
	.first_run = on_first_run,
	.entry = on_entry,
	.unlisted = on_unlisted,
	.returned = on_returned,
	.signal = on_signal,
	.hush = on_hush,
	.end = on_end,
	.is_recorded = is_recorded,
};

int
workshop_open(struct workshop *e, size_t ring_bytes, unsigned classes)
{
	int r;

	*e = (struct workshop){ .fast.ops = &ops, .boot_place = boot_place() };
	if (!e->boot_place)
		return -ENOTSUP;
	r = region_open(&e->region, ring_bytes, classes);
	return r;
}

void
workshop_count(struct workshop *e)
{
	for (enum stop_reason r = 0; r < REASON_COUNT; r++)
		e->counts[r] = (struct stop_count){
			.word = stop_reason_word(r),
			.calls = e->reasons[r],
			/* under SITE those are counted that have the recorder */
			.images = r == REASON_SITE ? 0 : e->images[r],
		};
}

void
workshop_debug(const struct workshop *e)
{
	for (enum stop_reason r = 0; r < REASON_COUNT; r++)
		if (e->reasons[r] || e->images[r])
			msg_debug("%s: %llu calls stopped, %llu images: %s",
				  stop_reason_word(r), (unsigned long long)e->reasons[r],
				  (unsigned long long)e->images[r], stop_reason_what(r));
}

void
workshop_close(struct workshop *e)
{
	code_files_done(&e->files);
	region_close(&e->region);
}
