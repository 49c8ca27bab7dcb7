/* SPDX-License-Identifier: MIT */
#include "sink/ptree.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "model/fold.h"
#include "sink/view.h"
#include <stdlib.h>

#define DEEPEST 40 /* levels that are indented further */

/* What it executed last, as it was called. */
static void
add_command(const struct view_in *in, struct buf *out, const struct fold_process *p,
	    unsigned columns)
{
	const struct fold_exec *x = p->last_exec;
	_cleanup_buf_ struct buf text = { 0 };

	if (x && x->argv.len) {
		buf_add(&text, x->argv.bytes, x->argv.len);
		/* the last one ends in a NUL too */
		for (size_t i = 0; i < text.len; i++)
			if (!text.data[i])
				text.data[i] = ' ';
		while (text.len && text.data[text.len - 1] == ' ')
			text.len--;
	} else if (p->name) {
		/* it is a copy of its parent */
		buf_printf(&text, "(%s)", p->name->bytes);
	} else {
		buf_adds(&text, "(unknown)");
	}
	view_name(in, out, text.data, text.len, columns);
}

static unsigned
depth_of(const struct fold_process *p)
{
	unsigned depth = 0;

	while ((p = p->parent) && depth < DEEPEST)
		depth++;
	return depth;
}

static void
add_row(const struct view_in *in, struct buf *out, const struct fold_process *p)
{
	size_t start = out->len, at;
	unsigned depth = depth_of(p);
	_cleanup_buf_ struct buf text = { 0 };

	buf_printf(out, "%8d", (int)p->pid);
	view_time(&text, p->end - p->start);
	for (at = text.len; at < 12; at++)
		buf_addc(out, ' ');
	buf_adds(out, text.data);
	buf_reset(&text);
	if (p->ended)
		view_status(&text, p->status_known, p->status);
	else
		buf_adds(&text, "not ended");
	buf_adds(out, "  ");
	/* nothing to say of what ended well */
	if (!p->ended || !p->status_known || p->status) {
		view_style(in, out, STYLE_BAD);
		buf_adds(out, text.data);
		view_style(in, out, STYLE_PLAIN);
	}
	view_column(out, start, 38);
	view_right(out, p->count, 9);
	view_right(out, p->failed, 9);
	buf_adds(out, "  ");
	for (unsigned i = 0; i < depth; i++)
		buf_adds(out, "  ");
	at = 58 + 2 * (size_t)depth;
	add_command(in, out, p, in->width > at + 8 ? in->width - (unsigned)at : 8);
	buf_addc(out, '\n');
}

static const struct fold_process *
next_in_tree(const struct fold_process *p)
{
	if (p->child)
		return p->child;
	while (p && !p->sibling)
		p = p->parent;
	return p ? p->sibling : NULL;
}

int
ptree_print(const struct view_in *in, struct buf *out)
{
	const struct fold_process *root = fold_first_process(in->fold), *p;

	view_style(in, out, STYLE_HEAD);
	buf_adds(out,
		 "     PID        time  end                   calls   failed  command");
	view_style(in, out, STYLE_PLAIN);
	buf_addc(out, '\n');
	for (; root; root = fold_next_process(root))
		for (p = root->parent ? NULL : root; p; p = next_in_tree(p))
			add_row(in, out, p);
	return VIEW_OK;
}

static void
add_use(const struct view_in *in, struct buf *out, const struct fold_use *u)
{
	size_t start = out->len;

	buf_adds(out, "  ");
	buf_adds(out, op_word(u->op));
	view_column(out, start, 12);
	view_right(out, u->count, 8);
	buf_adds(out, u->count == 1 ? " time   " : " times  ");
	view_name(in, out, u->file->path->bytes, u->file->path->len, (unsigned)-1);
	if (u->to) {
		buf_adds(out, " -> ");
		view_name(in, out, u->to->bytes, u->to->len, (unsigned)-1);
	}
	if (u->error) {
		buf_adds(out, "  ");
		view_outcome(in, out, u);
	}
	buf_addc(out, '\n');
}

static void
add_head(const struct view_in *in, struct buf *out, const struct fold_process *p)
{
	view_style(in, out, STYLE_HEAD);
	buf_printf(out, "PID %d  ", (int)p->pid);
	add_command(in, out, p, (unsigned)-1);
	view_style(in, out, STYLE_PLAIN);
	buf_printf(out, "\n  parent PID %d, ", (int)p->ppid);
	if (p->ended)
		view_status(out, p->status_known, p->status);
	else
		buf_adds(out, "not ended");
	buf_adds(out, ", from ");
	view_time(out, p->start);
	buf_adds(out, " to ");
	view_time(out, p->end);
	if (p->cwd) {
		buf_adds(out, ", in ");
		view_name(in, out, p->cwd->bytes, p->cwd->len, (unsigned)-1);
	}
	buf_addc(out, '\n');
}

int
ptree_one(const struct view_in *in, struct buf *out)
{
	const struct fold_process *p = fold_first_process(in->fold);
	int r = VIEW_NOTHING;
	char *end;
	long pid = strtol(in->arg, &end, 10);

	if (end == in->arg || *end || pid <= 0)
		return VIEW_BAD_ARG;
	/* one after the other there may have been several */
	for (; p; p = fold_next_process(p)) {
		const struct fold_use *u = fold_first_use_by(p);

		if (p->pid != pid)
			continue;
		r = VIEW_OK;
		add_head(in, out, p);
		for (; u; u = fold_next_use_by(u))
			add_use(in, out, u);
	}
	return r;
}
