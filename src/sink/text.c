/* SPDX-License-Identifier: MIT */
#include "sink/text.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/escape.h"
#include "base/intern.h"
#include "base/mem.h"
#include "sink/flags.h"
#include "sink/output.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define MODE_COLUMNS 5

struct text {
	struct sink sink;
	struct output *out;
	bool all, failed, probes;
	unsigned classes;
	uint64_t shown;
};

static struct sink *
text_make(int fd, const struct pack_ops *pack)
{
	struct text *t = mem_zero(1, sizeof(*t));

	t->sink.ops = &text_sink;
	t->out = output_new(fd, pack);
	return &t->sink;
}

static void
text_free(struct sink *s)
{
	struct text *t = (struct text *)s;

	output_free(t->out);
	free(t);
}

static int
text_begin(struct sink *s, const struct run *run)
{
	struct text *t = (struct text *)s;

	t->all = run->all;
	t->failed = run->failed;
	t->probes = run->probes;
	t->classes = run->classes;
	return 0;
}

/* A text log is for reading: what a reader hardly ever looks for is left out. */
static bool
is_shown(const struct text *t, const struct access *a)
{
	if (!a->first && !t->all)
		return false;
	if (a->error == EACCES || a->error == EPERM)
		return true;
	if (!t->failed && (a->error == ENOENT || a->error == ENOTDIR))
		return false;
	return t->probes || op_class(a->op) != CLASS_PROBE;
}

static void
add_mode(struct buf *line, const char *mode)
{
	size_t len = strlen(mode);

	buf_adds(line, "mode: ");
	if (len < MODE_COLUMNS)
		buf_add(line, "     ", MODE_COLUMNS - len);
	buf_add(line, mode, len);
}

static void
add_interned(struct buf *line, const struct interned *name)
{
	escape_text(line, name->bytes, name->len);
}

static void
add_process(struct buf *line, const char *call, const struct process *p)
{
	buf_adds(line, ", syscall: ");
	buf_adds(line, call);
	buf_adds(line, "(), PID: ");
	buf_addu(line, (uint64_t)p->pid);
	buf_adds(line, ", process: ");
	if (p->name)
		add_interned(line, p->name);
	else
		buf_adds(line, "[unknown]");
}

/*
 * Of the processes' events only this: whoever is given an open file reads or
 * writes it without opening it.  Terminals, pipes and sockets are nobody's files.
 */
static int
text_process(struct sink *s, const struct process_event *e)
{
	struct text *t = (struct text *)s;
	struct buf *line = output_line(t->out);

	if (e->kind != PROCESS_INHERITED || !syscall_open_chosen(t->classes, e->flags) ||
	    (!S_ISREG(e->mode) && !S_ISDIR(e->mode)))
		return 0;
	add_mode(line, "inherit");
	buf_adds(line, ", file: ");
	escape_text(line, e->file.bytes, e->file.len);
	add_process(line, e->attached ? "attach" : "execve", e->process);
	buf_printf(line, ", fd: %d", e->fd);
	t->shown++;
	return output_line_end(t->out);
}

static void
add_file(struct buf *line, const struct access *a)
{
	buf_adds(line, ", file: ");
	/* names are absolute, so that no file is called that */
	if (a->path_unknown)
		buf_adds(line, "[unreadable]");
	else
		add_interned(line, a->path);
}

/* What --resolve asks for, and what casts doubt on the names. */
static void
add_truth(struct buf *line, const struct access *a)
{
	const struct {
		const char *key;
		const struct interned *name;
	} names[] = {
		{ ", opened: ", a->opened },
		{ ", file after: ", a->path_after },
		{ ", to after: ", a->to_after },
		{ ", real: ", a->file.path != a->path ? a->file.path : NULL },
	};

	if (a->truncated)
		buf_adds(line, ", note: too long");
	if (a->deleted)
		buf_adds(line, ", note: deleted");
	if (a->raced)
		buf_adds(line, ", note: raced");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!names[i].name)
			continue;
		buf_adds(line, names[i].key);
		add_interned(line, names[i].name);
	}
	if (a->file.known)
		buf_printf(line, ", dev: %u:%u, ino: %llu", (unsigned)a->file.dev_major,
			   (unsigned)a->file.dev_minor, (unsigned long long)a->file.ino);
	if (a->mnt_ns)
		buf_printf(line, ", mnt: %llu", (unsigned long long)a->mnt_ns);
}

static int
text_access(struct sink *s, const struct access *a)
{
	struct text *t = (struct text *)s;
	struct buf *line = output_line(t->out);

	if (!is_shown(t, a))
		return 0;
	add_mode(line, op_mode(a->op));
	add_file(line, a);
	add_process(line, a->row->name, a->process);
	if (a->to) {
		buf_adds(line, ", to: ");
		add_interned(line, a->to);
	}
	if (a->error) {
		buf_adds(line, ", error: ");
		flags_error(line, a->error);
	}
	if (a->unfinished)
		buf_adds(line, a->left ? ", result: unknown (detached)"
				       : ", result: unknown (killed)");
	add_truth(line, a);
	t->shown++;
	return output_line_end(t->out);
}

static int
text_flush(struct sink *s)
{
	return output_flush(((struct text *)s)->out);
}

static void
add_gaps(struct buf *line, const struct outcome *o)
{
	const char *separator = "";

	buf_adds(line, " (");
	for (size_t i = 0; i < GAP_COUNT; i++) {
		if (!o->gaps[i].count)
			continue;
		buf_adds(line, separator);
		buf_adds(line, gap_word(i));
		buf_adds(line, ": ");
		buf_addu(line, o->gaps[i].count);
		separator = ", ";
	}
	if (!*separator)
		buf_adds(line, "status unknown");
	buf_addc(line, ')');
}

/* ", gap: lost 2 (...)": of each kind of gap or note how many, and the first one. */
static void
add_example(struct buf *line, const char *key, const char *word,
	    const struct gap_count *g)
{
	if (!g->count || !g->example[0])
		return;
	buf_printf(line, ", %s: %s ", key, word);
	buf_addu(line, g->count);
	buf_adds(line, " (");
	escape_text(line, g->example, strnlen(g->example, sizeof(g->example)));
	buf_addc(line, ')');
}

static void
add_examples(struct buf *line, const struct outcome *o)
{
	for (size_t i = 0; i < GAP_COUNT; i++)
		add_example(line, "gap", gap_word(i), &o->gaps[i]);
	for (size_t i = 0; i < NOTE_COUNT; i++)
		add_example(line, "note", note_word(i), &o->notes[i]);
}

static void
add_status(struct buf *line, const struct outcome *o)
{
	if (o->attached)
		return;
	if (o->status_known && WIFEXITED(o->status)) {
		buf_printf(line, ", status: %d", WEXITSTATUS(o->status));
	} else if (o->status_known && WIFSIGNALED(o->status)) {
		buf_adds(line, ", signal: ");
		flags_signal(line, WTERMSIG(o->status));
	} else {
		buf_adds(line, ", status: unknown");
	}
}

static void
add_count(struct buf *line, const char *what, uint64_t count)
{
	buf_adds(line, what);
	buf_addu(line, count);
}

static void
add_end(struct buf *line, const struct outcome *o, void *ctx)
{
	const struct text *t = ctx;
	uint64_t calls = 0;

	for (size_t i = 0; i < ENGINE_COUNT; i++)
		calls += o->calls[i];
	if (outcome_complete(o)) {
		buf_adds(line, "end: complete");
	} else {
		buf_adds(line, "end: INCOMPLETE");
		add_gaps(line, o);
	}
	add_status(line, o);
	add_count(line, ", processes: ", o->processes);
	add_count(line, ", calls: ", calls);
	add_count(line, ", accesses: ", o->accesses);
	add_count(line, ", shown: ", t->shown - output_lost(t->out));
	add_examples(line, o);
}

static int
text_end(struct sink *s, const struct outcome *o)
{
	struct text *t = (struct text *)s;

	return output_finish(t->out, o, add_end, t);
}

const struct sink_ops text_sink = {
	.format = "text",
	.endings = ".log .txt",
	.what = "one line for each access, made to be read",
	.make = text_make,
	.packs = true,
	.begin = text_begin,
	.process = text_process,
	.access = text_access,
	.flush = text_flush,
	.end = text_end,
	.free = text_free,
};
