/* SPDX-License-Identifier: MIT */
#include "trace/meant.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/decode.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/link.h"
#include "trace/look.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static void
add_file(struct record_builder *b, enum field_kind kind, const struct stat *st,
	 const struct buf *name, bool deleted)
{
	const struct record_file file = {
		.ino = st->st_ino,
		.dev_major = major(st->st_dev),
		.dev_minor = minor(st->st_dev),
		.deleted = deleted,
	};
	_cleanup_buf_ struct buf bytes = { 0 };

	buf_add(&bytes, &file, sizeof(file));
	buf_add(&bytes, name->data, name->len);
	/* where there is no room for the name the file is told all the same */
	if (!record_fits(b, bytes.len))
		bytes.len = sizeof(file);
	record_add(b, kind, bytes.data, bytes.len);
}

void
meant_link(struct record_builder *b, pid_t tid, const char *link)
{
	_cleanup_buf_ struct buf name = { 0 };
	bool deleted = false;
	struct stat st;

	if (record_field(b->r, FIELD_FILE) || link_stat(tid, link, &st) < 0)
		return;
	if (link_read(tid, link, &name, &deleted) < 0)
		buf_reset(&name);
	add_file(b, FIELD_FILE, &st, &name, deleted);
}

void
meant_fd(struct record_builder *b, pid_t tid, int fd)
{
	char link[32];

	snprintf(link, sizeof(link), "fd/%d", fd);
	meant_link(b, tid, link);
}

/* What the name in the field @kind leads to, or, where it is empty, the directory itself. */
static void
add_named(struct record_builder *b, enum field_kind to, enum field_kind kind, uint8_t dir,
	  unsigned how)
{
	const struct record *r = b->r;
	const struct field *f = record_field(r, kind);
	int dirfd = dir ? (int)record_arg(r, dir) : AT_FDCWD;
	_cleanup_buf_ struct buf name = { 0 }, called = { 0 };
	struct stat st;

	if (f && f->len) {
		buf_add(&name, f->bytes, f->len);
		if (look_file(r->tid, dirfd, name.data, how, &st, &called) == 0)
			add_file(b, to, &st, &called, false);
	} else if (to == FIELD_FILE && dirfd == AT_FDCWD) {
		meant_link(b, r->tid, "cwd");
	} else if (to == FIELD_FILE) {
		meant_fd(b, r->tid, dirfd);
	}
}

void
meant_before(struct record_builder *b)
{
	const struct syscall_row *row = &syscall_rows[b->r->row];

	if (row->op == OP_DELETE || row->op == OP_RMDIR)
		add_named(b, FIELD_FILE, FIELD_PATH, row->dir, LOOK_NOFOLLOW);
	else if (row->op == OP_RENAME)
		add_named(b, FIELD_REPLACED, FIELD_PATH2, row->dir2, LOOK_NOFOLLOW);
}

/* By its first name, as the call itself takes that. */
static void
add_first(struct record_builder *b, const struct syscall_row *row)
{
	unsigned how = decode_follows(b->r) ? 0 : LOOK_NOFOLLOW;

	if (decode_starts_at_dir(b->r))
		how |= LOOK_WITHIN;
	add_named(b, FIELD_FILE, FIELD_PATH, row->dir, how);
}

void
meant_after(struct record_builder *b)
{
	const struct record *r = b->r;
	const struct syscall_row *row = &syscall_rows[r->row];

	if (record_field(r, FIELD_FILE))
		return;
	if (row->makes_fd)
		meant_fd(b, r->tid, (int)r->result);
	else if (row->fd)
		meant_fd(b, r->tid, (int)record_arg(r, row->fd));
	else if (row->op == OP_CHDIR)
		meant_link(b, r->tid, "cwd");
	else if (row->op == OP_CHROOT)
		meant_link(b, r->tid, "root");
	else if (row->op == OP_RENAME || row->op == OP_LINK)
		add_named(b, FIELD_FILE, FIELD_PATH2, row->dir2, LOOK_NOFOLLOW);
	else if (row->path)
		add_first(b, row);
}

void
meant_exec(struct record_builder *b)
{
	const struct syscall_row *row = &syscall_rows[b->r->row];

	/* the descriptor may be closed by now, and the name gone */
	add_first(b, row);
	meant_link(b, b->r->tid, "exe");
}
