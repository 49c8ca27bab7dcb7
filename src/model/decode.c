/* SPDX-License-Identifier: MIT */
#include "model/decode.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "model/path.h"
#include "model/record.h"
#include "model/tasks.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>

static struct span
field_span(const struct record *r, enum field_kind kind)
{
	const struct field *f = record_field(r, kind);

	return f ? (struct span){ f->bytes, f->len } : (struct span){ NULL, 0 };
}

/* What openat2 was told; all zero for every other call. */
static struct open_how
open_how(const struct record *r)
{
	struct span s = field_span(r, FIELD_HOW);
	struct open_how how = { 0 };

	if (s.len)
		memcpy(&how, s.bytes, MIN(sizeof(how), s.len));
	return how;
}

static bool
is_open(const struct syscall_row *row)
{
	return row->shape == SHAPE_OPEN || row->shape == SHAPE_CREAT ||
	       row->shape == SHAPE_OPENAT2;
}

uint64_t
decode_open_flags(const struct record *r)
{
	const struct syscall_row *row = &syscall_rows[r->row];

	switch (row->shape) {
	case SHAPE_CREAT:
		return O_CREAT | O_WRONLY | O_TRUNC;
	case SHAPE_OPEN:
		return (uint32_t)record_arg(r, row->flags);
	case SHAPE_OPENAT2:
		return open_how(r).flags;
	default:
		return 0;
	}
}

bool
decode_is_open(const struct record *r)
{
	return is_open(&syscall_rows[r->row]) && syscall_rows[r->row].path;
}

bool
decode_follows(const struct record *r)
{
	const struct syscall_row *row = &syscall_rows[r->row];
	uint64_t flags = is_open(row) ? decode_open_flags(r) : record_arg(r, row->flags);

	if (is_open(row))
		return !(flags & O_NOFOLLOW) &&
		       (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	if (row->nofollow)
		return flags & AT_SYMLINK_FOLLOW;
	return !(flags & AT_SYMLINK_NOFOLLOW);
}

bool
decode_starts_at_dir(const struct record *r)
{
	return open_how(r).resolve & RESOLVE_IN_ROOT;
}

/*
 * The directory or file behind a descriptor, or the working directory where
 * @index is no argument or AT_FDCWD.  NULL when nobody could tell.  A call that
 * changes the working directory says itself where it was made.
 */
static const struct interned *
base_of(struct decoder *d, const struct record *r, uint8_t index, enum field_kind kind,
	const struct place *place)
{
	struct span s = field_span(r, kind);

	if (!index)
		return s.bytes ? intern_get(d->names, s.bytes, s.len) : place->cwd;
	/* a descriptor is an int: the kernel ignores the upper half */
	if ((int32_t)record_arg(r, index) == AT_FDCWD)
		return place->cwd;
	return s.bytes ? intern_get(d->names, s.bytes, s.len) : NULL;
}

/* The absolute form of what stands in the field @kind, or of the base itself. */
static const struct interned *
resolve(struct decoder *d, const struct record *r, enum field_kind kind,
	const struct interned *base, const struct place *place)
{
	struct span name = field_span(r, kind);
	const char *root = place->root ? place->root->bytes : NULL;

	if (!name.len && base)
		return base;
	/* openat2: the directory is the root as well */
	if (base && decode_starts_at_dir(r))
		root = base->bytes;
	if (!path_resolve(&d->scratch, base ? base->bytes : NULL, root,
			  name.len ? name.bytes : "", name.len))
		d->unresolved = true;
	return intern_get(d->names, buf_str(&d->scratch), d->scratch.len);
}

/* What an open did, or, if it failed, what it was meant to do. */
static enum op
open_op(const struct record *r, uint64_t flags)
{
	/* O_EXCL can only mean to make it, and with success it did */
	bool made = r->flags & CALL_ABSENT || flags & O_EXCL;

	if (flags & O_PATH)
		return OP_OPATH;
	if ((flags & O_TMPFILE) == O_TMPFILE)
		return OP_TMPFILE;
	if (flags & O_CREAT && made)
		return OP_CREATE;
	/* devices and pipes have nothing to cut: "> /dev/null" */
	if (flags & O_TRUNC && !(r->flags & CALL_SPECIAL))
		return OP_TRUNCATE;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return OP_READ;
	if (flags & O_APPEND)
		return OP_APPEND;
	return (flags & O_ACCMODE) == O_WRONLY ? OP_WRITE : OP_RDWR;
}

static enum op
call_op(const struct record *r, const struct syscall_row *row, const struct access *a)
{
	if (is_open(row))
		return open_op(r, a->flags);
	if (row->shape == SHAPE_UNLINKAT && record_arg(r, row->flags) & AT_REMOVEDIR)
		return OP_RMDIR;
	if (row->shape == SHAPE_RENAME && record_arg(r, row->flags) & RENAME_EXCHANGE)
		return OP_EXCHANGE;
	if (row->shape == SHAPE_SOCKETCALL)
		return record_arg(r, A0) == 2 /* SYS_BIND of <linux/net.h> */
			       ? OP_BIND
			       : OP_CONNECT;
	if (row->shape == SHAPE_BPF)
		return record_arg(r, A0) == 6 /* BPF_OBJ_PIN of <linux/bpf.h> */
			       ? OP_MKNOD
			       : OP_READ;
	return (enum op)row->op;
}

static void
decode_result(const struct record *r, struct access *a)
{
	a->unfinished = r->flags & CALL_UNFINISHED;
	a->left = a->unfinished && r->flags & CALL_LEFT;
	if (a->unfinished)
		return;
	if (r->result < 0 && r->result >= -4095)
		a->error = (int)-r->result;
	else
		a->result = r->result;
}

/*
 * Whether an empty or missing name means the descriptor itself.  Where the call
 * succeeded the kernel thought so.
 */
static bool
means_itself(const struct record *r, const struct syscall_row *row)
{
	if (r->result >= 0)
		return true;
	if (row->shape == SHAPE_ATTR && !record_arg(r, row->path))
		return true;
	return row->flags && !is_open(row) && record_arg(r, row->flags) & AT_EMPTY_PATH;
}

static const struct interned *
first_name(struct decoder *d, const struct record *r, const struct syscall_row *row,
	   const struct place *place)
{
	struct span name = field_span(r, FIELD_PATH), file = field_span(r, FIELD_DIR);
	const struct interned *base;

	if (r->flags & CALL_UNREADABLE)
		return intern_get(d->names, "", 0);
	if (row->label) {
		buf_reset(&d->scratch);
		buf_adds(&d->scratch, "memfd:");
		buf_add(&d->scratch, name.len ? name.bytes : "", name.len);
		return intern_get(d->names, d->scratch.data, d->scratch.len);
	}
	if (row->path && !name.len && !means_itself(r, row))
		return intern_get(d->names, "", 0);
	/* known by its result only: open_by_handle_at, io_uring_setup */
	if (!row->path && !row->dir && !row->fd)
		return intern_get(d->names, file.len ? file.bytes : "", file.len);
	base = base_of(d, r, row->dir ? row->dir : row->fd, FIELD_DIR, place);
	return resolve(d, r, FIELD_PATH, base, place);
}

/* A symbolic link's text is no name that starts anywhere: it stays as it is. */
static const struct interned *
second_name(struct decoder *d, const struct record *r, const struct syscall_row *row,
	    const struct place *place)
{
	struct span name = field_span(r, FIELD_PATH2);
	const struct interned *base;

	if (!row->path2 && !row->dir2)
		return NULL;
	/* no call takes an empty second name; move_mount does, by its flags */
	if (r->flags & CALL_UNREADABLE2 || (!name.len && r->result < 0))
		return intern_get(d->names, "", 0);
	/* mount(2) without a source */
	if (row->target && !name.bytes)
		return NULL;
	if (row->target)
		return intern_get(d->names, name.len ? name.bytes : "", name.len);
	base = base_of(d, r, row->dir2, FIELD_DIR2, place);
	return resolve(d, r, FIELD_PATH2, base, place);
}

/* Whose the file is, where the name that was passed means another for everybody. */
static const struct interned *
tell_own(struct decoder *d, const struct place *place, pid_t pid, bool followed,
	 const struct interned *path, struct access *a)
{
	/* in another root these may be other names */
	if (!path || place->root ||
	    !path_own(&d->own, path->bytes, pid, a->tid, followed))
		return path;
	a->own = true;
	return intern_get(d->names, d->own.data, d->own.len);
}

static const struct interned *
file_path(struct decoder *d, const char *bytes, size_t len)
{
	return len ? intern_get(d->names, bytes, len) : NULL;
}

static void
decode_file(struct decoder *d, const struct record *r, enum field_kind kind,
	    struct file_id *ret)
{
	struct span s = field_span(r, kind);
	struct record_file file;

	if (s.len < sizeof(file))
		return;
	memcpy(&file, s.bytes, sizeof(file));
	*ret = (struct file_id){
		.known = true,
		.deleted = file.deleted,
		.dev_major = file.dev_major,
		.dev_minor = file.dev_minor,
		.ino = file.ino,
		.path = file_path(d, s.bytes + sizeof(file), s.len - sizeof(file)),
	};
}

/* What else the name, or the descriptor, turned out to be when the call returned. */
static void
decode_truth(struct decoder *d, const struct record *r, const struct place *place,
	     struct access *a)
{
	const struct syscall_row *row = a->row;
	const struct interned *base;

	a->raced = r->flags & CALL_RACED;
	decode_file(d, r, FIELD_FILE, &a->file);
	decode_file(d, r, FIELD_REPLACED, &a->replaced);
	if (r->flags & CALL_OTHER && a->file.path != a->path)
		a->opened = a->file.path;
	if (record_field(r, FIELD_PATH_AFTER)) {
		base = base_of(d, r, row->dir, FIELD_DIR, place);
		a->path_after = resolve(d, r, FIELD_PATH_AFTER, base, place);
	}
	if (record_field(r, FIELD_PATH2_AFTER)) {
		base = base_of(d, r, row->dir2, FIELD_DIR2, place);
		a->to_after = resolve(d, r, FIELD_PATH2_AFTER, base, place);
	}
}

bool
decode_call(struct decoder *d, const struct record *r, const struct place *place,
	    pid_t pid, struct access *ret)
{
	const struct syscall_row *row = &syscall_rows[r->row];

	memset(ret, 0, sizeof(*ret));
	d->unresolved = false;
	ret->row = row;
	ret->abi = (enum abi)r->abi;
	ret->engine = (enum engine)r->engine;
	ret->tid = r->tid;
	ret->has_flags = is_open(row);
	ret->flags = ret->has_flags ? decode_open_flags(r) : 0;
	ret->op = call_op(r, row, ret);
	ret->name = field_span(r, FIELD_PATH);
	ret->to_name = field_span(r, FIELD_PATH2);
	decode_result(r, ret);
	/* what was received has records of its own */
	if (row->shape == SHAPE_RECVMSG || row->shape == SHAPE_RECVMMSG)
		return false;
	if ((row->shape == SHAPE_SOCKADDR || row->shape == SHAPE_SOCKETCALL) &&
	    !ret->name.len)
		return false;
	ret->path_unknown = r->flags & CALL_UNREADABLE;
	ret->path_error = r->name_error;
	ret->truncated = r->flags & (CALL_CUT | CALL_CUT2);
	ret->deleted = r->flags & CALL_DELETED;
	ret->root = place->root;
	ret->mnt_ns = place->mnt_ns;
	ret->path = tell_own(d, place, pid, decode_follows(r),
			     first_name(d, r, row, place), ret);
	ret->to = second_name(d, r, row, place);
	decode_truth(d, r, place, ret);
	return true;
}

void
decode_opened(struct decoder *d, const struct record *r, const struct field *f,
	      const struct place *place, struct access *ret)
{
	const char *root = place->root ? place->root->bytes : NULL;

	memset(ret, 0, sizeof(*ret));
	ret->row = &syscall_rows[r->row];
	ret->abi = (enum abi)r->abi;
	ret->engine = (enum engine)r->engine;
	ret->tid = r->tid;
	ret->op = OP_READ;
	ret->by_kernel = true;
	ret->root = place->root;
	ret->mnt_ns = place->mnt_ns;
	ret->name = (struct span){ f->bytes, f->len };
	path_resolve(&d->scratch, place->cwd ? place->cwd->bytes : NULL, root, f->bytes,
		     f->len);
	ret->path = intern_get(d->names, buf_str(&d->scratch), d->scratch.len);
}

void
decode_received(struct decoder *d, const struct record *r, struct access *ret)
{
	struct span file = field_span(r, FIELD_PATH);

	memset(ret, 0, sizeof(*ret));
	ret->row = &syscall_rows[r->row];
	ret->abi = (enum abi)r->abi;
	ret->engine = (enum engine)r->engine;
	ret->tid = r->tid;
	ret->op = OP_RECEIVE;
	ret->result = (int)r->args[0];
	ret->path_unknown = r->flags & DESCRIPTOR_UNKNOWN || !file.len;
	ret->has_flags = !ret->path_unknown;
	ret->flags = r->args[1];
	ret->path = intern_get(d->names, file.len ? file.bytes : "", file.len);
}

bool
decode_chosen(const struct record *r, const struct access *a, unsigned classes)
{
	const struct syscall_row *row = &syscall_rows[r->row];

	if (is_open(row))
		return syscall_open_chosen(classes, a->flags);
	/* socketcall is several calls */
	if (row->shape == SHAPE_SOCKETCALL)
		return op_class(a->op) & classes;
	return row->classes & classes;
}
