/* SPDX-License-Identifier: MIT */
#include "trace/attach.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "base/tidmap.h"
#include "model/event.h"
#include "model/record.h"
#include "trace/births.h"
#include "trace/descriptors.h"
#include "trace/kernel.h"
#include "trace/loop.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include "trace/tracing.h"
#include <errno.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ARGV_MAX (16 * 1024)

/* How often is looked whether somebody can still be expected to stop, and how long. */
#define TICK_MS 20
#define TICKS 50

/* Whoever sleeps so deep has as many of them: most calls are over by then. */
#define SLEEPER_TICKS 2

/* --- seizing ------------------------------------------------------------------- */

/* One round through /proc after another. */
struct search {
	struct attach *a;
	struct tidmap known; /* what was tried: tasks, and processes by their leader */
	pid_t *processes;
	size_t process_count;
	pid_t tgid, ppid; /* whose threads are looked at */
	bool required;	  /* it was asked for by number */
	bool grown;
	int error;
	pid_t failed;
};

static bool
is_known(const struct search *s, pid_t tid)
{
	return tidmap_get(&s->known, tid);
}

static void
know(struct search *s, pid_t tid)
{
	tidmap_put(&s->known, tid, s);
}

static void
add_process(struct search *s, pid_t pid)
{
	s->processes =
		mem_resize(s->processes, s->process_count + 1, sizeof(*s->processes));
	s->processes[s->process_count++] = pid;
	s->grown = true;
}

static void
add_task(struct search *s, pid_t tid)
{
	struct attach *a = s->a;

	a->tasks = mem_resize(a->tasks, a->count + 1, sizeof(*a->tasks));
	a->tasks[a->count++] = (struct seized){ tid, s->tgid, s->ppid };
}

static void
refuse(struct search *s, pid_t tid, int error)
{
	struct attach *a = s->a;

	if (s->required && !s->error) {
		s->error = error;
		s->failed = s->tgid;
	}
	a->refused = mem_resize(a->refused, a->refused_count + 1, sizeof(*a->refused));
	a->refused[a->refused_count++] = tid;
}

static void
seize_thread(pid_t tid, void *data)
{
	struct search *s = data;
	int r;

	if (is_known(s, tid))
		return;
	know(s, tid);
	s->grown = true;
	r = kernel_seize(tid, false);
	if (r == 0)
		add_task(s, tid);
	else if (r == -ESRCH || proc_state(tid) == 'Z' || proc_state(tid) == 0)
		; /* it has ended meanwhile, perhaps before its threads */
	else if (proc_tracer(tid) !=
		 getpid()) /* else made by a task of ours: will report */
		refuse(s, tid, r);
}

static void
seize_process(struct search *s, size_t i, size_t targets)
{
	pid_t tgid;

	s->tgid = s->processes[i];
	s->required = i < targets;
	if (proc_ids(s->tgid, &tgid, &s->ppid) < 0)
		s->ppid = 0;
	proc_threads(s->tgid, seize_thread, s);
}

/* We and whoever we come from are nobody's children to be looked at. */
static void
know_ourselves(struct search *s)
{
	pid_t pid = getpid(), tgid, ppid;

	while (pid > 0) {
		know(s, pid);
		if (proc_ids(pid, &tgid, &ppid) < 0)
			return;
		pid = ppid;
	}
}

static void
add_child(pid_t pid, void *data)
{
	struct search *s = data;
	pid_t tgid, ppid;

	if (is_known(s, pid) || proc_ids(pid, &tgid, &ppid) < 0)
		return;
	for (size_t i = 0; i < s->process_count; i++)
		if (s->processes[i] == ppid) {
			add_process(s, pid);
			return;
		}
}

/* Whoever was asked for and is not there any more: has ended since he was looked at. */
static void
find_lost(struct search *s, size_t targets)
{
	for (size_t i = 0; i < targets && !s->error; i++) {
		bool found = false;

		for (size_t k = 0; k < s->a->count && !found; k++)
			found = s->a->tasks[k].tgid == s->processes[i];
		if (!found) {
			s->error = -ESRCH;
			s->failed = s->processes[i];
		}
	}
}

int
attach_seize(struct attach *a, const pid_t *targets, size_t count, bool children,
	     pid_t *ret_pid)
{
	struct search s = { .a = a };

	know_ourselves(&s);
	for (size_t i = 0; i < count; i++)
		add_process(&s, targets[i]);
	do {
		s.grown = false;
		for (size_t i = 0; i < s.process_count && !s.error; i++)
			seize_process(&s, i, count);
		if (children)
			proc_processes(add_child, &s);
	} while (s.grown && !s.error);
	find_lost(&s, count);
	tidmap_done(&s.known);
	free(s.processes);
	if (s.error)
		*ret_pid = s.failed;
	return s.error;
}

void
attach_done(struct attach *a)
{
	free(a->tasks);
	free(a->refused);
	memset(a, 0, sizeof(*a));
}

/* --- taking them in -------------------------------------------------------------- */

/* Whether it will stop, so that it is waited for. */
static bool
take_in(struct tracing *tr, const struct seized *s)
{
	struct tracee *leader = tracees_find(&tr->tracees, s->tgid);
	struct tracee *parent = tracees_find(&tr->tracees, s->ppid);
	struct tracee *t = tracees_add(&tr->tracees, s->tid, leader);

	t->tgid = s->tgid;
	t->every = true;
	if (leader) {
		tracees_share_memory(t, leader);
		t->same_place = leader->same_place = true;
	} else if (parent && proc_shares(parent->tid, t->tid, KCMP_VM, false)) {
		tracees_share_memory(t, parent);
	}
	return tr->kernel->interrupt(t->tid) == 0;
}

/* One who has ended is not waited for any more. */
static void
take_end(struct tracing *tr, struct tracee *t, int status, size_t *missing)
{
	if (t->parked)
		births_note_end(tr, t->tid, status);
	else if (!t->put_off && *missing)
		--*missing;
	tracees_remove(&tr->tracees, t);
}

static void
take_stop(struct tracing *tr, pid_t tid, int status, size_t *missing)
{
	struct tracee *t = tracees_find(&tr->tracees, tid);

	if (!t) {
		/* made by one of ours meanwhile: it waits until its parent tells of it */
		t = births_stranger(tr, tid, status);
		if (t)
			loop_act(tr, t, status);
	} else if (stop_kind(status) == STOP_END) {
		take_end(tr, t, status, missing);
	} else if (!t->parked) {
		*missing -= !t->put_off && *missing;
		t->put_off = status;
	}
}

static void
expect_one(void *value, void *data)
{
	const struct tracee *t = value;
	bool *any = data;

	char state;

	if (*any || t->put_off || t->parked)
		return;
	state = proc_state(t->tid);
	*any = state != 'D' && state != 'Z';
}

/* Whether somebody runs who has not stopped; who sleeps deep may be a vfork's parent. */
static bool
is_somebody_awaited(const struct tracing *tr, unsigned ticks)
{
	bool any = ticks < SLEEPER_TICKS;

	tidmap_each(&tr->tracees.map, expect_one, &any);
	return any && ticks < TICKS;
}

/* Waits until everybody stands at a stop, which is put off. */
static void
gather(struct tracing *tr, size_t missing)
{
	unsigned ticks = 0;

	tr->kernel->interrupt_every(TICK_MS);
	while (missing && is_somebody_awaited(tr, ticks)) {
		int status;
		pid_t tid = tr->kernel->wait(true, &status);

		if (tid > 0)
			take_stop(tr, tid, status, &missing);
		else if (tid == -ECHILD)
			break;
		else
			ticks++;
	}
	tr->kernel->interrupt_every(0);
}

static void
put_attach(struct tracing *tr, const struct seized *s, pid_t tid)
{
	struct capture *c = &tr->capture;
	struct record *r = capture_begin(c, RECORD_ATTACH, tid);
	bool cut;

	r->args[0] = (uint64_t)s->tgid;
	r->args[1] = (uint64_t)s->ppid;
	r->args[2] = (uint64_t)proc_inner_pid(tid);
	if (tid != s->tgid && proc_shares(s->tgid, tid, KCMP_FS, true))
		r->flags |= FORK_SHARES_FS;
	/* a leader that has ended has no directory any more: its thread tells */
	capture_add_place(c, s->tid);
	if (tid == s->tgid) {
		capture_add_link(c, FIELD_EXE, s->tid, "exe");
		cut = proc_argv(s->tid, &c->scratch, ARGV_MAX);
		if (!record_add(&c->builder, FIELD_ARGV, buf_str(&c->scratch),
				c->scratch.len))
			cut = true;
		r->args[5] = cut;
	}
	tracing_put(tr, r);
}

void
attach_orphan(struct tracing *tr, const struct tracee *t)
{
	struct seized s = { .tid = t->tid, .tgid = t->tid };
	pid_t tgid;

	if (proc_ids(t->tid, &tgid, &s.ppid) < 0)
		s.ppid = 0;
	put_attach(tr, &s, t->tid);
}

/* @processes: those that were told. */
static void
tell(struct tracing *tr, struct tidmap *processes, const struct seized *s)
{
	struct tracee *t = tracees_find(&tr->tracees, s->tid);
	bool first = !tidmap_get(processes, s->tgid);

	if (!t)
		return;
	tidmap_put(processes, s->tgid, t);
	if (first && s->tid != s->tgid)
		put_attach(tr, s, s->tgid);
	put_attach(tr, s, s->tid);
	t->told = true;
	if (first)
		descriptors_inherited(tr, s->tid, true);
	if (first && s->tid != s->tgid)
		tracing_put(tr, capture_end(&tr->capture, s->tgid, 0, false));
}

static void
go_on(struct tracing *tr, pid_t tid)
{
	struct tracee *t = tracees_find(&tr->tracees, tid);
	int status;

	if (!t || !t->put_off)
		return;
	status = t->put_off;
	t->put_off = 0;
	loop_act(tr, t, status);
}

void
attach_begin(struct tracing *tr, const struct attach *a)
{
	struct tidmap processes = { 0 };
	size_t missing = 0;
	char example[64];

	tr->result.started = true;
	for (size_t i = 0; i < a->count; i++)
		missing += take_in(tr, &a->tasks[i]);
	gather(tr, missing);
	for (size_t i = 0; i < a->count; i++)
		tell(tr, &processes, &a->tasks[i]);
	tidmap_done(&processes);
	for (size_t i = 0; i < a->refused_count; i++) {
		snprintf(example, sizeof(example), "PID %d, which cannot be attached to",
			 (int)a->refused[i]);
		tracing_put(tr, capture_gap(&tr->capture, a->refused[i], GAP_ESCAPED,
					    example));
	}
	for (size_t i = 0; i < a->count; i++)
		go_on(tr, a->tasks[i].tid);
}
