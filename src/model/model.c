/* SPDX-License-Identifier: MIT */
#include "model/model.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/tidmap.h"
#include "model/decode.h"
#include "model/detach.h"
#include "model/hub.h"
#include "model/path.h"
#include "model/record.h"
#include "model/tasks.h"
#include "model/verdict.h"
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

struct model {
	const struct run *run;
	struct hub *hub;
	uint64_t start;
	struct intern *names;
	struct tasks *tasks;
	struct decoder decoder;
	struct outcome outcome;
};

struct model *
model_new(const struct run *run, struct hub *hub, uint64_t start)
{
	struct model *m = mem_zero(1, sizeof(*m));

	m->run = run;
	m->hub = hub;
	m->start = start;
	m->names = intern_new();
	m->tasks = tasks_new(m->names);
	m->decoder.names = m->names;
	return m;
}

void
model_free(struct model *m)
{
	if (!m)
		return;
	tasks_free(m->tasks);
	intern_free(m->names);
	buf_done(&m->decoder.scratch);
	buf_done(&m->decoder.own);
	free(m);
}

void
model_gap(struct model *m, enum gap gap, const char *example)
{
	verdict_gap(&m->outcome, gap, example);
}

static uint64_t
time_of(const struct model *m, const struct record *r)
{
	return r->time > m->start ? r->time - m->start : 0;
}

static const struct interned *
field_name(struct model *m, const struct record *r, enum field_kind kind)
{
	const struct field *f = record_field(r, kind);

	return f && f->len ? intern_get(m->names, f->bytes, f->len) : NULL;
}

static struct span
name_span(const struct interned *name)
{
	return name ? (struct span){ name->bytes, name->len } : (struct span){ "", 0 };
}

/* Takes working directory and root from a record that carries them. */
static void
place_update(struct model *m, struct place *place, const struct record *r)
{
	const struct interned *cwd = field_name(m, r, FIELD_CWD);
	const struct field *ns = record_field(r, FIELD_MNT_NS);

	if (ns && ns->len == sizeof(place->mnt_ns))
		memcpy(&place->mnt_ns, ns->bytes, sizeof(place->mnt_ns));
	if (!cwd)
		return;
	place->cwd = cwd;
	place->root = field_name(m, r, FIELD_ROOT);
}

static const struct interned *
base_name(struct model *m, const struct interned *path)
{
	const char *base = path_base(path->bytes);

	return intern_get(m->names, base, strlen(base));
}

static struct process_event
process_event(struct model *m, enum process_event_kind kind, const struct record *r,
	      const struct task *task)
{
	return (struct process_event){
		.kind = kind,
		.time = time_of(m, r),
		.process = &task->member->process,
		.cwd = name_span(task->place->cwd),
		.root = name_span(task->place->root),
		.mnt_ns = task->place->mnt_ns,
	};
}

static void
tell_process(struct model *m, const struct process_event *e)
{
	if (!e->process->untold)
		hub_process(m->hub, e);
}

/* A process that we hear of for the first time, though nobody told of its birth. */
static struct task *
task_of(struct model *m, const struct record *r)
{
	struct task *task = tasks_find(m->tasks, r->tid);
	struct process_event e;

	if (task)
		return task;
	task = tasks_add_process(m->tasks, r->tid, NULL, false);
	verdict_gap_by(&m->outcome, GAP_LOST, task, "no start was seen");
	e = process_event(m, PROCESS_FORK, r, task);
	tell_process(m, &e);
	return task;
}

/* The last thread is gone, or goes on without us. */
static void
member_ended(struct model *m, struct member *member, uint64_t time,
	     enum process_event_kind kind)
{
	struct process_event e = {
		.kind = kind,
		.time = time,
		.process = &member->process,
		.status = member->status,
		.status_known = member->status_known,
	};

	tell_process(m, &e);
	tasks_forget(member);
}

static void
on_start(struct model *m, const struct record *r)
{
	struct task *task = tasks_add_process(m->tasks, r->tid, NULL, false);
	struct process_event e;

	task->member->process.ppid = (pid_t)r->args[0];
	place_update(m, task->place, r);
	e = process_event(m, PROCESS_START, r, task);
	tell_process(m, &e);
}

static void
on_fork(struct model *m, const struct record *r)
{
	struct task *parent, *child;
	bool shares = r->flags & FORK_SHARES_FS;
	pid_t tid = (pid_t)r->args[0];
	struct process_event e;

	if (!tidmap_takes(tid) || tid == r->tid) {
		model_gap(m, GAP_LOST, "a task that nobody could have made");
		return;
	}
	/* an orphan's guessed parent may be dead, too */
	parent = r->flags & FORK_GUESSED ? tasks_find(m->tasks, r->tid) : task_of(m, r);
	if (parent && r->flags & FORK_THREAD) {
		child = tasks_add_thread(m->tasks, tid, parent, shares);
		place_update(m, child->place, r);
		return;
	}
	child = tasks_add_process(m->tasks, tid, parent, shares);
	child->member->process.ns_pid = (pid_t)r->args[1];
	place_update(m, child->place, r);
	e = process_event(m, PROCESS_FORK, r, child);
	e.threads_share = r->flags & FORK_SHARES_VM;
	tell_process(m, &e);
}

static void
on_exit_record(struct model *m, const struct record *r)
{
	struct member *ended =
		tasks_exit(m->tasks, r->tid, (int)r->result, !(r->flags & EXIT_UNKNOWN));

	if (ended)
		member_ended(m, ended, time_of(m, r),
			     r->kind == RECORD_EXIT ? PROCESS_EXIT : PROCESS_DETACH);
}

static struct span
field_span(const struct record *r, enum field_kind kind)
{
	const struct field *f = record_field(r, kind);

	return f ? (struct span){ f->bytes, f->len } : (struct span){ "", 0 };
}

/* A process that ran before we came, as /proc tells of it. */
static void
on_attached_process(struct model *m, const struct record *r)
{
	pid_t tgid = (pid_t)r->args[0], ppid = (pid_t)r->args[1];
	const struct interned *exe = field_name(m, r, FIELD_EXE);
	const struct task *parent = tasks_find(m->tasks, ppid);
	struct task *task = tasks_add_process(m->tasks, tgid, parent, false);
	struct process *p = &task->member->process;
	struct process_event e;

	/* nothing of its parent's: whatever that had may have changed since */
	task->place->cwd = task->place->root = NULL;
	task->place->mnt_ns = 0;
	place_update(m, task->place, r);
	p->ppid = ppid;
	p->ns_pid = (pid_t)r->args[2];
	p->exe = exe;
	p->name = exe ? base_name(m, exe) : NULL;
	e = process_event(m, PROCESS_ATTACH, r, task);
	e.argv = field_span(r, FIELD_ARGV);
	e.argv_cut = r->args[5];
	tell_process(m, &e);
}

static void
on_attach(struct model *m, const struct record *r)
{
	struct task *leader = tasks_find(m->tasks, (pid_t)r->args[0]);
	struct task *thread;

	if (r->tid == (pid_t)r->args[0] && r->tid > 0) {
		on_attached_process(m, r);
	} else if (leader) {
		thread = tasks_add_thread(m->tasks, r->tid, leader,
					  r->flags & FORK_SHARES_FS);
		place_update(m, thread->place, r);
	} else {
		model_gap(m, GAP_LOST, "a thread of no process");
	}
}

/* Tells an access. */
static void
tell(struct model *m, const struct record *r, struct task *task, struct access *a)
{
	struct seen_key key = {
		.path = a->path,
		.to = a->to ? a->to : a->opened,
		.op = (uint16_t)a->op,
		.how = (uint8_t)(a->raced | a->deleted << 1),
		.mnt_ns = a->mnt_ns,
	};

	if (task->member->process.left_out)
		return;
	key.outcome = a->unfinished ? UINT32_MAX : (uint32_t)a->error;
	a->process = &task->member->process;
	a->time = time_of(m, r);
	a->first = seen_add(&task->member->seen, key);
	m->outcome.accesses++;
	m->outcome.written += a->first || m->run->all;
	hub_access(m->hub, a);
}

static bool
is_absolute(const struct interned *path)
{
	return path && path->bytes[0] == '/';
}

/* What a call that succeeded changes in the meaning of later names. */
static void
apply(struct model *m, const struct record *r, struct task *task, const struct access *a)
{
	const uint64_t own = CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER;

	if (a->error || a->unfinished)
		return;
	if (a->op == OP_NAMESPACE && strcmp(a->row->name, "unshare") == 0 &&
	    r->args[0] & own)
		tasks_unshare_place(m->tasks, task);
	if (a->row->shape == SHAPE_CWD) {
		place_update(m, task->place, r);
		if (a->op == OP_CHDIR && !record_field(r, FIELD_CWD))
			task->place->cwd = is_absolute(a->path) ? a->path : NULL;
	}
	if (a->op == OP_RENAME && is_absolute(a->path) && is_absolute(a->to))
		tasks_renamed(m->tasks, a->path, a->to);
}

static void
on_call(struct model *m, const struct record *r)
{
	struct task *task;
	struct access a;

	m->outcome.calls[r->engine]++;
	task = task_of(m, r);
	if (!decode_call(&m->decoder, r, task->place, task->member->process.pid, &a))
		return;
	if (decode_chosen(r, &a, m->run->classes))
		tell(m, r, task, &a);
	if (!task->member->process.left_out)
		verdict_call(&m->outcome, m->tasks, r, task, &a, m->decoder.unresolved);
	apply(m, r, task, &a);
}

/* What the kernel opened by itself, as reads by the process. */
static void
tell_opened(struct model *m, const struct record *r, struct task *task)
{
	const struct field *f = record_field(r, FIELD_OPENED);

	for (; f; f = record_field_next(r, f)) {
		struct access a;

		decode_opened(&m->decoder, r, f, task->place, &a);
		if (m->run->classes & CLASS_READ)
			tell(m, r, task, &a);
	}
}

static void
on_exec(struct model *m, const struct record *r)
{
	struct task *task = tasks_exec(m->tasks, r->tid, r->former);
	const struct interned *exe;
	struct process_event e;
	struct process *p;
	struct access a;

	m->outcome.execs++;
	m->outcome.calls[r->engine]++;
	if (!task)
		task = task_of(m, r);
	if (!decode_call(&m->decoder, r, task->place, task->member->process.pid, &a))
		return;
	p = &task->member->process;
	exe = field_name(m, r, FIELD_EXE);
	p->exe = exe ? exe : a.path;
	p->name = base_name(m, a.path);
	e = process_event(m, PROCESS_EXEC, r, task);
	e.argv = field_span(r, FIELD_ARGV);
	e.argv_cut = r->args[5];
	tell_process(m, &e);
	verdict_call(&m->outcome, m->tasks, r, task, &a, m->decoder.unresolved);
	if (decode_chosen(r, &a, m->run->classes))
		tell(m, r, task, &a);
	tell_opened(m, r, task);
	if (!p->left_out && detach_matches(m->run->detach, p)) {
		p->left_out = true;
		verdict_left_out(&m->outcome, task);
	}
}

static void
on_inherited(struct model *m, const struct record *r, const struct task *task)
{
	struct process_event e = process_event(m, PROCESS_INHERITED, r, task);

	e.attached = r->flags & DESCRIPTOR_ATTACHED;
	e.fd = (int)r->args[0];
	e.flags = r->args[1];
	e.mode = (unsigned)r->args[2];
	e.file = field_span(r, FIELD_PATH);
	tell_process(m, &e);
}

static void
on_descriptor(struct model *m, const struct record *r)
{
	struct task *task = task_of(m, r);
	struct access a;

	if (r->flags & DESCRIPTOR_INHERITED) {
		on_inherited(m, r, task);
		return;
	}
	decode_received(&m->decoder, r, &a);
	if (m->run->classes & CLASS_AUDIT)
		tell(m, r, task, &a);
	if (a.path_unknown)
		verdict_gap_by(&m->outcome, GAP_UNREADABLE, task, a.row->name);
}

static bool
is_sound(const struct record *r, size_t size)
{
	if (!record_check(r, size) || r->engine >= ENGINE_COUNT || r->abi >= ABI_COUNT)
		return false;
	return r->row < syscall_row_count && tidmap_takes(r->tid);
}

void
model_record(struct model *m, const struct record *r, size_t size)
{
	const struct field *f;
	char example[160];

	if (!is_sound(r, size)) {
		model_gap(m, GAP_LOST, "a record that makes no sense");
		return;
	}
	switch ((enum record_kind)r->kind) {
	case RECORD_CALL:
		on_call(m, r);
		break;
	case RECORD_START:
		on_start(m, r);
		break;
	case RECORD_FORK:
		on_fork(m, r);
		break;
	case RECORD_EXEC:
		on_exec(m, r);
		break;
	case RECORD_PLACE:
		place_update(m, task_of(m, r)->place, r);
		break;
	case RECORD_DESCRIPTOR:
		on_descriptor(m, r);
		break;
	case RECORD_ATTACH:
		on_attach(m, r);
		break;
	case RECORD_EXIT:
	case RECORD_DETACH:
		on_exit_record(m, r);
		break;
	case RECORD_GAP:
		f = record_field(r, FIELD_PATH);
		snprintf(example, sizeof(example), "%.*s", f ? (int)f->len : 0,
			 f ? f->bytes : "");
		if (r->args[0] < GAP_COUNT)
			model_gap(m, (enum gap)r->args[0], example);
		break;
	case RECORD_KIND_END:
		break;
	}
}

/* Whoever is left: we were told to stop before they were. */
static void
end_everybody(struct model *m, uint64_t time)
{
	struct member *left;

	while ((left = tasks_any(m->tasks))) {
		pid_t tid = left->tasks->tid;
		struct member *ended = tasks_exit(m->tasks, tid, 0, false);

		if (ended)
			member_ended(m, ended, time, PROCESS_EXIT);
	}
}

void
model_end(struct model *m, uint64_t time, int status, bool status_known,
	  struct outcome *ret)
{
	struct outcome *o = &m->outcome;

	o->stops = ret->stops;
	o->stopped = ret->stopped;
	o->stopped_count = ret->stopped_count;
	o->time = time > m->start ? time - m->start : 0;
	end_everybody(m, o->time);
	o->status = status;
	o->status_known = status_known;
	o->attached = m->run->pids;
	o->processes = tasks_processes(m->tasks);
	o->threads = tasks_threads(m->tasks);
	if (status_known && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		model_gap(m, GAP_KILLED, "SIGKILL");
	hub_end(m->hub, o);
	*ret = *o;
}
