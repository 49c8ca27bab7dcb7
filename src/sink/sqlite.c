/* SPDX-License-Identifier: MIT */
#include "sink/sqlite.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "model/fold.h"
#include "sink/findings.h"
#include "sink/flags.h"
#include "sink/rows.h"
#include "sink/schema.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

/* How long rows may wait for their commit; and how often the clock is looked at. */
#define COMMIT_NS 1000000000u
#define EVENTS_PER_LOOK 1024

struct sqlite {
	struct sink sink;
	int fd;
	const struct fold *fold;
	struct rows rows;
	bool all;
	const struct fold_file *last_path; /* the last one that is in the table */
	uint64_t committed;		   /* by our clock */
	uint64_t counted; /* counts until this time of the run are in it */
	uint64_t now;	  /* of the run: the last event */
	unsigned events;
};

static struct sink *
sqlite_make(int fd, const struct pack_ops *pack)
{
	struct sqlite *l = mem_zero(1, sizeof(*l));

	(void)pack;
	l->sink.ops = &sqlite_sink;
	l->fd = fd;
	return &l->sink;
}

static void
sqlite_fold(struct sink *s, const struct fold *fold)
{
	((struct sqlite *)s)->fold = fold;
}

static void
sqlite_free(struct sink *s)
{
	struct sqlite *l = (struct sqlite *)s;

	rows_close(&l->rows);
	free(l);
}

static uint64_t
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/*
 * SQLite opens files by name, and its journal stands beside.  What an older database
 * of that name has left there would be taken for ours.
 */
static int
find_file(const struct sqlite *l, char path[PATH_MAX])
{
	static const char *const beside[] = { "-journal", "-wal", "-shm" };
	_cleanup_buf_ struct buf name = { 0 };
	struct stat ours, found;
	char link[64];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", l->fd);
	len = readlink(link, path, PATH_MAX - 1);
	if (len < 0)
		return -errno;
	path[len] = '\0';
	/* deleted, say */
	if (fstat(l->fd, &ours) || stat(path, &found))
		return -errno;
	if (ours.st_dev != found.st_dev || ours.st_ino != found.st_ino)
		return -ESTALE;
	for (size_t i = 0; i < ARRAY_SIZE(beside); i++) {
		buf_reset(&name);
		buf_printf(&name, "%s%s", path, beside[i]);
		if (unlink(name.data) && errno != ENOENT)
			return -errno;
	}
	return 0;
}

static int
sqlite_begin(struct sink *s, const struct run *run)
{
	struct sqlite *l = (struct sqlite *)s;
	char path[PATH_MAX];
	int r = find_file(l, path);

	l->all = run->all;
	if (!r)
		r = rows_open(&l->rows, path);
	if (!r)
		r = findings_start(&l->rows, run);
	if (!r)
		r = rows_commit(&l->rows, true);
	l->committed = clock_now();
	return r;
}

/* How often accesses came, of @p, since the counts were written last. */
static int
add_counts(struct sqlite *l, const struct fold_process *p, uint64_t since)
{
	const struct fold_use *u;
	int r;

	rows_start(&l->rows, ROW_COUNTS);
	rows_int(&l->rows, (int64_t)p->serial);
	rows_int(&l->rows, (int64_t)p->count);
	rows_int(&l->rows, (int64_t)p->failed);
	r = rows_add(&l->rows);
	for (u = fold_first_use_by(p); u && !r; u = fold_next_use_by(u)) {
		if (u->count == 1 || u->last < since)
			continue;
		rows_start(&l->rows, ROW_REPEATED);
		rows_int(&l->rows, (int64_t)u->number);
		rows_int(&l->rows, (int64_t)u->count);
		rows_seconds(&l->rows, u->last);
		r = rows_add(&l->rows);
	}
	return r;
}

/* Of those that have not ended, and what came after an end all the same. */
static int
add_counts_of_all(struct sqlite *l, uint64_t since)
{
	const struct fold_process *p;
	int r = 0;

	for (p = fold_first_process(l->fold); p && !r; p = fold_next_process(p))
		if (!p->ended || (p->last_use && p->last_use->last >= p->end))
			r = add_counts(l, p, since);
	return r;
}

static int
commit(struct sqlite *l)
{
	int r = add_counts_of_all(l, l->counted);

	l->counted = l->now;
	if (!r)
		r = rows_commit(&l->rows, false);
	l->committed = clock_now();
	/* somebody reads: it can wait, and so must not we, nor the command */
	return r == -EBUSY ? 0 : r;
}

/* Commits when it is time; seldom looks whether it is. */
static int
tick(struct sqlite *l, uint64_t now)
{
	l->now = now;
	if (++l->events < EVENTS_PER_LOOK)
		return 0;
	l->events = 0;
	return clock_now() - l->committed < COMMIT_NS ? 0 : commit(l);
}

static int
sqlite_flush(struct sink *s)
{
	struct sqlite *l = (struct sqlite *)s;
	int r = 0;

	if (!l->rows.open)
		return 0;
	if (clock_now() - l->committed >= COMMIT_NS)
		r = commit(l);
	return r || !l->rows.open ? r : SINK_LATER;
}

static int
add_process(struct sqlite *l, const struct process_event *e)
{
	static const char *const born[] = {
		[PROCESS_START] = "start",
		[PROCESS_FORK] = "fork",
		[PROCESS_ATTACH] = "attach",
	};
	const struct process *p = e->process;

	rows_start(&l->rows, ROW_PROCESS);
	rows_int(&l->rows, (int64_t)p->serial);
	rows_text(&l->rows, born[e->kind]);
	rows_number(&l->rows, (int64_t)p->parent);
	rows_int(&l->rows, p->pid);
	rows_int(&l->rows, p->ppid);
	rows_number(&l->rows, p->ns_pid);
	rows_interned(&l->rows, p->name);
	rows_interned(&l->rows, p->exe);
	rows_span(&l->rows, e->cwd);
	rows_span(&l->rows, e->root);
	rows_number(&l->rows, (int64_t)e->mnt_ns);
	rows_seconds(&l->rows, e->time);
	return rows_add(&l->rows);
}

static int
add_exec(struct sqlite *l, const struct process_event *e)
{
	int r;

	rows_start(&l->rows, ROW_BECOMES);
	rows_int(&l->rows, (int64_t)e->process->serial);
	rows_interned(&l->rows, e->process->name);
	rows_interned(&l->rows, e->process->exe);
	rows_argv(&l->rows, e->argv);
	rows_span(&l->rows, e->cwd);
	rows_span(&l->rows, e->root);
	rows_number(&l->rows, (int64_t)e->mnt_ns);
	r = rows_add(&l->rows);
	if (r)
		return r;
	rows_start(&l->rows, ROW_EXEC);
	rows_int(&l->rows, (int64_t)e->process->serial);
	rows_seconds(&l->rows, e->time);
	rows_interned(&l->rows, e->process->exe);
	rows_argv(&l->rows, e->argv);
	rows_int(&l->rows, e->argv_cut);
	rows_span(&l->rows, e->cwd);
	return rows_add(&l->rows);
}

static int
add_inherited(struct sqlite *l, const struct process_event *e)
{
	rows_start(&l->rows, ROW_INHERITED);
	rows_int(&l->rows, (int64_t)e->process->serial);
	rows_seconds(&l->rows, e->time);
	rows_int(&l->rows, e->fd);
	rows_span(&l->rows, e->file);
	rows_text(&l->rows, flags_file_kind(e->mode));
	rows_flags(&l->rows, true, e->flags);
	rows_number(&l->rows, (int64_t)e->mnt_ns);
	return rows_add(&l->rows);
}

static int
add_exit(struct sqlite *l, const struct process_event *e)
{
	const struct fold_process *p = fold_find_process(l->fold, e->process->serial);
	int r;

	rows_start(&l->rows, ROW_EXIT);
	rows_int(&l->rows, (int64_t)e->process->serial);
	rows_seconds(&l->rows, e->time);
	rows_status(&l->rows, e->status_known, e->status);
	r = rows_add(&l->rows);
	return r ? r : add_counts(l, p, 0);
}

/* Names that are new in the fold; they come in the order of their numbers. */
static int
add_paths(struct sqlite *l)
{
	const struct fold_file *f;
	int r = 0;

	while (!r) {
		f = l->last_path ? fold_next_file(l->last_path)
				 : fold_first_file(l->fold);
		if (!f)
			return 0;
		l->last_path = f;
		rows_start(&l->rows, ROW_PATH);
		rows_int(&l->rows, (int64_t)f->number);
		rows_interned(&l->rows, f->path);
		rows_number(&l->rows, (int64_t)f->mnt_ns);
		r = rows_add(&l->rows);
	}
	return r;
}

static int
sqlite_process(struct sink *s, const struct process_event *e)
{
	struct sqlite *l = (struct sqlite *)s;
	int r = 0;

	switch (e->kind) {
	case PROCESS_START:
	case PROCESS_FORK:
		r = add_process(l, e);
		break;
	case PROCESS_ATTACH:
		r = add_process(l, e);
		r = r ? r : add_exec(l, e);
		break;
	case PROCESS_DETACH:
		break;
	case PROCESS_EXEC:
		r = add_exec(l, e);
		break;
	case PROCESS_INHERITED:
		r = add_inherited(l, e);
		r = r ? r : add_paths(l);
		break;
	case PROCESS_EXIT:
		r = add_exit(l, e);
		break;
	}
	return r ? r : tick(l, e->time);
}

static void
bind_result(struct sqlite *l, const struct access *a)
{
	if (a->error || a->unfinished || a->by_kernel)
		rows_null(&l->rows);
	else
		rows_int(&l->rows, a->result);
}

static int
add_access(struct sqlite *l, const struct access *a, const struct fold_use *u)
{
	rows_start(&l->rows, ROW_ACCESS);
	rows_int(&l->rows, (int64_t)u->number);
	rows_int(&l->rows, (int64_t)a->process->serial);
	rows_int(&l->rows, (int64_t)u->file->number);
	rows_text(&l->rows, op_word(a->op));
	if (a->unfinished)
		rows_text(&l->rows, "unfinished");
	else
		rows_error(&l->rows, a->error);
	rows_interned(&l->rows, a->to);
	rows_text(&l->rows, a->row->name);
	rows_flags(&l->rows, a->has_flags, a->flags);
	bind_result(l, a);
	rows_int(&l->rows, a->by_kernel);
	rows_seconds(&l->rows, a->time);
	return rows_add(&l->rows);
}

/* What was passed, where that says more than the absolute name. */
static struct span
passed(const struct access *a)
{
	if (a->name.len == a->path->len &&
	    !memcmp(a->name.bytes, a->path->bytes, a->name.len))
		return (struct span){ NULL, 0 };
	return a->name;
}

static int
add_call(struct sqlite *l, const struct access *a, const struct fold_use *u)
{
	rows_start(&l->rows, ROW_CALL);
	rows_int(&l->rows, (int64_t)u->number);
	rows_seconds(&l->rows, a->time);
	rows_int(&l->rows, a->tid);
	rows_text(&l->rows, a->row->name);
	bind_result(l, a);
	rows_flags(&l->rows, a->has_flags, a->flags);
	rows_span(&l->rows, passed(a));
	return rows_add(&l->rows);
}

static int
sqlite_access(struct sink *s, const struct access *a)
{
	struct sqlite *l = (struct sqlite *)s;
	const struct fold_use *u = fold_last_use(l->fold);
	int r = add_paths(l);

	if (!r && u->count == 1)
		r = add_access(l, a, u);
	if (!r && l->all)
		r = add_call(l, a, u);
	return r ? r : tick(l, a->time);
}

/* All that is only known at the end, in one transaction. */
static int
finish(struct sqlite *l, const struct outcome *o)
{
	int r = add_counts_of_all(l, 0);

	if (!r)
		r = findings_roles(&l->rows, l->fold);
	if (!r)
		r = rows_execute(&l->rows, schema_indexes);
	if (!r)
		r = findings_outcome(&l->rows, o);
	return r ? r : rows_commit(&l->rows, true);
}

/*
 * After an error there is what was committed before it, and room that the rest took
 * and gave back: for the verdict, and mostly for what is known of the names.
 */
static void
tell_of_error(struct sqlite *l, const struct outcome *o, int error)
{
	struct outcome told = *o;
	struct gap_count *gap = &told.gaps[GAP_LOG];

	if (!gap->count) {
		gap->count = 1;
		snprintf(gap->example, sizeof(gap->example), "%s", strerror(-error));
	}
	rows_rollback(&l->rows);
	if (findings_outcome(&l->rows, &told) || rows_commit(&l->rows, true))
		rows_rollback(&l->rows);
}

static int
sqlite_end(struct sink *s, const struct outcome *o)
{
	struct sqlite *l = (struct sqlite *)s;
	int r = 0;

	if (!l->rows.db)
		return 0;
	/* not so after an error, which is in this outcome */
	if (!o->gaps[GAP_LOG].count)
		r = finish(l, o);
	if (r || o->gaps[GAP_LOG].count)
		tell_of_error(l, o, r);
	return r;
}

const struct sink_ops sqlite_sink = {
	.format = "sqlite",
	.endings = ".db .sqlite",
	.what = "a database for SQLite",
	.whole_file = true,
	.make = sqlite_make,
	.fold = sqlite_fold,
	.begin = sqlite_begin,
	.process = sqlite_process,
	.access = sqlite_access,
	.flush = sqlite_flush,
	.end = sqlite_end,
	.free = sqlite_free,
};
