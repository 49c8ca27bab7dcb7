/* SPDX-License-Identifier: MIT */
#include "model/verdict.h"

#include "base/intern.h"
#include "model/path.h"
#include "model/record.h"
#include "model/services.h"
#include "model/tasks.h"
#include <errno.h>
#include <stdio.h>
#include <sys/ptrace.h>

void
verdict_gap(struct outcome *o, enum gap gap, const char *example)
{
	struct gap_count *g = &o->gaps[gap];

	if (!g->count++ && example)
		snprintf(g->example, sizeof(g->example), "%s", example);
}

/* Counts one more, and who did @what if it is the first. */
static void
count_by(struct gap_count *g, const struct task *task, const char *what)
{
	const struct interned *name = task->member->process.name;

	if (!g->count++)
		snprintf(g->example, sizeof(g->example), "%s by PID %d (%s)", what,
			 (int)task->member->process.pid, name ? name->bytes : "unknown");
}

void
verdict_gap_by(struct outcome *o, enum gap gap, const struct task *task, const char *what)
{
	count_by(&o->gaps[gap], task, what);
}

void
verdict_left_out(struct outcome *o, const struct task *task)
{
	count_by(&o->notes[NOTE_LEFT_OUT], task, "all");
}

static void
note_by(struct outcome *o, enum note note, const struct task *task, const char *what)
{
	count_by(&o->notes[note], task, what);
}

/*
 * Whether a name is missing that mattered.  A bad pointer is the process's own
 * affair as long as the call failed, and the end of a process is told anyway.
 */
static bool
is_unreadable(const struct record *r, const struct access *a)
{
	if (!(r->flags & (CALL_UNREADABLE | CALL_UNREADABLE2)) || a->unfinished)
		return false;
	return !a->error || r->flags & CALL_REFUSED;
}

/*
 * Threads that are busy when their process ends are killed inside their calls,
 * and that is no fault.  That a file was looked at or read is told by the name.
 */
static bool
may_change(enum op op)
{
	return !(op_class(op) & (CLASS_READ | CLASS_PROBE | CLASS_LIST));
}

/* By connecting to its socket a process has others work for it, whom we do not see. */
static void
note_service(struct outcome *o, const struct task *task, const struct access *a)
{
	const struct interned *root = task->place->root;
	const char *path = a->path->bytes;
	const struct service *service;
	char example[128];

	if (root && path_is_below(path, root->bytes))
		path += root->len;
	service = service_at(path);
	if (!service)
		return;
	snprintf(example, sizeof(example), "%s (%s)", service->name, path);
	if (service->kind == SERVICE_DELEGATED)
		verdict_gap_by(o, GAP_DELEGATED, task, example);
	else
		note_by(o, NOTE_ASKED, task, example);
}

/* Whether @tid, as @task calls it, is one of ours; so it is where nobody can tell. */
static bool
is_traced(const struct tasks *tasks, const struct task *task, pid_t tid)
{
	const struct task *other = tasks_find(tasks, tid);

	if (task->member->process.ns_pid)
		return true;
	/* nobody may trace a thread of his own process, with us or without */
	return other && other->member != task->member;
}

/*
 * A process that wanted to trace, and whom the kernel answered: ours can have no other
 * tracer, and fail with EPERM; the others do what we do not see.
 */
static void
note_ptrace(struct outcome *o, const struct tasks *tasks, const struct record *r,
	    const struct task *task, const struct access *a)
{
	bool attach = r->args[0] == PTRACE_ATTACH || r->args[0] == PTRACE_SEIZE;
	bool refused = a->error == EPERM;

	if (r->flags & CALL_ANSWERED)
		return;
	if (r->args[0] == PTRACE_TRACEME && refused)
		note_by(o, NOTE_PTRACE, task, "PTRACE_TRACEME");
	else if (attach && refused && is_traced(tasks, task, (pid_t)r->args[1]))
		note_by(o, NOTE_PTRACE, task, "attaching to a process");
	else if (attach && !a->error)
		verdict_gap_by(o, GAP_DELEGATED, task, "attaching to a process");
}

/* Calls that are no accesses, and what they mean for the record. */
static void
note_hidden(struct outcome *o, const struct tasks *tasks, const struct record *r,
	    const struct task *task, const struct access *a)
{
	if (a->unfinished)
		return;
	if (a->row->shape == SHAPE_URING && !a->error)
		verdict_gap_by(o, GAP_URING, task, a->row->name);
	else if (a->row->shape == SHAPE_URING && a->error == ENOSYS)
		note_by(o, NOTE_URING, task, a->row->name);
	else if (a->row->shape == SHAPE_CLONE3 && !a->error)
		verdict_gap_by(o, GAP_ESCAPED, task, a->row->name);
	else if (a->row->shape == SHAPE_PTRACE)
		note_ptrace(o, tasks, r, task, a);
	else if (a->op == OP_CONNECT && !a->error)
		note_service(o, task, a);
}

void
verdict_call(struct outcome *o, const struct tasks *tasks, const struct record *r,
	     const struct task *task, const struct access *a, bool unresolved)
{
	if (a->unfinished && !a->left && may_change(a->op))
		verdict_gap_by(o, GAP_UNFINISHED, task, a->row->name);
	if (is_unreadable(r, a))
		verdict_gap_by(o, GAP_UNREADABLE, task, a->row->name);
	if (unresolved && !a->error && !a->unfinished)
		verdict_gap_by(o, GAP_UNRESOLVED, task, a->path->bytes);
	note_hidden(o, tasks, r, task, a);
}
