/* SPDX-License-Identifier: MIT */
#include "model/tasks.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/tidmap.h"
#include "model/path.h"

struct tasks {
	struct tidmap map;
	struct intern *names;
	struct place *places;
	uint64_t serial; /* of the newest process */
	uint64_t threads;
};

struct tasks *
tasks_new(struct intern *names)
{
	struct tasks *t = mem_zero(1, sizeof(*t));

	t->names = names;
	return t;
}

static struct place *
place_new(struct tasks *t, const struct place *like)
{
	struct place *p = mem_zero(1, sizeof(*p));

	p->users = 1;
	if (like) {
		p->cwd = like->cwd;
		p->root = like->root;
		p->mnt_ns = like->mnt_ns;
	}
	p->next = t->places;
	p->link = &t->places;
	if (p->next)
		p->next->link = &p->next;
	t->places = p;
	return p;
}

static void
place_drop(struct place *p)
{
	if (--p->users)
		return;
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	free(p);
}

static struct place *
place_for_child(struct tasks *t, const struct task *parent, bool shares)
{
	if (!parent || !shares)
		return place_new(t, parent ? parent->place : NULL);
	parent->place->users++;
	return parent->place;
}

/* Takes @task out of the table; its member may be left without threads. */
static void
task_drop(struct tasks *t, struct task *task)
{
	tidmap_put(&t->map, task->tid, NULL);
	*task->link = task->next;
	if (task->next)
		task->next->link = task->link;
	place_drop(task->place);
	free(task);
}

void
tasks_forget(struct member *m)
{
	seen_done(&m->seen);
	free(m);
}

static void
free_task(void *value, void *data)
{
	struct task *task = value;
	struct member *m = task->member;

	task_drop(data, task);
	if (!m->tasks)
		tasks_forget(m);
}

void
tasks_free(struct tasks *t)
{
	if (!t)
		return;
	tidmap_each(&t->map, free_task, t);
	tidmap_done(&t->map);
	free(t);
}

struct task *
tasks_find(const struct tasks *t, pid_t tid)
{
	return tidmap_get(&t->map, tid);
}

static struct task *
task_add(struct tasks *t, pid_t tid, struct member *m, struct place *place)
{
	struct task *old = tasks_find(t, tid), *task = mem_zero(1, sizeof(*task));

	if (old)
		free_task(old, t);
	task->tid = tid;
	task->member = m;
	task->place = place;
	task->next = m->tasks;
	task->link = &m->tasks;
	if (task->next)
		task->next->link = &task->next;
	m->tasks = task;
	tidmap_put(&t->map, tid, task);
	return task;
}

struct task *
tasks_add_process(struct tasks *t, pid_t tid, const struct task *parent,
		  bool shares_place)
{
	struct member *m = mem_zero(1, sizeof(*m));

	m->process.serial = ++t->serial;
	m->process.pid = tid;
	if (parent) {
		m->process.parent = parent->member->process.serial;
		m->process.ppid = parent->member->process.pid;
		m->process.name = parent->member->process.name;
		m->process.exe = parent->member->process.exe;
		m->process.left_out = m->process.untold =
			parent->member->process.left_out;
	}
	return task_add(t, tid, m, place_for_child(t, parent, shares_place));
}

struct task *
tasks_add_thread(struct tasks *t, pid_t tid, struct task *parent, bool shares_place)
{
	t->threads++;
	return task_add(t, tid, parent->member, place_for_child(t, parent, shares_place));
}

struct task *
tasks_exec(struct tasks *t, pid_t tgid, pid_t former)
{
	struct task *task = tasks_find(t, former), *other, *next;
	struct place *place;
	struct member *m;

	if (!task)
		task = tasks_find(t, tgid);
	if (!task)
		return NULL;
	m = task->member;
	place = task->place;
	place->users++;
	for (other = m->tasks; other; other = next) {
		next = other->next;
		task_drop(t, other);
	}
	return task_add(t, tgid, m, place);
}

struct member *
tasks_exit(struct tasks *t, pid_t tid, int status, bool status_known)
{
	struct task *task = tasks_find(t, tid);
	struct member *m;

	if (!task)
		return NULL;
	m = task->member;
	if (tid == m->process.pid && status_known) {
		m->status = status;
		m->status_known = true;
	}
	task_drop(t, task);
	return m->tasks ? NULL : m;
}

static void
take_member(void *value, void *data)
{
	*(struct member **)data = ((struct task *)value)->member;
}

struct member *
tasks_any(const struct tasks *t)
{
	struct member *m = NULL;

	tidmap_each(&t->map, take_member, &m);
	return m;
}

void
tasks_unshare_place(struct tasks *t, struct task *task)
{
	struct place *old = task->place;

	if (old->users == 1)
		return;
	task->place = place_new(t, old);
	place_drop(old);
}

/* What @path is called after the rename; @path itself when it is not concerned. */
static const struct interned *
follow(struct tasks *t, const struct interned *path, const char *from, const char *to)
{
	_cleanup_buf_ struct buf name = { 0 };

	if (!path || !path_is_below(path->bytes, from))
		return path;
	buf_adds(&name, to);
	buf_adds(&name, path->bytes + strlen(from));
	return intern_get(t->names, name.data, name.len);
}

void
tasks_renamed(struct tasks *t, const struct interned *from, const struct interned *to)
{
	for (struct place *p = t->places; p; p = p->next) {
		p->cwd = follow(t, p->cwd, from->bytes, to->bytes);
		p->root = follow(t, p->root, from->bytes, to->bytes);
	}
}

uint64_t
tasks_processes(const struct tasks *t)
{
	return t->serial;
}

uint64_t
tasks_threads(const struct tasks *t)
{
	return t->threads;
}
