/* SPDX-License-Identifier: MIT */
#include "sink/jsonl.h"

#include "base/buf.h"
#include "base/intern.h"
#include "base/json.h"
#include "base/mem.h"
#include "sink/flags.h"
#include "sink/output.h"

#include <stdio.h>
#include <sys/wait.h>
#include <time.h>

struct jsonl {
	struct sink sink;
	struct output *out;
	struct json json;
	struct buf words; /* scratch for flags and the like */
	bool all;
};

static const char *const engine_words[ENGINE_COUNT] = {
	[ENGINE_STRICT] = "strict",
	[ENGINE_FAST] = "fast",
};

static struct sink *
jsonl_make(int fd, const struct pack_ops *pack)
{
	struct jsonl *l = mem_zero(1, sizeof(*l));

	l->sink.ops = &jsonl_sink;
	l->out = output_new(fd, pack);
	return &l->sink;
}

static void
jsonl_free(struct sink *s)
{
	struct jsonl *l = (struct jsonl *)s;

	output_free(l->out);
	buf_done(&l->words);
	free(l);
}

static struct json *
line_start(struct jsonl *l, struct buf *line, const char *type)
{
	json_init(&l->json, line);
	json_object(&l->json, NULL);
	json_string(&l->json, "type", type);
	return &l->json;
}

static int
line_end(struct jsonl *l)
{
	json_object_end(&l->json);
	return output_line_end(l->out);
}

static void
add_span(struct json *j, const char *key, struct span s)
{
	if (s.bytes)
		json_name(j, key, s.bytes, s.len);
}

static void
add_interned(struct json *j, const char *key, const struct interned *s)
{
	if (s)
		json_name(j, key, s->bytes, s->len);
}

static void
add_error(struct jsonl *l, int error)
{
	buf_reset(&l->words);
	flags_error(&l->words, error);
	json_string(&l->json, "error", buf_str(&l->words));
	json_int(&l->json, "errno", error);
}

/* "status" or "signal", as wait(2) says; a stop is neither. */
static void
add_status(struct jsonl *l, int status)
{
	if (WIFEXITED(status)) {
		json_int(&l->json, "status", WEXITSTATUS(status));
	} else if (WIFSIGNALED(status)) {
		buf_reset(&l->words);
		flags_signal(&l->words, WTERMSIG(status));
		json_string(&l->json, "signal", buf_str(&l->words));
	}
}

static void
add_started(struct jsonl *l, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	unsigned rest = (unsigned)(wall_ns % 1000000000);
	struct tm tm = { 0 };
	char text[64];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_reset(&l->words);
	buf_printf(&l->words, "%s.%09uZ", text, rest);
	json_string(&l->json, "started", buf_str(&l->words));
}

static void
add_pids(struct json *j, const struct run *run)
{
	if (!run->pids)
		return;
	json_array(j, "attached");
	for (size_t i = 0; i < run->pid_count; i++)
		json_int(j, NULL, run->pids[i]);
	json_array_end(j);
}

static int
jsonl_begin(struct sink *s, const struct run *run)
{
	struct jsonl *l = (struct jsonl *)s;
	struct json *j = line_start(l, output_line(l->out), "header");

	l->all = run->all;
	json_string(j, "format", "whatfiles-log");
	json_int(j, "version", JSONL_VERSION);
	json_string(j, "whatfiles", run->version);
	add_started(l, run->wall_ns);
	json_int(j, "pid", run->pid);
	json_array(j, "command");
	for (char *const *arg = run->argv; *arg; arg++)
		json_name(j, NULL, *arg, strlen(*arg));
	json_array_end(j);
	add_pids(j, run);
	add_span(j, "cwd", run->cwd);
	json_string(j, "engine", run->engine);
	json_array(j, "classes");
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (run->classes & 1u << i)
			json_string(j, NULL, syscall_class_word(i));
	json_array_end(j);
	json_bool(j, "all", run->all);
	if (run->selected)
		json_bool(j, "selected", true);
	return line_end(l);
}

static void
add_exec(struct json *j, const struct process_event *e)
{
	const char *at = e->argv.len ? e->argv.bytes : "", *end = at + e->argv.len;

	add_interned(j, "exe", e->process->exe);
	json_array(j, "argv");
	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		json_name(j, NULL, at, len);
		at += len + 1;
	}
	json_array_end(j);
}

static void
add_exit(struct jsonl *l, const struct process_event *e)
{
	if (!e->status_known)
		return;
	add_status(l, e->status);
	if (WIFSIGNALED(e->status) && WCOREDUMP(e->status))
		json_bool(&l->json, "core", true);
}

/* Where names are those of another root, or of other mounts than ours. */
static void
add_place(struct json *j, struct span root, uint64_t mnt_ns)
{
	if (root.len)
		add_span(j, "root", root);
	if (mnt_ns)
		json_int(j, "mnt_ns", (int64_t)mnt_ns);
}

static void
add_inherited(struct jsonl *l, const struct process_event *e)
{
	json_int(&l->json, "fd", e->fd);
	add_span(&l->json, "path", e->file);
	json_string(&l->json, "kind", flags_file_kind(e->mode));
	buf_reset(&l->words);
	flags_open(&l->words, e->flags);
	json_string(&l->json, "flags", buf_str(&l->words));
}

static int
jsonl_process(struct sink *s, const struct process_event *e)
{
	static const char *const types[] = {
		[PROCESS_START] = "start",	   [PROCESS_FORK] = "fork",
		[PROCESS_EXEC] = "exec",	   [PROCESS_EXIT] = "exit",
		[PROCESS_INHERITED] = "inherited", [PROCESS_ATTACH] = "attach",
		[PROCESS_DETACH] = "detach",
	};
	struct jsonl *l = (struct jsonl *)s;
	struct json *j = line_start(l, output_line(l->out), types[e->kind]);
	bool comes = e->kind == PROCESS_FORK || e->kind == PROCESS_ATTACH;
	bool goes = e->kind == PROCESS_EXIT || e->kind == PROCESS_DETACH;
	bool runs = e->kind == PROCESS_EXEC || e->kind == PROCESS_ATTACH;

	json_seconds(j, "t", e->time);
	json_int(j, "proc", (int64_t)e->process->serial);
	json_int(j, "pid", e->process->pid);
	if (e->kind == PROCESS_START || comes)
		json_int(j, "ppid", e->process->ppid);
	if (comes)
		json_int(j, "parent", (int64_t)e->process->parent);
	if (comes && e->process->ns_pid)
		json_int(j, "ns_pid", e->process->ns_pid);
	if (runs)
		add_exec(j, e);
	if (e->kind == PROCESS_EXIT)
		add_exit(l, e);
	else if (e->kind == PROCESS_INHERITED)
		add_inherited(l, e);
	else if (!goes)
		add_span(j, "cwd", e->cwd);
	if (!goes)
		add_place(j, e->root, e->mnt_ns);
	if (runs && e->argv_cut)
		json_bool(j, "argv_cut", true);
	if (e->kind == PROCESS_FORK && e->threads_share)
		json_bool(j, "vm_shared", true);
	return line_end(l);
}

static void
add_result(struct jsonl *l, const struct access *a)
{
	if (a->by_kernel)
		json_bool(&l->json, "by_kernel", true);
	else if (a->unfinished)
		json_bool(&l->json, "unfinished", true);
	else if (a->error)
		add_error(l, a->error);
	else
		json_int(&l->json, "result", a->result);
}

/* A name as it was passed, where that says more than the absolute one. */
static void
add_passed(struct json *j, const char *key, struct span s,
	   const struct interned *absolute)
{
	if (!s.bytes)
		return;
	if (!absolute || s.len != absolute->len ||
	    memcmp(s.bytes, absolute->bytes, s.len))
		add_span(j, key, s);
}

static void
add_file(struct json *j, const char *key, const struct file_id *f,
	 const struct interned *told)
{
	char dev[32];

	if (!f->known)
		return;
	snprintf(dev, sizeof(dev), "%u:%u", (unsigned)f->dev_major,
		 (unsigned)f->dev_minor);
	json_object(j, key);
	json_string(j, "dev", dev);
	json_int(j, "ino", (int64_t)f->ino);
	if (f->path && f->path != told)
		add_interned(j, "path", f->path);
	if (f->deleted)
		json_bool(j, "deleted", true);
	json_object_end(j);
}

/* What the names do not tell by themselves. */
static void
add_doubts(struct jsonl *l, const struct access *a)
{
	struct json *j = &l->json;

	if (a->path_unknown)
		json_bool(j, "path_unknown", true);
	if (a->path_error) {
		buf_reset(&l->words);
		flags_error(&l->words, a->path_error);
		json_string(j, "path_error", buf_str(&l->words));
	}
	if (a->left)
		json_bool(j, "left", true);
	if (a->truncated)
		json_bool(j, "truncated", true);
	if (a->deleted)
		json_bool(j, "deleted", true);
	if (a->raced)
		json_bool(j, "raced", true);
	add_interned(j, "opened", a->opened);
	add_interned(j, "path_after", a->path_after);
	add_interned(j, "to_after", a->to_after);
}

static struct span
span_of(const struct interned *s)
{
	return s ? (struct span){ s->bytes, s->len } : (struct span){ NULL, 0 };
}

static int
jsonl_access(struct sink *s, const struct access *a)
{
	struct jsonl *l = (struct jsonl *)s;
	struct json *j;

	if (!a->first && !l->all)
		return 0;
	j = line_start(l, output_line(l->out), "access");
	json_seconds(j, "t", a->time);
	json_int(j, "proc", (int64_t)a->process->serial);
	json_int(j, "pid", a->process->pid);
	json_int(j, "tid", a->tid);
	add_interned(j, "process", a->process->name);
	json_string(j, "op", op_word(a->op));
	add_interned(j, "path", a->path);
	add_interned(j, "to", a->to);
	json_string(j, "call", a->row->name);
	if (a->abi != ABI_X86_64)
		json_string(j, "abi", abi_word(a->abi));
	add_result(l, a);
	add_doubts(l, a);
	add_place(j, span_of(a->root), a->mnt_ns);
	if (a->has_flags) {
		buf_reset(&l->words);
		flags_open(&l->words, a->flags);
		json_string(j, "flags", buf_str(&l->words));
	}
	if (l->all || a->own)
		add_passed(j, "name", a->name, a->path);
	if (l->all)
		add_passed(j, "to_name", a->to_name, a->to);
	add_file(j, "file", &a->file, a->path);
	add_file(j, "replaced", &a->replaced, NULL);
	if (a->engine != ENGINE_STRICT)
		json_string(j, "engine", engine_words[a->engine]);
	return line_end(l);
}

static int
jsonl_flush(struct sink *s)
{
	return output_flush(((struct jsonl *)s)->out);
}

static void
add_count(struct json *j, const struct gap_count *g, const char *word, const char *what)
{
	if (!g->count)
		return;
	json_object(j, NULL);
	json_string(j, "kind", word);
	json_string(j, "what", what);
	json_int(j, "count", (int64_t)g->count);
	if (g->example[0])
		json_name(j, "example", g->example,
			  strnlen(g->example, sizeof(g->example)));
	json_object_end(j);
}

static void
add_gaps(struct json *j, const struct outcome *o)
{
	json_array(j, "gaps");
	for (size_t i = 0; i < GAP_COUNT; i++)
		add_count(j, &o->gaps[i], gap_word(i), gap_what(i));
	json_array_end(j);
	json_array(j, "notes");
	for (size_t i = 0; i < NOTE_COUNT; i++)
		add_count(j, &o->notes[i], note_word(i), note_what(i));
	json_array_end(j);
}

/* Only where there is a fast engine: what it had to leave to stops, by reason. */
static void
add_stopped(struct json *j, const struct outcome *o)
{
	if (!o->stopped_count)
		return;
	json_object(j, "stopped");
	for (size_t i = 0; i < o->stopped_count; i++)
		if (o->stopped[i].calls)
			json_int(j, o->stopped[i].word, (int64_t)o->stopped[i].calls);
	json_object_end(j);
	json_object(j, "programs_by_stops");
	for (size_t i = 0; i < o->stopped_count; i++)
		if (o->stopped[i].images)
			json_int(j, o->stopped[i].word, (int64_t)o->stopped[i].images);
	json_object_end(j);
}

static void
add_end(struct buf *line, const struct outcome *o, void *ctx)
{
	struct jsonl *l = ctx;
	struct json *j = line_start(l, line, "end");

	json_seconds(j, "t", o->time);
	json_bool(j, "complete", outcome_complete(o));
	if (o->attached)
		json_bool(j, "attached", true);
	else if (o->status_known)
		add_status(l, o->status);
	json_int(j, "processes", (int64_t)o->processes);
	json_int(j, "threads", (int64_t)o->threads);
	json_int(j, "execs", (int64_t)o->execs);
	json_int(j, "stops", (int64_t)o->stops);
	json_object(j, "calls");
	for (size_t i = 0; i < ENGINE_COUNT; i++)
		json_int(j, engine_words[i], (int64_t)o->calls[i]);
	json_object_end(j);
	add_stopped(j, o);
	json_int(j, "accesses", (int64_t)o->accesses);
	json_int(j, "written", (int64_t)o->written);
	add_gaps(j, o);
	json_object_end(j);
}

static int
jsonl_end(struct sink *s, const struct outcome *o)
{
	struct jsonl *l = (struct jsonl *)s;

	return output_finish(l->out, o, add_end, l);
}

const struct sink_ops jsonl_sink = {
	.format = "jsonl",
	.endings = ".jsonl .ndjson",
	.what = "JSON, one object on each line, made for programs",
	.make = jsonl_make,
	.packs = true,
	.begin = jsonl_begin,
	.process = jsonl_process,
	.access = jsonl_access,
	.flush = jsonl_flush,
	.end = jsonl_end,
	.free = jsonl_free,
};
