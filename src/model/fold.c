/* SPDX-License-Identifier: MIT */
#include "model/fold.h"

#include "base/arena.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/table.h"
#include "model/roles.h"
#include "model/selection.h"

/*
 * What the three tables point to is cut from an arena and chained in the order in
 * which it came, so that nothing is ever moved or sorted to be read.
 *
 * Events bring names that are interned by somebody else; directories and what they
 * are renamed to are interned here.  So names are compared by hash and bytes, and
 * the address is only the quick answer.
 */

/*
 * Longer names, which the kernel does not know and only a forged log holds, have
 * no directory: each of its levels would be kept whole.
 */
#define PARENT_MAX 8192

struct fold {
	struct arena arena;
	struct intern *names;
	struct table files, uses, processes;
	size_t called; /* files that are walked over */
	size_t named;  /* those of them that are shown */
	struct fold_file *first_file, *last_file;
	struct fold_process *first_process, *last_process;
	struct selection *selection; /* NULL: everything is shown */
	struct fold_process *recent; /* whom the last access was by */
	const struct fold_use *last_use;
};

struct fold *
fold_new(void)
{
	struct fold *f = mem_zero(1, sizeof(*f));

	f->names = intern_new();
	return f;
}

void
fold_free(struct fold *f)
{
	if (!f)
		return;
	table_done(&f->files);
	table_done(&f->uses);
	table_done(&f->processes);
	intern_free(f->names);
	arena_done(&f->arena);
	free(f);
}

static bool
same_name(const struct interned *a, const struct interned *b)
{
	if (a == b)
		return true;
	return a && b && a->hash == b->hash && a->len == b->len &&
	       !memcmp(a->bytes, b->bytes, a->len);
}

static struct fold_file *
find_file(const struct fold *f, const struct interned *path, uint64_t mnt_ns)
{
	uint32_t hash = table_mix(path->hash + mnt_ns);
	struct fold_file *file;
	size_t at = hash;

	while ((file = table_next(&f->files, hash, &at)))
		if (file->mnt_ns == mnt_ns && same_name(file->path, path))
			return file;
	return NULL;
}

static struct fold_file *
new_file(struct fold *f, const struct interned *path, uint64_t mnt_ns)
{
	struct fold_file *file = arena_take(&f->arena, sizeof(*file));

	file->path = path;
	file->mnt_ns = mnt_ns;
	table_add(&f->files, table_mix(path->hash + mnt_ns), file);
	return file;
}

/* The name of the directory of @path, NULL where there is none. */
static const struct interned *
parent_name(struct fold *f, const struct interned *path)
{
	const char *slash;

	if (path->len < 2 || path->len > PARENT_MAX || path->bytes[0] != '/')
		return NULL;
	slash = memrchr(path->bytes, '/', path->len);
	return intern_get(f->names, path->bytes, MAX((size_t)(slash - path->bytes), 1));
}

/* The file @path, put below its directory, that below its own, and so on. */
static struct fold_file *
file_of(struct fold *f, const struct interned *path, uint64_t mnt_ns)
{
	struct fold_file *file = find_file(f, path, mnt_ns), *at;
	const struct interned *name;

	if (file)
		return file;
	file = at = new_file(f, path, mnt_ns);
	while ((name = parent_name(f, at->path))) {
		struct fold_file *parent = find_file(f, name, mnt_ns);
		bool known = parent;

		if (!known)
			parent = new_file(f, name, mnt_ns);
		at->parent = parent;
		at->sibling = parent->child;
		parent->child = at;
		if (known)
			break;
		at = parent;
	}
	return file;
}

struct fold_file *
fold_name(struct fold *f, const char *path, size_t len, uint64_t mnt_ns)
{
	return file_of(f, intern_get(f->names, path, len), mnt_ns);
}

void
fold_enlist(struct fold *f, struct fold_file *file, uint64_t time)
{
	if (file->number)
		return;
	file->first = file->last = time;
	*(f->last_file ? &f->last_file->next : &f->first_file) = file;
	f->last_file = file;
	file->number = ++f->called;
	file->hidden = f->selection && !selection_takes_name(f->selection, file->path);
	f->named += !file->hidden;
}

/* One more call about @file. */
static void
count_file(struct fold *f, struct fold_file *file, uint64_t time, bool failed)
{
	if (!file->number) {
		fold_enlist(f, file, time);
		/* what is asked for is not only a name */
		f->named -= f->selection && !file->hidden;
		file->hidden = f->selection;
	}
	file->count++;
	file->failed += failed;
	file->last = time;
}

static struct fold_process *
find_process(const struct fold *f, uint64_t serial)
{
	uint32_t hash = table_mix(serial);
	struct fold_process *p;
	size_t at = hash;

	while ((p = table_next(&f->processes, hash, &at)))
		if (p->serial == serial)
			return p;
	return NULL;
}

static void
add_child(struct fold_process *parent, struct fold_process *child)
{
	child->parent = parent;
	*(parent->last_child ? &parent->last_child->sibling : &parent->child) = child;
	parent->last_child = child;
}

static struct fold_process *
new_process(struct fold *f, const struct process *who, uint64_t time)
{
	struct fold_process *p = arena_take(&f->arena, sizeof(*p));
	struct fold_process *parent = find_process(f, who->parent);

	p->serial = who->serial;
	p->pid = who->pid;
	p->ppid = who->ppid;
	p->start = p->end = time;
	if (parent)
		add_child(parent, p);
	table_add(&f->processes, table_mix(p->serial), p);
	*(f->last_process ? &f->last_process->next : &f->first_process) = p;
	f->last_process = p;
	return p;
}

static struct fold_process *
process_of(struct fold *f, const struct process *who, uint64_t time)
{
	struct fold_process *p = f->recent;

	if (!p || p->serial != who->serial)
		p = find_process(f, who->serial);
	if (!p)
		p = new_process(f, who, time);
	f->recent = p;
	p->name = who->name;
	p->exe = who->exe;
	if (!p->ended)
		p->end = time;
	return p;
}

static void
add_exec(struct fold *f, struct fold_process *p, const struct process_event *e)
{
	struct fold_exec *x = arena_take(&f->arena, sizeof(*x));
	size_t len = MIN(e->argv.len, (size_t)FOLD_ARGV_MAX);
	char *argv = arena_take(&f->arena, len + 1);

	memcpy(argv, len ? e->argv.bytes : "", len);
	x->time = e->time;
	x->exe = e->process->exe;
	x->argv = (struct span){ argv, len };
	x->argv_cut = e->argv_cut || len < e->argv.len;
	*(p->last_exec ? &p->last_exec->next : &p->execs) = x;
	p->last_exec = x;
}

static void
show_file(struct fold *f, struct fold_file *file)
{
	f->named += file->hidden;
	file->hidden = false;
}

static void
inherited(struct fold *f, const struct process_event *e)
{
	struct fold_file *file;

	if (!e->file.len || e->file.bytes[0] != '/')
		return;
	file = fold_name(f, e->file.bytes, e->file.len, e->mnt_ns);
	count_file(f, file, e->time, false);
	roles_inherited(file, e);
	if (file->hidden && selection_takes_inherited(f->selection, e))
		show_file(f, file);
}

void
fold_process(struct fold *f, const struct process_event *e)
{
	struct fold_process *p = process_of(f, e->process, e->time);

	if (e->cwd.len)
		p->cwd = intern_get(f->names, e->cwd.bytes, e->cwd.len);
	if (e->kind == PROCESS_EXEC || e->kind == PROCESS_ATTACH)
		add_exec(f, p, e);
	if (e->kind == PROCESS_INHERITED)
		inherited(f, e);
	if (e->kind != PROCESS_EXIT)
		return;
	p->ended = true;
	p->end = e->time;
	p->status = e->status;
	p->status_known = e->status_known;
}

static uint32_t
use_hash(const struct fold_use *key)
{
	uint64_t h = key->file->path->hash;

	h = h * 31 + key->file->mnt_ns;
	h = h * 31 + key->process->serial;
	h = h * 31 + (uint64_t)key->op;
	h = h * 31 + (uint64_t)key->error;
	h = h * 31 + (key->to ? key->to->hash : 0);
	return table_mix(h);
}

static bool
same_use(const struct fold_use *a, const struct fold_use *b)
{
	return a->process == b->process && a->file == b->file && a->op == b->op &&
	       a->error == b->error && same_name(a->to, b->to);
}

static struct fold_use *
use_of(struct fold *f, const struct fold_use *key)
{
	uint32_t hash = use_hash(key);
	struct fold_use *u;
	size_t at = hash;

	while ((u = table_next(&f->uses, hash, &at)))
		if (same_use(u, key))
			return u;
	u = arena_take(&f->arena, sizeof(*u));
	*u = *key;
	u->hidden = f->selection;
	table_add(&f->uses, hash, u);
	u->number = f->uses.count;
	*(u->process->last_use ? &u->process->last_use->next_of_process
			       : &u->process->uses) = u;
	*(u->file->last_use ? &u->file->last_use->next_of_file : &u->file->uses) = u;
	u->process->last_use = u->file->last_use = u;
	return u;
}

/* Whether the second name is one of a file: not so the text of a symbolic link. */
static bool
has_second(const struct access *a)
{
	return a->to && a->to->len && !a->row->target;
}

void
fold_access(struct fold *f, const struct access *a)
{
	struct fold_process *p = process_of(f, a->process, a->time);
	struct fold_file *file = file_of(f, a->path, a->mnt_ns), *to = NULL;
	struct fold_use key = {
		.process = p,
		.file = file,
		.to = a->to,
		.op = a->op,
		.error = a->unfinished ? FOLD_UNFINISHED : a->error,
		.first = a->time,
	};
	struct fold_use *u = use_of(f, &key);

	f->last_use = u;
	u->count++;
	u->last = a->time;
	p->count++;
	p->failed += a->error != 0;
	count_file(f, file, a->time, a->error);
	if (has_second(a) && !same_name(a->to, a->path)) {
		to = file_of(f, a->to, a->mnt_ns);
		count_file(f, to, a->time, a->error);
	}
	if (f->selection && selection_takes(f->selection, a)) {
		u->hidden = false;
		show_file(f, file);
		/* the first name belongs to the use, the second one stands for itself */
		if (to && selection_takes_name(f->selection, to->path))
			show_file(f, to);
	}
	roles_apply(f, file, to, a);
}

void
fold_select(struct fold *f, struct selection *s)
{
	f->selection = s;
}

static const struct fold_file *
shown_file(const struct fold_file *file)
{
	while (file && file->hidden)
		file = file->next;
	return file;
}

static const struct fold_use *
shown_of(const struct fold_use *u)
{
	while (u && u->hidden)
		u = u->next_of_file;
	return u;
}

static const struct fold_use *
shown_by(const struct fold_use *u)
{
	while (u && u->hidden)
		u = u->next_of_process;
	return u;
}

const struct fold_process *
fold_first_process(const struct fold *f)
{
	return f->first_process;
}

const struct fold_process *
fold_next_process(const struct fold_process *p)
{
	return p->next;
}

const struct fold_file *
fold_first_file(const struct fold *f)
{
	return shown_file(f->first_file);
}

const struct fold_file *
fold_next_file(const struct fold_file *file)
{
	return shown_file(file->next);
}

const struct fold_use *
fold_first_use_of(const struct fold_file *file)
{
	return shown_of(file->uses);
}

const struct fold_use *
fold_next_use_of(const struct fold_use *u)
{
	return shown_of(u->next_of_file);
}

const struct fold_use *
fold_first_use_by(const struct fold_process *p)
{
	return shown_by(p->uses);
}

const struct fold_use *
fold_next_use_by(const struct fold_use *u)
{
	return shown_by(u->next_of_process);
}

const struct fold_use *
fold_last_use(const struct fold *f)
{
	return f->last_use;
}

const struct fold_file *
fold_find_file(const struct fold *f, const char *path, size_t len, uint64_t mnt_ns)
{
	/* a name that is asked for may stay in the table: it does no harm */
	const struct fold_file *file =
		find_file(f, intern_get(f->names, path, len), mnt_ns);

	return file && file->number && !file->hidden ? file : NULL;
}

const struct fold_process *
fold_find_process(const struct fold *f, uint64_t serial)
{
	return find_process(f, serial);
}

size_t
fold_files(const struct fold *f)
{
	return f->named;
}

size_t
fold_processes(const struct fold *f)
{
	return f->processes.count;
}
