/* SPDX-License-Identifier: MIT */
#include "sink/depfile.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/escape.h"
#include "base/intern.h"
#include "base/mem.h"
#include "model/fold.h"
#include "sink/depname.h"
#include "sink/whole.h"

#include <ctype.h>

struct depfile {
	struct sink sink;
	int fd;
	bool ninja;
	const struct fold *fold;
	struct run run;	   /* what it points to outlives us */
	struct buf remark; /* what the user should know */
};

/* One file while it is written. */
struct writing {
	struct buf *out;
	const struct fold *fold;
	const struct run *run;
	bool ninja;
	struct depfile_result *result;
};

/* Whether @path lies below @dir, which is absolute and may end in a slash. */
static bool
is_below(const struct interned *path, const char *dir, size_t len)
{
	while (len && dir[len - 1] == '/')
		len--;
	return path->len > len + 1 && !memcmp(path->bytes, dir, len) &&
	       path->bytes[len] == '/';
}

static bool
is_below_any(const struct interned *path, const char *const *dirs)
{
	for (; *dirs; dirs++)
		if (is_below(path, *dirs, strlen(*dirs)))
			return true;
	return false;
}

/* What the machine's packages own, mostly, and no user's project. */
static bool
is_system(const struct run *run, const struct interned *path)
{
	static const char *const system[] = { "/bin",	"/boot",  "/etc",    "/lib",
					      "/lib32", "/lib64", "/libx32", "/run",
					      "/sbin",	"/usr",	  "/var",    NULL };
	static const char *const others[] = { "/usr/src", "/var/tmp", NULL };

	if (is_below(path, run->cwd.bytes, run->cwd.len))
		return false;
	if (run->depend_base.len &&
	    is_below(path, run->depend_base.bytes, run->depend_base.len))
		return false;
	return is_below_any(path, system) && !is_below_any(path, others);
}

static bool
is_input(const struct run *run, const struct fold_file *file)
{
	return fold_role(file) == ROLE_INPUT && !(file->flags & FOLD_DIRECTORY) &&
	       (file->flags & (FOLD_READ | FOLD_EXECUTED)) &&
	       (run->depend_system || !is_system(run, file->path));
}

/* Something that the command made or wrote and that is still there. */
static bool
is_output(const struct fold_file *file)
{
	enum role role = fold_role(file);

	return (role == ROLE_OUTPUT || role == ROLE_MODIFIED) &&
	       (file->written || file->made) && !(file->flags & FOLD_DIRECTORY);
}

/* The name as it stands in the file: relative where it can be. */
static struct span
shown_name(const struct run *run, const struct interned *path)
{
	size_t len = run->depend_base.len;

	if (!len || !is_below(path, run->depend_base.bytes, len))
		return (struct span){ path->bytes, path->len };
	while (len && run->depend_base.bytes[len - 1] == '/')
		len--;
	return (struct span){ path->bytes + len + 1, path->len - len - 1 };
}

static void
leave_out(struct writing *w, struct span name)
{
	if (!w->result->left_out++)
		escape_text(w->result->example, name.bytes, name.len);
}

static bool
add_name(struct writing *w, struct span name, enum depname_place place)
{
	if (w->ninja)
		return depname_ninja(w->out, name.bytes, name.len, place);
	return depname_make(w->out, name.bytes, name.len, place);
}

static void
add_target(struct writing *w, struct span name)
{
	size_t before = w->out->len;

	if (w->result->targets)
		buf_addc(w->out, ' ');
	if (add_name(w, name, DEPNAME_TARGET)) {
		w->result->targets++;
		return;
	}
	w->out->len = before;
	leave_out(w, name);
}

/* The command's outputs, as far as it opened them itself, or those that it was given. */
static void
add_outputs(struct writing *w, bool given)
{
	for (const struct fold_file *file = fold_first_file(w->fold); file;
	     file = fold_next_file(file))
		if (is_output(file) && given == !fold_first_use_of(file))
			add_target(w, shown_name(w->run, file->path));
}

static void
add_targets(struct writing *w)
{
	for (char *const *t = w->run->targets; t && *t; t++)
		add_target(w, (struct span){ *t, strlen(*t) });
	if (w->run->targets && *w->run->targets)
		return;
	add_outputs(w, false);
	/* "sort a >b": b is what standard output led to; otherwise that is some log */
	if (!w->result->targets && !w->result->left_out)
		add_outputs(w, true);
}

static void
add_input(struct writing *w, struct span name)
{
	size_t before = w->out->len;

	buf_adds(w->out, " \\\n  ");
	if (add_name(w, name, DEPNAME_INPUT)) {
		w->result->inputs++;
		return;
	}
	w->out->len = before;
	leave_out(w, name);
}

/* A name that as a target would tell make what to do (.PHONY, .SUFFIXES). */
static bool
is_special_target(struct span name)
{
	return name.len > 1 && name.bytes[0] == '.' &&
	       isupper((unsigned char)name.bytes[1]) &&
	       !memchr(name.bytes, '/', name.len);
}

/* That an input is gone is then no error for make. */
static void
add_empty_rule(struct writing *w, struct span name)
{
	size_t before = w->out->len;

	if (is_special_target(name))
		return;
	buf_addc(w->out, '\n');
	if (add_name(w, name, DEPNAME_TARGET))
		buf_adds(w->out, ":\n");
	else
		w->out->len = before;
}

static void
each_input(struct writing *w, void (*add)(struct writing *w, struct span name))
{
	for (const struct fold_file *file = fold_first_file(w->fold); file;
	     file = fold_next_file(file))
		if (is_input(w->run, file))
			add(w, shown_name(w->run, file->path));
}

void
depfile_write(struct buf *out, const struct fold *f, const struct run *run, bool ninja,
	      struct depfile_result *ret)
{
	struct writing w = {
		.out = out, .fold = f, .run = run, .ninja = ninja, .result = ret
	};

	add_targets(&w);
	if (!ret->targets)
		return;
	buf_addc(out, ':');
	each_input(&w, add_input);
	/* the blank is for a name that ends in a backslash */
	buf_adds(out, " \n");
	if (!ninja)
		each_input(&w, add_empty_rule);
}

static struct sink *
make_depfile(int fd, const struct sink_ops *ops, bool ninja)
{
	struct depfile *d = mem_zero(1, sizeof(*d));

	d->sink.ops = ops;
	d->fd = fd;
	d->ninja = ninja;
	return &d->sink;
}

static struct sink *
depfile_make_make(int fd, const struct pack_ops *pack)
{
	(void)pack;
	return make_depfile(fd, &depfile_make_sink, false);
}

static struct sink *
depfile_make_ninja(int fd, const struct pack_ops *pack)
{
	(void)pack;
	return make_depfile(fd, &depfile_ninja_sink, true);
}

static void
depfile_free(struct sink *s)
{
	struct depfile *d = (struct depfile *)s;

	buf_done(&d->remark);
	free(d);
}

static void
depfile_fold(struct sink *s, const struct fold *f)
{
	((struct depfile *)s)->fold = f;
}

static int
depfile_begin(struct sink *s, const struct run *run)
{
	((struct depfile *)s)->run = *run;
	return 0;
}

static void
make_remark(struct depfile *d, const struct depfile_result *r)
{
	const char *tool = d->ninja ? "ninja" : "make";

	if (!r->targets && !r->left_out)
		buf_adds(&d->remark,
			 "there is no target: the command wrote nothing; name "
			 "one with --target");
	else if (r->left_out == 1)
		buf_printf(&d->remark, "left out, because %s has no way to write it: %s",
			   tool, buf_str(r->example));
	else if (r->left_out)
		buf_printf(&d->remark,
			   "%zu names left out, because %s has no way to write them: %s, "
			   "...",
			   r->left_out, tool, buf_str(r->example));
}

/* Inputs can only be told where opens for reading are. */
static void
remark_classes(struct depfile *d)
{
	if ((d->run.classes & CLASS_READ) && (d->run.classes & CLASS_EXEC))
		return;
	buf_printf(&d->remark, "%sinputs are missing, because --events leaves out %s",
		   d->remark.len ? "; " : "",
		   d->run.classes & CLASS_READ ? "exec" : "read");
}

static int
depfile_end(struct sink *s, const struct outcome *o)
{
	struct depfile *d = (struct depfile *)s;
	_cleanup_buf_ struct buf out = { 0 }, example = { 0 };
	struct depfile_result result = { .example = &example };

	(void)o;
	depfile_write(&out, d->fold, &d->run, d->ninja, &result);
	make_remark(d, &result);
	remark_classes(d);
	return whole_write(d->fd, buf_str(&out), out.len);
}

static const char *
depfile_remark(const struct sink *s)
{
	const struct depfile *d = (const struct depfile *)s;

	return d->remark.len ? d->remark.data : NULL;
}

const struct sink_ops depfile_make_sink = {
	.format = "make",
	.endings = ".d .dep",
	.what = "what must be made again when which file changes, for make",
	.product = true,
	.at_once = true,
	.make = depfile_make_make,
	.fold = depfile_fold,
	.begin = depfile_begin,
	.end = depfile_end,
	.remark = depfile_remark,
	.free = depfile_free,
};

const struct sink_ops depfile_ninja_sink = {
	.format = "ninja",
	.endings = "",
	.what = "the same for ninja, which takes names in another way",
	.product = true,
	.at_once = true,
	.make = depfile_make_ninja,
	.fold = depfile_fold,
	.begin = depfile_begin,
	.end = depfile_end,
	.remark = depfile_remark,
	.free = depfile_free,
};
