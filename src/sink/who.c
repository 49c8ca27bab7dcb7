/* SPDX-License-Identifier: MIT */
#include "sink/who.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "model/fold.h"
#include "model/path.h"
#include "sink/view.h"

static void
add_use(const struct view_in *in, struct buf *out, const struct fold_use *u,
	const struct interned *other, const char *how)
{
	const struct interned *name = u->process->name;
	size_t start = out->len;

	buf_adds(out, "  ");
	view_time(out, u->first);
	view_column(out, start, 14);
	buf_printf(out, "PID %d ", (int)u->process->pid);
	if (name)
		view_name(in, out, name->bytes, name->len, 20);
	view_column(out, start, 40);
	buf_adds(out, op_word(u->op));
	if (other) {
		buf_adds(out, how);
		view_name(in, out, other->bytes, other->len, (unsigned)-1);
	}
	if (u->error) {
		buf_addc(out, ' ');
		view_outcome(in, out, u);
	}
	if (u->count > 1) {
		buf_adds(out, ", ");
		view_count(out, u->count);
		buf_adds(out, " times");
	}
	buf_addc(out, '\n');
}

/* Where @file is the second name of a call: what got it by a rename or a link. */
static void
add_arrivals(const struct view_in *in, struct buf *out, const struct fold_file *file)
{
	const struct fold_process *p = fold_first_process(in->fold);

	for (; p; p = fold_next_process(p)) {
		const struct fold_use *u = fold_first_use_by(p);

		for (; u; u = fold_next_use_by(u))
			if (u->to && u->op != OP_SYMLINK && u->file != file &&
			    u->file->mnt_ns == file->mnt_ns &&
			    u->to->len == file->path->len &&
			    !memcmp(u->to->bytes, file->path->bytes, u->to->len))
				add_use(in, out, u, u->file->path, " from ");
	}
}

static void
add_file(const struct view_in *in, struct buf *out, const struct fold_file *file)
{
	const struct fold_use *u = fold_first_use_of(file);
	enum role role = fold_role(file);

	view_style(in, out, STYLE_HEAD);
	view_name(in, out, file->path->bytes, file->path->len, (unsigned)-1);
	view_style(in, out, STYLE_PLAIN);
	buf_printf(out, "\n  %s: %s", role_word(role), role_what(role));
	if (fold_last_name(file) != file) {
		const struct interned *last = fold_last_name(file)->path;

		buf_adds(out, ", then called ");
		view_name(in, out, last->bytes, last->len, (unsigned)-1);
	}
	if (file->mnt_ns)
		buf_printf(out, " (mount namespace %llu)",
			   (unsigned long long)file->mnt_ns);
	buf_addc(out, '\n');
	add_arrivals(in, out, file);
	for (; u; u = fold_next_use_of(u))
		add_use(in, out, u, u->to, " to ");
}

int
who_print(const struct view_in *in, struct buf *out)
{
	const struct fold_file *file = fold_first_file(in->fold);
	const char *cwd = in->run->cwd.len ? in->run->cwd.bytes : NULL;
	_cleanup_buf_ struct buf path = { 0 };
	int r = VIEW_NOTHING;

	if (!path_resolve(&path, cwd, NULL, in->arg, strlen(in->arg))) {
		buf_reset(&path);
		buf_adds(&path, in->arg);
	}
	/* the same name may be there in several mount namespaces */
	for (; file; file = fold_next_file(file)) {
		if (file->path->len != path.len ||
		    memcmp(file->path->bytes, buf_str(&path), path.len) != 0)
			continue;
		r = VIEW_OK;
		add_file(in, out, file);
	}
	return r;
}
