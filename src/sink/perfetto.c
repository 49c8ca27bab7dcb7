/* SPDX-License-Identifier: MIT */
#include "sink/perfetto.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/tidmap.h"
#include "sink/flags.h"
#include "sink/output.h"

#include <sys/wait.h>

/*
 * In this format a process is its pid and nothing else, so one that comes again
 * gets another: its own and a multiple of what no pid reaches.
 */
#define AGAIN TIDMAP_MAX

/* What a trace needs to know of a process; by serial number. */
struct track {
	int64_t shift; /* added to pid and tids */
	pid_t pid;
	bool open; /* a slice has begun */
};

struct perfetto {
	struct sink sink;
	struct output *out;
	struct json json;
	struct buf words; /* scratch */
	bool all, begun;
	struct tidmap times; /* pid to how often it was seen: no pointers */
	struct track *tracks;
	size_t track_count;
};

static struct sink *
perfetto_make(int fd, const struct pack_ops *pack)
{
	struct perfetto *p = mem_zero(1, sizeof(*p));

	p->sink.ops = &perfetto_sink;
	p->out = output_new(fd, pack);
	return &p->sink;
}

static void
perfetto_free(struct sink *s)
{
	struct perfetto *p = (struct perfetto *)s;

	output_free(p->out);
	buf_done(&p->words);
	tidmap_done(&p->times);
	free(p->tracks);
	free(p);
}

/* The track of process @serial; one that was not told yet is made. */
static struct track *
track_of(struct perfetto *p, uint64_t serial)
{
	if (serial >= p->track_count) {
		size_t count = p->track_count ? p->track_count * 2 : 64;

		count = count > serial ? count : serial + 1;
		p->tracks = mem_resize(p->tracks, count, sizeof(*p->tracks));
		memset(p->tracks + p->track_count, 0,
		       (count - p->track_count) * sizeof(*p->tracks));
		p->track_count = count;
	}
	return &p->tracks[serial];
}

static struct track *
new_track(struct perfetto *p, const struct process *process)
{
	struct track *t = track_of(p, process->serial);
	intptr_t times = (intptr_t)tidmap_get(&p->times, process->pid);

	t->pid = process->pid;
	t->shift = (int64_t)times * AGAIN;
	tidmap_put(&p->times, process->pid, (void *)(times + 1));
	return t;
}

/* Starts an event of the kind @ph, on the track of thread @tid; then come its args. */
static struct json *
event(struct perfetto *p, struct buf *line, const char *ph, uint64_t time, int64_t pid,
      int64_t tid)
{
	struct json *j = &p->json;

	buf_addc(line, p->begun ? ',' : '[');
	p->begun = true;
	json_init(j, line);
	json_object(j, NULL);
	json_string(j, "ph", ph);
	json_microseconds(j, "ts", time);
	json_int(j, "pid", pid);
	json_int(j, "tid", tid);
	return j;
}

static struct json *
event_on(struct perfetto *p, const char *ph, uint64_t time, const struct track *t,
	 pid_t tid)
{
	return event(p, output_line(p->out), ph, time, t->pid + t->shift, tid + t->shift);
}

static int
event_end(struct perfetto *p)
{
	json_object_end(&p->json);
	return output_line_end(p->out);
}

static void
add_interned(struct json *j, const char *key, const struct interned *s)
{
	if (s)
		json_name(j, key, s->bytes, s->len);
}

/* A name that is only for people to read: any bytes, and never empty. */
static void
add_title(struct perfetto *p, const struct interned *name)
{
	static const char unknown[] = "unknown";
	const char *bytes = name && name->len ? name->bytes : unknown;
	size_t len = name && name->len ? name->len : sizeof(unknown) - 1;

	json_name(&p->json, "name", bytes, len);
}

static void
add_argv(struct json *j, const struct span argv)
{
	const char *at = argv.len ? argv.bytes : "", *end = at + argv.len;

	json_array(j, "argv");
	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		json_name(j, NULL, at, len);
		at += len + 1;
	}
	json_array_end(j);
}

static void
name_track(struct perfetto *p, const struct process_event *e, const struct track *t)
{
	struct json *j = event_on(p, "M", e->time, t, t->pid);

	json_string(j, "name", "process_name");
	json_object(j, "args");
	add_title(p, e->process->name);
	json_object_end(j);
	event_end(p);
}

/* Tracks in the order of births, not of pids. */
static void
sort_track(struct perfetto *p, const struct process_event *e, const struct track *t)
{
	struct json *j = event_on(p, "M", e->time, t, t->pid);

	json_string(j, "name", "process_sort_index");
	json_object(j, "args");
	json_int(j, "sort_index", (int64_t)e->process->serial);
	json_object_end(j);
	event_end(p);
}

/* What it executes from now on, until close_slice(). */
static int
open_slice(struct perfetto *p, const struct process_event *e, struct track *t)
{
	struct json *j = event_on(p, "B", e->time, t, t->pid);

	t->open = true;
	add_title(p, e->process->name);
	json_string(j, "cat", "process");
	json_object(j, "args");
	json_int(j, "proc", (int64_t)e->process->serial);
	if (e->process->parent)
		json_int(j, "parent", (int64_t)e->process->parent);
	add_interned(j, "exe", e->process->exe);
	if (e->kind == PROCESS_EXEC || e->kind == PROCESS_ATTACH)
		add_argv(j, e->argv);
	if (e->cwd.bytes)
		json_name(j, "cwd", e->cwd.bytes, e->cwd.len);
	json_object_end(j);
	return event_end(p);
}

/* "status" or "signal", as wait(2) says. */
static void
add_status(struct perfetto *p, int status)
{
	if (WIFEXITED(status)) {
		json_int(&p->json, "status", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		buf_reset(&p->words);
		flags_signal(&p->words, WTERMSIG(status));
		json_string(&p->json, "signal", buf_str(&p->words));
	}
}

static int
close_slice(struct perfetto *p, const struct process_event *e, struct track *t)
{
	struct json *j;

	if (!t->open)
		return 0;
	j = event_on(p, "E", e->time, t, t->pid);
	t->open = false;
	if (e->kind == PROCESS_EXIT && e->status_known) {
		json_object(j, "args");
		add_status(p, e->status);
		json_object_end(j);
	}
	return event_end(p);
}

/* An arrow from the parent's slice to the child's. */
static int
draw_fork(struct perfetto *p, const struct process_event *e, const struct track *child)
{
	const struct track *parent = track_of(p, e->process->parent);
	struct json *j;

	if (!parent->open)
		return 0;
	j = event_on(p, "s", e->time, parent, parent->pid);
	json_string(j, "name", "fork");
	json_string(j, "cat", "process");
	json_int(j, "id", (int64_t)e->process->serial);
	event_end(p);
	j = event_on(p, "f", e->time, child, child->pid);
	json_string(j, "name", "fork");
	json_string(j, "cat", "process");
	json_int(j, "id", (int64_t)e->process->serial);
	json_string(j, "bp", "e"); /* at the slice that is there, not the next */
	return event_end(p);
}

static int
new_process(struct perfetto *p, const struct process_event *e)
{
	/* the parent's track is looked for first: a new one moves the table */
	struct track *t;
	int r;

	track_of(p, e->process->parent);
	t = new_track(p, e->process);
	name_track(p, e, t);
	sort_track(p, e, t);
	r = open_slice(p, e, t);
	return r || e->kind != PROCESS_FORK ? r : draw_fork(p, e, t);
}

static int
perfetto_process(struct sink *s, const struct process_event *e)
{
	struct perfetto *p = (struct perfetto *)s;
	struct track *t = track_of(p, e->process->serial);

	switch (e->kind) {
	case PROCESS_START:
	case PROCESS_FORK:
	case PROCESS_ATTACH:
		return new_process(p, e);
	case PROCESS_EXEC:
		name_track(p, e, t);
		close_slice(p, e, t);
		return open_slice(p, e, t);
	case PROCESS_EXIT:
	case PROCESS_DETACH:
		return close_slice(p, e, t);
	case PROCESS_INHERITED:
		break;
	}
	return 0;
}

/* The run is a slice as well, on whatfiles' own track; its end has the verdict. */
static int
perfetto_begin(struct sink *s, const struct run *run)
{
	struct perfetto *p = (struct perfetto *)s;
	const struct track own = { .pid = run->pid };
	struct json *j = event_on(p, "M", 0, &own, own.pid);

	p->all = run->all;
	/* number 0 is no process: that is us */
	*track_of(p, 0) = own;
	json_string(j, "name", "process_name");
	json_object(j, "args");
	json_string(j, "name", "whatfiles");
	json_object_end(j);
	event_end(p);
	j = event_on(p, "B", 0, &own, own.pid);
	json_string(j, "name", "whatfiles");
	json_string(j, "cat", "run");
	json_object(j, "args");
	json_string(j, "whatfiles", run->version);
	json_array(j, "command");
	for (char *const *arg = run->argv; *arg; arg++)
		json_name(j, NULL, *arg, strlen(*arg));
	json_array_end(j);
	if (run->cwd.bytes)
		json_name(j, "cwd", run->cwd.bytes, run->cwd.len);
	json_string(j, "engine", run->engine);
	json_bool(j, "all", run->all);
	json_object_end(j);
	return event_end(p);
}

static void
add_outcome(struct perfetto *p, const struct access *a)
{
	if (a->unfinished) {
		json_bool(&p->json, "unfinished", true);
	} else if (a->error) {
		buf_reset(&p->words);
		flags_error(&p->words, a->error);
		json_string(&p->json, "error", buf_str(&p->words));
	} else if (!a->by_kernel) {
		json_int(&p->json, "result", a->result);
	}
}

static int
perfetto_access(struct sink *s, const struct access *a)
{
	struct perfetto *p = (struct perfetto *)s;
	struct json *j;

	if (!a->first && !p->all)
		return 0;
	j = event_on(p, "i", a->time, track_of(p, a->process->serial), a->tid);
	json_string(j, "s", "t"); /* as high as its thread's track */
	json_string(j, "name", op_word(a->op));
	json_string(j, "cat",
		    syscall_class_word((unsigned)__builtin_ctz(op_class(a->op))));
	json_object(j, "args");
	add_interned(j, "path", a->path);
	add_interned(j, "to", a->to);
	json_string(j, "call", a->row->name);
	add_outcome(p, a);
	if (a->has_flags) {
		buf_reset(&p->words);
		flags_open(&p->words, a->flags);
		json_string(j, "flags", buf_str(&p->words));
	}
	json_object_end(j);
	return event_end(p);
}

static int
perfetto_flush(struct sink *s)
{
	return output_flush(((struct perfetto *)s)->out);
}

static void
add_counts(struct json *j, const char *key, const struct outcome *o)
{
	json_object(j, key);
	for (size_t i = 0; i < GAP_COUNT; i++)
		if (o->gaps[i].count)
			json_int(j, gap_word(i), (int64_t)o->gaps[i].count);
	json_object_end(j);
}

/* The last line, with the bracket that closes all. */
static void
add_end(struct buf *line, const struct outcome *o, void *ctx)
{
	struct perfetto *p = ctx;
	const struct track *own = track_of(p, 0);
	struct json *j = event(p, line, "E", o->time, own->pid, own->pid);

	json_object(j, "args");
	json_bool(j, "complete", outcome_complete(o));
	if (o->status_known)
		add_status(p, o->status);
	json_int(j, "processes", (int64_t)o->processes);
	json_int(j, "accesses", (int64_t)o->accesses);
	add_counts(j, "gaps", o);
	json_object_end(j);
	json_object_end(j);
	buf_addc(line, ']');
}

static int
perfetto_end(struct sink *s, const struct outcome *o)
{
	struct perfetto *p = (struct perfetto *)s;

	/* processes whose end was not seen end with the run */
	for (size_t i = 1; i < p->track_count; i++)
		if (p->tracks[i].open) {
			event_on(p, "E", o->time, &p->tracks[i], p->tracks[i].pid);
			event_end(p);
		}
	return output_finish(p->out, o, add_end, p);
}

const struct sink_ops perfetto_sink = {
	.format = "perfetto",
	.endings = ".perfetto.json",
	.what = "a trace for ui.perfetto.dev and chrome://tracing",
	.make = perfetto_make,
	.packs = true,
	.begin = perfetto_begin,
	.process = perfetto_process,
	.access = perfetto_access,
	.flush = perfetto_flush,
	.end = perfetto_end,
	.free = perfetto_free,
};
