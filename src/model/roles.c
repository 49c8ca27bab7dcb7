/* SPDX-License-Identifier: MIT */
#include "model/roles.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "model/fold.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

static void
learn(struct fold_file *file, enum known there)
{
	if (!file->existed)
		file->existed = there;
}

/*
 * A name that is there, and that nothing was known of: not so before the run where its
 * directory was made or moved in it.  What was in an old one came with it.
 */
static void
learn_by_directory(struct fold_file *file)
{
	for (const struct fold_file *dir = file->parent; dir; dir = dir->parent) {
		if (!dir->made && !dir->origin)
			continue;
		file->existed = KNOWN_NO;
		file->origin = dir->origin;
		return;
	}
}

/* It is there. */
static void
is_there(struct fold_file *file)
{
	/* where nothing was, this came from outside */
	if (file->present != KNOWN_YES) {
		file->written = file->made = false;
		file->origin = file->moved_to = NULL;
	}
	if (file->existed == KNOWN_NOT)
		learn_by_directory(file);
	learn(file, KNOWN_YES);
	file->present = KNOWN_YES;
	if (file->parent && !(file->parent->flags & FOLD_DIRECTORY)) {
		file->parent->flags |= FOLD_DIRECTORY;
		learn(file->parent, KNOWN_YES);
		file->parent->present = KNOWN_YES;
	}
}

static void
is_absent(struct fold_file *file)
{
	learn(file, KNOWN_NO);
	file->present = KNOWN_NO;
	file->written = file->made = false;
	file->origin = NULL;
}

/* Something new has the name. */
static void
is_made(struct fold_file *file)
{
	learn(file, KNOWN_NO);
	is_there(file);
	file->flags |= FOLD_CREATED;
	file->made = true;
	file->origin = file->moved_to = NULL;
}

static void
is_read(struct fold_file *file)
{
	is_there(file);
	file->flags |= FOLD_READ;
	if (file->written || file->made)
		return;
	file->flags |= FOLD_READ_FIRST;
	if (file->origin)
		file->origin->flags |= FOLD_READ_FIRST;
}

static void
is_written(struct fold_file *file)
{
	is_there(file);
	file->flags |= FOLD_WRITTEN;
	file->written = true;
}

static void
is_created(struct fold_file *file)
{
	is_made(file);
	is_written(file);
}

static void
is_updated(struct fold_file *file)
{
	is_read(file);
	is_written(file);
}

/* What a descriptor, however it was got, lets its owner do. */
static void
is_open(struct fold_file *file, uint64_t flags)
{
	if (flags & O_PATH || (flags & O_ACCMODE) == O_ACCMODE)
		return;
	if ((flags & O_ACCMODE) != O_WRONLY)
		is_read(file);
	if ((flags & O_ACCMODE) != O_RDONLY)
		is_written(file);
}

/* What had the name @from has the name @to now. */
static void
move_one(struct fold_file *from, struct fold_file *to)
{
	struct fold_file *origin = from->origin ? from->origin : from;
	bool written = from->written, made = from->made;
	uint32_t kind = from->flags & (FOLD_DIRECTORY | FOLD_SYMLINK);

	learn(to, KNOWN_NO);
	to->present = KNOWN_YES;
	to->written = written;
	to->made = made;
	to->origin = made || origin == to ? NULL : origin;
	to->moved_to = NULL;
	to->flags = (to->flags & ~(FOLD_DIRECTORY | FOLD_SYMLINK)) | FOLD_RENAMED | kind;
	from->present = KNOWN_NO;
	from->written = from->made = false;
	from->origin = NULL;
	from->moved_to = to;
	from->flags |= FOLD_RENAMED;
}

/* The next name below @top, children before siblings; NULL behind the last. */
static struct fold_file *
next_below(const struct fold_file *top, struct fold_file *at)
{
	if (at->child)
		return at->child;
	while (at != top && !at->sibling)
		at = at->parent;
	return at == top ? NULL : at->sibling;
}

/* All that is known to be below @top, NULL at the end; to be freed. */
static struct fold_file **
all_below(struct fold_file *top)
{
	struct fold_file **all = NULL;
	size_t count = 0, cap = 0;

	for (struct fold_file *at = top; at; at = next_below(top, at)) {
		if (at == top || at->present != KNOWN_YES)
			continue;
		if (count + 1 >= cap) {
			cap = cap ? cap * 2 : 16;
			all = mem_resize(all, cap, sizeof(struct fold_file *));
		}
		all[count++] = at;
		all[count] = NULL;
	}
	return all;
}

/* The directory @from is @to now, and so is all that is in it. */
static void
move_tree(struct fold *f, struct fold_file *from, struct fold_file *to, uint64_t time)
{
	_cleanup_free_ struct fold_file **all = from->child ? all_below(from) : NULL;
	_cleanup_buf_ struct buf name = { 0 };

	move_one(from, to);
	for (size_t i = 0; all && all[i]; i++) {
		const struct interned *path = all[i]->path;
		struct fold_file *moved;

		buf_reset(&name);
		buf_add(&name, to->path->bytes, to->path->len);
		buf_add(&name, path->bytes + from->path->len,
			path->len - from->path->len);
		moved = fold_name(f, name.data, name.len, to->mnt_ns);
		move_one(all[i], moved);
		/* nobody needs to say the name for it to be there */
		fold_enlist(f, moved, time);
	}
}

static void
on_rename(struct fold *f, struct fold_file *from, struct fold_file *to,
	  const struct access *a)
{
	is_there(from);
	/* only --resolve tells whether something was replaced */
	if (a->replaced.known)
		learn(to, KNOWN_YES);
	move_tree(f, from, to, a->time);
	is_there(to);
}

static void
on_exchange(struct fold *f, struct fold_file *one, struct fold_file *other,
	    const struct access *a)
{
	struct fold_file was;

	(void)f, (void)a;
	is_there(one);
	is_there(other);
	was = *other;
	move_one(one, other);
	one->present = KNOWN_YES;
	one->written = was.written;
	one->made = was.made;
	one->origin = was.made ? NULL : was.origin ? was.origin : other;
	one->moved_to = NULL;
}

static void
on_link(struct fold *f, struct fold_file *from, struct fold_file *to,
	const struct access *a)
{
	(void)f;
	/* a file without a name gets its first one */
	if (!a->deleted)
		is_there(from);
	is_made(to);
	to->flags |= from->flags & FOLD_SYMLINK;
	to->written = from->written;
	from->moved_to = to;
}

static void
on_delete(struct fold_file *file)
{
	struct fold_file *to = file->moved_to;

	is_there(file);
	file->flags |= FOLD_DELETED;
	is_absent(file);
	file->moved_to = to;
}

/* What is done with success, by operation; nothing where none of it is set. */
static const struct effect {
	void (*does)(struct fold_file *file);
	/* likewise, where it takes two names */
	void (*does_two)(struct fold *f, struct fold_file *file, struct fold_file *to,
			 const struct access *a);
	uint32_t flags;
} effects[OP_COUNT] = {
	[OP_READ] = { .does = is_read },
	[OP_WRITE] = { .does = is_written },
	[OP_RDWR] = { .does = is_updated },
	[OP_APPEND] = { .does = is_written },
	[OP_TRUNCATE] = { .does = is_written },
	[OP_CREATE] = { .does = is_created },
	[OP_TMPFILE] = { .does = is_there, .flags = FOLD_DIRECTORY | FOLD_PROBED },
	[OP_OPATH] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_DELETE] = { .does = on_delete },
	[OP_RENAME] = { .does_two = on_rename },
	[OP_EXCHANGE] = { .does_two = on_exchange },
	[OP_LINK] = { .does_two = on_link },
	[OP_SYMLINK] = { .does = is_made, .flags = FOLD_SYMLINK },
	[OP_MKDIR] = { .does = is_made, .flags = FOLD_DIRECTORY },
	[OP_RMDIR] = { .does = on_delete, .flags = FOLD_DIRECTORY },
	[OP_MKNOD] = { .does = is_made },
	[OP_CHMOD] = { .does = is_there, .flags = FOLD_META },
	[OP_CHOWN] = { .does = is_there, .flags = FOLD_META },
	[OP_UTIME] = { .does = is_there, .flags = FOLD_META },
	[OP_GETXATTR] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_SETXATTR] = { .does = is_there, .flags = FOLD_META },
	[OP_GETATTR] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_SETATTR] = { .does = is_there, .flags = FOLD_META },
	[OP_STAT] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_STATFS] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_ACCESS] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_READLINK] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_LIST] = { .does = is_there, .flags = FOLD_DIRECTORY | FOLD_LISTED },
	[OP_WATCH] = { .does = is_there, .flags = FOLD_PROBED },
	[OP_EXEC] = { .does = is_read, .flags = FOLD_EXECUTED },
	[OP_CHDIR] = { .does = is_there, .flags = FOLD_DIRECTORY | FOLD_PROBED },
	[OP_CHROOT] = { .does = is_there, .flags = FOLD_DIRECTORY | FOLD_PROBED },
	[OP_BIND] = { .does = is_made },
	[OP_CONNECT] = { .does = is_there, .flags = FOLD_CONNECTED },
	[OP_MAP] = { .does = is_written },
};

static void
on_success(struct fold *f, struct fold_file *file, struct fold_file *to,
	   const struct access *a)
{
	const struct effect *effect = &effects[a->op];

	/* what is in a directory is read by listing it */
	if (a->op == OP_READ && a->has_flags && a->flags & O_DIRECTORY)
		effect = &effects[OP_CHDIR];
	if (effect->does)
		effect->does(file);
	if (effect->does_two && to)
		effect->does_two(f, file, to, a);
	if (a->op == OP_RECEIVE)
		is_open(file, a->flags);
	file->flags |= effect->flags;
}

static void
is_probed(struct fold_file *file)
{
	is_there(file);
	file->flags |= FOLD_PROBED;
}

/* Whether the operation looks its name up, and minds when that is not there. */
static bool
looks_up(const struct access *a)
{
	unsigned class = op_class(a->op);

	if (class & (CLASS_READ | CLASS_PROBE | CLASS_LIST | CLASS_EXEC))
		return true;
	if (class & CLASS_WRITE)
		return !(a->flags & O_CREAT);
	return a->op == OP_CHDIR || a->op == OP_CONNECT || a->op == OP_GETXATTR ||
	       a->op == OP_GETATTR;
}

/*
 * Names that are there although a look-up fails: a link that leads nowhere, a program
 * whose interpreter is missing, a file with a slash behind it.
 */
static bool
is_there_all_the_same(const struct fold_file *file, const struct access *a)
{
	if (file->present != KNOWN_YES)
		return false;
	return file->flags & FOLD_SYMLINK || a->op == OP_EXEC || a->error == ENOTDIR;
}

/*
 * ENOTDIR is about the name itself where its directory is one: it is there, and no
 * directory.  Else it may be about either, unless a directory was asked for.
 */
static bool
is_no_directory(const struct fold_file *file)
{
	return file->parent && file->parent->flags & FOLD_DIRECTORY &&
	       file->parent->present == KNOWN_YES;
}

static bool
wants_directory(const struct access *a)
{
	return a->op == OP_LIST || a->op == OP_CHDIR || a->op == OP_RMDIR ||
	       (a->has_flags && a->flags & O_DIRECTORY);
}

/* Errors that only something can give that is there. */
static bool
proves_presence(const struct access *a)
{
	switch (a->error) {
	case EISDIR:
	case ENOTEMPTY:
	case ETXTBSY:
	case ENOEXEC:
	case ELOOP:
		return true;
	case EEXIST:
		/* of two names it is the second one that is there */
		return !a->to || a->row->target;
	case EINVAL:
		return a->op == OP_READLINK;
	case ENODATA:
	case ERANGE:
		return a->op == OP_GETXATTR;
	default:
		return false;
	}
}

static void
on_failure(struct fold_file *file, struct fold_file *to, const struct access *a)
{
	bool absent = a->error == ENOENT || a->error == ENOTDIR;

	if (a->error == EACCES || a->error == EPERM)
		file->flags |= FOLD_DENIED;
	if (to && a->error == EEXIST)
		is_probed(to);
	if (a->error == ENOTDIR && !to) {
		if (is_no_directory(file))
			is_probed(file);
		absent = !is_no_directory(file) && !wants_directory(a);
	}
	if (absent && is_there_all_the_same(file, a))
		return;
	if (absent && looks_up(a))
		file->flags |= FOLD_MISSING;
	/* making a name fails so for its directory's sake, a second name for its own */
	if (absent && (looks_up(a) || a->op == OP_DELETE))
		is_absent(file);
	if (proves_presence(a))
		is_probed(file);
	if (a->error == EISDIR || a->error == ENOTEMPTY)
		file->flags |= FOLD_DIRECTORY;
}

void
roles_apply(struct fold *f, struct fold_file *file, struct fold_file *to,
	    const struct access *a)
{
	/* "" names nothing; what was deleted has the name no more */
	if (a->unfinished || !file->path->len || (a->deleted && a->op != OP_LINK))
		return;
	if (a->error)
		on_failure(file, to, a);
	else
		on_success(f, file, to, a);
}

void
roles_inherited(struct fold_file *file, const struct process_event *e)
{
	if (S_ISDIR(e->mode)) {
		is_probed(file);
		file->flags |= FOLD_DIRECTORY;
	} else if (S_ISREG(e->mode)) {
		is_open(file, e->flags);
	}
}
