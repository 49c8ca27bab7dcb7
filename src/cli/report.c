/* SPDX-License-Identifier: MIT */
#include "cli/report.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include "base/msg.h"
#include "cli/report-input.h"
#include "cli/report-options.h"
#include "model/fold.h"
#include "model/hub.h"
#include "sink/diff.h"
#include "sink/logread.h"
#include "sink/view.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

/*
 * A view's own sink: it only holds the fold
 */
struct holder {
	struct sink sink;
	const struct fold *fold;
};

static void
holder_fold(struct sink *s, const struct fold *f)
{
	((struct holder *)s)->fold = f;
}

static const struct sink_ops holder_ops = { .fold = holder_fold };

/* Whether @path is the log itself: opening it to write would be the end of it. */
static bool
is_log(const struct report_options *o)
{
	struct stat a, b;
	int r = strcmp(o->log, "-") != 0 ? stat(o->log, &a) : fstat(STDIN_FILENO, &a);

	return r == 0 && stat(o->output, &b) == 0 && S_ISREG(a.st_mode) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int
open_output(const struct report_options *o)
{
	int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY, fd;

	if (!o->output)
		return fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (is_log(o))
		msg_die(REPORT_TROUBLE, "%s is the log itself", o->output);
	/* some are only written when all is known, and stay what they were until then */
	if (o->view || !o->format->at_once)
		flags |= O_TRUNC;
	fd = open(o->output, flags, 0666);
	if (fd < 0)
		msg_die(REPORT_TROUBLE, "cannot write %s:", o->output);
	if (o->format && o->format->whole_file && !is_file(fd))
		msg_die(REPORT_TROUBLE, "%s is no file, and the format %s needs one",
			o->output, o->format->format);
	return fd;
}

static const char *
output_name(const struct report_options *o)
{
	return o->output ? o->output : "standard output";
}

/* 0 or REPORT_TROUBLE, which is told. */
static int
tell_written(const struct report_options *o, int r)
{
	errno = -r;
	if (r < 0)
		msg_warn("cannot write %s:", output_name(o));
	return r < 0 ? REPORT_TROUBLE : REPORT_OK;
}

/* A log that was read, for views. */
struct loaded {
	struct holder holder;
	struct hub *hub;
	struct logread *log;
	bool read, whole;
	struct view_in in;
};

static void
load(const struct report_options *o, const char *path, struct loaded *l)
{
	memset(l, 0, sizeof(*l));
	l->holder.sink.ops = &holder_ops;
	l->hub = hub_new();
	hub_add(l->hub, &l->holder.sink, "view");
	l->log = logread_new(l->hub);
	logread_select(l->log, o->selection);
	l->read = report_input_read(path, l->log, &l->whole);
	l->in = (struct view_in){
		.fold = l->holder.fold,
		.run = logread_run(l->log),
		.outcome = logread_outcome(l->log),
		.faults = logread_faults(l->log),
		.arg = o->arg,
		.nul = o->nul,
	};
}

static void
unload(struct loaded *l)
{
	hub_free(l->hub);
	logread_free(l->log);
}

/* The text of the view; a report_status. */
static int
make_view(const struct report_options *o, const struct view_in *in, struct buf *text)
{
	int r = o->view->print(in, text);

	if (r == VIEW_BAD_ARG)
		msg_die(REPORT_TROUBLE, "%s: \"%s\" is no %s", o->view->word, o->arg,
			o->view->arg);
	if (r == VIEW_NOTHING)
		msg_warn("%s is not in the log", o->arg);
	return r == VIEW_NOTHING ? REPORT_NOTHING : REPORT_OK;
}

/* Two logs compared: statuses as diff(1) has them. */
static int
make_diff(const struct report_options *o, const struct view_in *in, struct buf *text)
{
	int status = REPORT_TROUBLE;
	struct loaded other;

	load(o, o->arg, &other);
	if (other.read)
		status = diff_print(in, &other.in, text);
	if (!other.whole)
		status = REPORT_TROUBLE;
	unload(&other);
	return status;
}

static int
report_view(const struct report_options *o)
{
	_cleanup_buf_ struct buf text = { 0 };
	_cleanup_fd_ int fd = -1;
	struct loaded l;
	int status = REPORT_TROUBLE;

	load(o, o->log, &l);
	if (l.read) {
		fd = open_output(o);
		if (fd >= 0)
			view_fit(&l.in, fd);
		status = o->view->print ? make_view(o, &l.in, &text)
					: make_diff(o, &l.in, &text);
		if (tell_written(o, fd < 0 ? -errno
					   : fdio_write_all(fd, buf_str(&text), text.len,
							    NULL)) ||
		    !l.whole)
			status = REPORT_TROUBLE;
	}
	unload(&l);
	return status;
}

/* What names in dependency files are relative to, if that was told; to be freed. */
static char *
depend_base(const struct report_options *o)
{
	char *base = o->relative_to ? realpath(o->relative_to, NULL) : NULL;

	if (o->relative_to && !base)
		msg_die(REPORT_TROUBLE, "--relative-to: %s:", o->relative_to);
	return base;
}

/* Writes the log again, in another format. */
static int
report_format(const struct report_options *o)
{
	_cleanup_fd_ int fd = open_output(o);
	_cleanup_free_ char *base = depend_base(o);
	const struct run asked = {
		/* whoever asks for text has asked for all of it */
		.failed = true,
		.probes = true,
		.targets = o->targets,
		.depend_base = { o->absolute ? "" : base, base ? strlen(base) : 0 },
		.depend_system = o->system_files,
	};
	struct hub *hub = hub_new();
	struct logread *log;
	const char *what, *remark;
	bool whole;
	int status;

	if (fd < 0)
		msg_die(REPORT_TROUBLE, "cannot write %s:", output_name(o));
	hub_add(hub, o->format->make(fd, o->pack), output_name(o));
	log = logread_new(hub);
	logread_select(log, o->selection);
	logread_ask(log, &asked);
	status = report_input_read(o->log, log, &whole) && whole ? REPORT_OK
								 : REPORT_TROUBLE;
	if (tell_written(o, hub_error(hub, 0, &what)))
		status = REPORT_TROUBLE;
	remark = hub_remark(hub, 0, &what);
	if (remark)
		msg_warn("%s: %s", what, remark);
	hub_free(hub);
	logread_free(log);
	return status;
}

int
report_run(const struct report_options *o)
{
	return o->view ? report_view(o) : report_format(o);
}
