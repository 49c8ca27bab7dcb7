/* SPDX-License-Identifier: MIT */
#include "sink/listing.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "model/fold.h"
#include "sink/flags.h"
#include "sink/view.h"
#include <errno.h>

typedef bool listing_chooses(const struct fold_file *file);

static void
add_name(const struct view_in *in, struct buf *out, const struct fold_file *file)
{
	const struct interned *name = file->path;

	if (in->nul)
		buf_add(out, name->bytes, name->len);
	else
		view_name(in, out, name->bytes, name->len, (unsigned)-1);
}

static void
add_line(const struct view_in *in, struct buf *out, const struct fold_file *file)
{
	add_name(in, out, file);
	/* so that nobody takes it for a file */
	if (file->flags & FOLD_DIRECTORY && file->path->len > 1)
		buf_addc(out, '/');
	if (!in->nul && fold_role(file) == ROLE_PASSING) {
		buf_adds(out, " -> ");
		add_name(in, out, fold_last_name(file));
	}
	buf_addc(out, in->nul ? '\0' : '\n');
}

static int
list(const struct view_in *in, struct buf *out, listing_chooses *chooses)
{
	size_t count;
	_cleanup_free_ const struct fold_file **all = fold_sort_files(in->fold, &count);

	for (size_t i = 0; i < count; i++)
		if (chooses(all[i]))
			add_line(in, out, all[i]);
	return VIEW_OK;
}

static bool
is_input(const struct fold_file *file)
{
	return fold_was_input(file) || fold_role(file) == ROLE_INPUT;
}

static bool
is_output(const struct fold_file *file)
{
	enum role role = fold_role(file);

	return role == ROLE_OUTPUT || role == ROLE_MODIFIED || role == ROLE_MOVED;
}

static bool
is_temporary(const struct fold_file *file)
{
	enum role role = fold_role(file);

	return role == ROLE_TEMPORARY || role == ROLE_PASSING;
}

static bool
is_missing(const struct fold_file *file)
{
	return fold_role(file) == ROLE_MISSING;
}

int
listing_inputs(const struct view_in *in, struct buf *out)
{
	return list(in, out, is_input);
}

int
listing_outputs(const struct view_in *in, struct buf *out)
{
	return list(in, out, is_output);
}

int
listing_temporaries(const struct view_in *in, struct buf *out)
{
	return list(in, out, is_temporary);
}

int
listing_missing(const struct view_in *in, struct buf *out)
{
	return list(in, out, is_missing);
}

/* What was done, a letter each, always in the same column. */
static void
add_deeds(struct buf *out, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		char letter;
	} deeds[] = {
		{ FOLD_READ, 'r' },	{ FOLD_WRITTEN, 'w' }, { FOLD_CREATED, 'c' },
		{ FOLD_DELETED, 'd' },	{ FOLD_RENAMED, 'n' }, { FOLD_META, 'm' },
		{ FOLD_EXECUTED, 'x' }, { FOLD_LISTED, 'l' },  { FOLD_PROBED, 'p' },
	};

	for (size_t i = 0; i < ARRAY_SIZE(deeds); i++)
		buf_addc(out, flags & deeds[i].flag ? deeds[i].letter : '-');
}

int
listing_files(const struct view_in *in, struct buf *out)
{
	size_t count;
	_cleanup_free_ const struct fold_file **all = fold_sort_files(in->fold, &count);

	if (!in->nul) {
		view_style(in, out, STYLE_HEAD);
		buf_adds(out, "role       deeds          calls  name");
		view_style(in, out, STYLE_PLAIN);
		buf_addc(out, '\n');
	}
	for (size_t i = 0; i < count; i++) {
		size_t start = out->len;

		if (!in->nul) {
			buf_adds(out, role_word(fold_role(all[i])));
			view_column(out, start, 11);
			add_deeds(out, all[i]->flags);
			view_right(out, all[i]->count, 11);
			buf_adds(out, "  ");
		}
		add_line(in, out, all[i]);
	}
	return VIEW_OK;
}

static void
add_denied(const struct view_in *in, struct buf *out, const struct fold_use *u)
{
	const struct interned *name = u->process->name;
	size_t start = out->len;

	flags_error(out, u->error);
	view_column(out, start, 8);
	buf_adds(out, op_word(u->op));
	view_column(out, start, 18);
	view_right(out, u->count, 7);
	buf_adds(out, u->count == 1 ? " time   " : " times  ");
	add_name(in, out, u->file);
	buf_printf(out, "  PID %d", (int)u->process->pid);
	if (name) {
		buf_adds(out, " (");
		view_name(in, out, name->bytes, name->len, (unsigned)-1);
		buf_addc(out, ')');
	}
	buf_addc(out, '\n');
}

int
listing_denied(const struct view_in *in, struct buf *out)
{
	size_t count;
	_cleanup_free_ const struct fold_file **all = fold_sort_files(in->fold, &count);

	for (size_t i = 0; i < count; i++) {
		const struct fold_use *u = fold_first_use_of(all[i]);

		for (; u; u = fold_next_use_of(u))
			if (u->error == EACCES || u->error == EPERM)
				add_denied(in, out, u);
	}
	return VIEW_OK;
}
