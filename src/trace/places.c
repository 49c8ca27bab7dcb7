/* SPDX-License-Identifier: MIT */
#include "trace/places.h"

#include "base/buf.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/deep.h"
#include "trace/look.h"
#include "trace/tracing.h"
#include <fcntl.h>
#include <linux/fs.h>

/* Whether the name in the field @kind, relative to the argument @dir, is a directory. */
static bool
is_directory(const struct record *r, enum field_kind kind, uint8_t dir)
{
	int dirfd = dir ? (int)record_arg(r, dir) : AT_FDCWD;
	const struct field *f = record_field(r, kind);
	_cleanup_buf_ struct buf name = { 0 };

	if (!f || !f->len)
		return false;
	buf_add(&name, f->bytes, f->len);
	return look_at(r->tid, dirfd, name.data, 0) == LOOK_DIRECTORY;
}

static bool
renamed_directory(const struct record *r)
{
	const struct syscall_row *row = &syscall_rows[r->row];

	if (row->op != OP_RENAME || r->result)
		return false;
	if (is_directory(r, FIELD_PATH2, row->dir2))
		return true;
	return row->shape == SHAPE_RENAME &&
	       record_arg(r, row->flags) & RENAME_EXCHANGE &&
	       is_directory(r, FIELD_PATH, row->dir);
}

static void
tell_one(void *value, void *data)
{
	const struct tracee *t = value;
	struct tracing *tr = data;

	if (t->told)
		tracing_put(tr, capture_place(&tr->capture, t->tid));
}

void
places_after(struct tracing *tr, const struct record *call)
{
	if (!renamed_directory(call))
		return;
	deep_forget();
	tidmap_each(&tr->tracees.map, tell_one, tr);
}
