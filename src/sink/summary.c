/* SPDX-License-Identifier: MIT */
#include "sink/summary.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include "base/intern.h"
#include "base/mem.h"
#include "model/fold.h"
#include "sink/flags.h"
#include "sink/logread.h"
#include "sink/totals.h"
#include "sink/view.h"
#include <time.h>

#define INDENT 12 /* columns before what a line says */

/* Begins a line of the summary; returns where it begins. */
static size_t
line(const struct view_in *in, struct buf *out, const char *label)
{
	size_t start = out->len;

	view_style(in, out, STYLE_HEAD);
	buf_adds(out, label);
	view_style(in, out, STYLE_PLAIN);
	view_column(out, start, INDENT);
	return start;
}

static unsigned
room(const struct view_in *in, unsigned taken)
{
	return in->width > taken + 8 ? in->width - taken : 8;
}

static void
add_command(const struct view_in *in, struct buf *out)
{
	_cleanup_buf_ struct buf text = { 0 };

	line(in, out, in->run->pids ? "attached to" : "command");
	for (size_t i = 0; i < in->run->pid_count; i++)
		buf_printf(&text, "%sPID %d", text.len ? " " : "", (int)in->run->pids[i]);
	for (char *const *arg = in->run->argv; *arg; arg++) {
		if (text.len)
			buf_addc(&text, ' ');
		buf_adds(&text, *arg);
	}
	view_name(in, out, text.len ? text.data : "not known",
		  text.len ? text.len : strlen("not known"), room(in, INDENT));
	buf_addc(out, '\n');
	line(in, out, "");
	buf_adds(out, "in ");
	view_name(in, out, in->run->cwd.bytes, in->run->cwd.len, room(in, INDENT + 3));
	buf_addc(out, '\n');
}

static void
add_end(const struct view_in *in, struct buf *out)
{
	const struct outcome *o = in->outcome;
	time_t seconds = (time_t)(in->run->wall_ns / 1000000000);
	char text[64] = "";
	struct tm tm;

	line(in, out, "ended");
	if (o->attached)
		buf_adds(out, "by leaving");
	else
		view_status(out, o->status_known, o->status);
	buf_adds(out, " after ");
	view_time(out, o->time);
	if (seconds && localtime_r(&seconds, &tm) &&
	    strftime(text, sizeof(text), ", began %Y-%m-%d %H:%M:%S", &tm))
		buf_adds(out, text);
	buf_adds(out, "\n");
}

static void
add_processes(const struct view_in *in, struct buf *out)
{
	const struct outcome *o = in->outcome;

	line(in, out, "processes");
	view_count(out, o->processes);
	if (o->threads) {
		buf_adds(out, ", and ");
		view_count(out, o->threads);
		buf_adds(out, " threads more");
	}
	buf_adds(out, "; ");
	view_count(out, o->execs);
	buf_adds(out, o->execs == 1 ? " program executed\n" : " programs executed\n");
}

/* Which engine recorded how much. */
static void
add_calls(const struct view_in *in, struct buf *out)
{
	uint64_t fast = in->outcome->calls[ENGINE_FAST];
	uint64_t strict = in->outcome->calls[ENGINE_STRICT], all = fast + strict;

	if (!all)
		return;
	line(in, out, "file calls");
	view_count(out, all);
	if (fast) {
		buf_adds(out, ": ");
		view_count(out, fast);
		buf_printf(out, " recorded in the job (%llu.%llu %%), ",
			   (unsigned long long)(fast * 100 / all),
			   (unsigned long long)(fast * 1000 / all % 10));
		view_count(out, strict);
		buf_adds(out, " by a stop");
	} else {
		buf_adds(out, ", each by a stop (strict)");
	}
	buf_addc(out, '\n');
}

/* What is wrong with the log that all this was read from. */
static void
add_faults(const struct view_in *in, struct buf *out)
{
	const struct logread_faults *f = in->faults;

	if (!f)
		return;
	if (f->broken) {
		line(in, out, "");
		view_count(out, f->broken);
		buf_printf(out,
			   " lines of the log cannot be read, the first is line %llu\n",
			   (unsigned long long)f->first_broken);
	}
	if (f->missing) {
		line(in, out, "");
		view_count(out, f->missing);
		buf_adds(out, " accesses are missing in the log\n");
	}
	if (f->headless) {
		line(in, out, "");
		buf_adds(out, "the log has no beginning: what ran is not known\n");
	}
	if (f->endless) {
		line(in, out, "");
		buf_adds(out,
			 "the log has no end: it was cut short or is being written\n");
	}
}

static void
add_roles(const struct view_in *in, struct buf *out, const struct totals *t)
{
	static const enum role shown[] = { ROLE_INPUT,	 ROLE_OUTPUT, ROLE_MODIFIED,
					   ROLE_REMOVED, ROLE_MOVED,  ROLE_TEMPORARY,
					   ROLE_MISSING, ROLE_PROBED };
	const char *label = "files";

	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		enum role role = shown[i];
		size_t start;

		/* the first three are what everybody asks for */
		if (!t->roles[role] && i > 2)
			continue;
		start = line(in, out, label);
		view_right(out, t->roles[role], 9);
		buf_printf(out, "  %s", role_word(role));
		view_column(out, start, INDENT + 22);
		view_style(in, out, STYLE_DIM);
		buf_adds(out, role_what(role));
		view_style(in, out, STYLE_PLAIN);
		buf_addc(out, '\n');
		label = "";
	}
	line(in, out, "");
	view_right(out, t->directories, 9);
	buf_adds(out, "  directories, beside them\n");
}

static void
add_places(const struct view_in *in, struct buf *out, const char *label,
	   const struct totals_places *p)
{
	for (size_t i = 0; i < TOTALS_TOP && p->top[i]; i++) {
		const struct interned *name = p->top[i]->dir->path;

		line(in, out, i ? "" : label);
		view_right(out, p->top[i]->files, 9);
		buf_adds(out, p->top[i]->files == 1 ? " file   " : " files  ");
		view_right(out, p->top[i]->calls, 9);
		buf_adds(out, p->top[i]->calls == 1 ? " time   " : " times  ");
		view_name(in, out, name->bytes, name->len, room(in, INDENT + 34));
		buf_addc(out, '\n');
	}
}

static void
add_names(const struct view_in *in, struct buf *out, const struct fold_file *const *list,
	  uint64_t count)
{
	for (size_t i = 0; i < TOTALS_TOP && list[i]; i++) {
		size_t start = line(in, out, "");

		buf_adds(out, role_word(fold_role(list[i])));
		view_column(out, start, INDENT + 11);
		view_name(in, out, list[i]->path->bytes, list[i]->path->len,
			  room(in, INDENT + 11));
		buf_addc(out, '\n');
	}
	if (count > TOTALS_TOP) {
		line(in, out, "");
		buf_adds(out, "and ");
		view_count(out, count - TOTALS_TOP);
		buf_adds(out, " more\n");
	}
}

static void
add_outside(const struct view_in *in, struct buf *out, const struct totals *t)
{
	if (!t->outside_written && !t->outside_read && !t->outside_temporary)
		return;
	line(in, out, "elsewhere");
	buf_adds(out, "outside of the working directory: ");
	view_count(out, t->outside_written);
	buf_adds(out, " changed, ");
	view_count(out, t->outside_temporary);
	buf_adds(out, " temporary, ");
	view_count(out, t->outside_read);
	buf_adds(out, " read\n");
	add_names(in, out, t->outside, t->outside_written);
}

static void
add_denied(const struct view_in *in, struct buf *out, const struct totals *t)
{
	if (!t->denied_files)
		return;
	line(in, out, "denied");
	view_style(in, out, STYLE_BAD);
	view_count(out, t->denied_calls);
	buf_adds(out, t->denied_calls == 1 ? " call" : " calls");
	view_style(in, out, STYLE_PLAIN);
	buf_adds(out, ", about ");
	view_count(out, t->denied_files);
	buf_adds(out, t->denied_files == 1 ? " name\n" : " names\n");
	add_names(in, out, t->denied, t->denied_files);
}

/* The errors that came most often. */
static void
add_failed(const struct view_in *in, struct buf *out, struct totals *t)
{
	if (!t->failed)
		return;
	line(in, out, "failed");
	view_count(out, t->failed);
	buf_adds(out, t->failed == 1 ? " call: " : " calls: ");
	for (int i = 0; i < TOTALS_TOP; i++) {
		size_t most = 0;

		for (size_t e = 0; e < TOTALS_ERRORS; e++)
			if (t->errors[e] > t->errors[most])
				most = e;
		if (!t->errors[most])
			break;
		buf_adds(out, i ? ", " : "");
		flags_error(out, (int)most);
		buf_addc(out, ' ');
		view_count(out, t->errors[most]);
		t->errors[most] = 0;
	}
	buf_addc(out, '\n');
}

static void
add_remark(const struct view_in *in, struct buf *out, const char *remark)
{
	line(in, out, "");
	view_style(in, out, STYLE_DIM);
	buf_adds(out, remark);
	view_style(in, out, STYLE_PLAIN);
	buf_addc(out, '\n');
}

int
summary_print(const struct view_in *in, struct buf *out)
{
	_cleanup_free_ struct totals *t = mem_zero(1, sizeof(*t));

	totals_count(t, in->fold, in->run);
	add_command(in, out);
	add_end(in, out);
	line(in, out, "record");
	view_verdict(in, out);
	buf_addc(out, '\n');
	add_faults(in, out);
	add_processes(in, out);
	add_calls(in, out);
	add_roles(in, out, t);
	add_places(in, out, "read most", &t->read);
	add_places(in, out, "wrote most", &t->written);
	add_outside(in, out, t);
	add_denied(in, out, t);
	add_failed(in, out, t);
	if (in->run->selected)
		add_remark(in, out, "(only of the accesses that were selected)");
	if (in->faults && !in->run->all)
		add_remark(in, out,
			   "(times count first occurrences: the log was written "
			   "without --all)");
	totals_done(t);
	return VIEW_OK;
}

/* The same at the end of a run. */
struct summary {
	struct sink sink;
	int fd;
	struct view_in in;
};

static struct sink *
summary_make(int fd, const struct pack_ops *pack)
{
	struct summary *s = mem_zero(1, sizeof(*s));

	(void)pack;
	s->sink.ops = &summary_sink;
	s->fd = fd;
	return &s->sink;
}

static void
summary_fold(struct sink *s, const struct fold *f)
{
	((struct summary *)s)->in.fold = f;
}

static int
summary_begin(struct sink *s, const struct run *run)
{
	((struct summary *)s)->in.run = run;
	return 0;
}

static int
summary_end(struct sink *sink, const struct outcome *o)
{
	struct summary *s = (struct summary *)sink;
	_cleanup_buf_ struct buf text = { 0 };

	/* the command did not even start */
	if (!s->in.run)
		return 0;
	s->in.outcome = o;
	view_fit(&s->in, s->fd);
	summary_print(&s->in, &text);
	/* where stderr is closed or full there is nobody to tell, and no log is lost */
	fdio_write_all(s->fd, text.data, text.len, NULL);
	return 0;
}

static void
summary_free(struct sink *s)
{
	free(s);
}

const struct sink_ops summary_sink = {
	.format = "summary",
	.endings = "",
	.what = "a summary, on one page",
	.make = summary_make,
	.fold = summary_fold,
	.begin = summary_begin,
	.end = summary_end,
	.free = summary_free,
};
