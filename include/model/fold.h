/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Folded accesses
 *
 * A build names each file 35 to 90 times; people ask once.  The fold keeps, for
 * each process, name, operation and outcome, how often and when; and for each
 * name what happened to it over the run, and from that its role.  It is fed with
 * events in their order.  The hub has one for all of its sinks (struct sink_ops,
 * fold), the report fills one from a log.
 *
 * Files are names here, absolute and as they were asked for: what two names of
 * one file (links of either kind, mounts) have in common is not known.  The same name
 * in another mount namespace is another file.
 *
 * Everything that is handed out is owned by the fold, and only to be read.
 * Names in it that events brought live as long as the run.  Times are
 * nanoseconds since the run began.
 *
 * ROLES.  One for each name, from what is known at the end:
 *
 *	SPECIAL		no file that lasts: below /proc, /sys or /dev (/dev/shm
 *			apart), or no name of a file at all ("pipe:[7]", "")
 *	OUTPUT		there at the end, and the run made or wrote it
 *	MODIFIED	the same, and there was one of that name before the run; also
 *			where only its mode, owner, times or attributes were set
 *	INPUT		was there before, and was read, executed or, a directory,
 *			listed; the run did not write it
 *	TEMPORARY	made in the run, and gone at the end
 *	PASSING		a name that a file had for a while in the run, until it was
 *			renamed, or linked and deleted: moved_to goes on to its last name
 *	MOVED		there at the end, and an old file that was called something else
 *			before: a rename does not make an old file an output
 *	REMOVED		was there before, and is gone; moved_to tells where to, if so
 *	PROBED		is there and was only looked at: stat, access, chdir, connect, or
 *			a directory that was opened and not listed
 *	MISSING		was never there and was looked for: a negative dependency
 *	NONE		nothing of that, as where all that is known is that it was denied
 *
 * Rules, in the order of events:
 *
 * - The first thing that is learnt of a name says whether it was there before the
 *   run: an open that made it says no, as mkdir, link, symlink and a look-up that
 *   found nothing do; every other success says yes, and so do failures that need
 *   something to be there: EEXIST, EISDIR, ENOTEMPTY, ETXTBSY, ENOEXEC, ELOOP, and
 *   EINVAL of readlink, "no link", ENODATA and ERANGE of getxattr.  The target of a
 *   rename stays unknown, and counts as not there before.
 * - "Looked for and not there" are ENOENT and ENOTDIR of what looks a name up; not of
 *   deleting, renaming or making one, where it is the directory that is missing or
 *   nobody minded.
 * - What is found in a directory that was made in the run was not there before under that
 *   name; in an old one that was renamed, it is an old file that was moved.
 * - A file that was written or made in the run stays so under every name that it is
 *   renamed to; what had the target's name before is gone.  Renaming a directory
 *   renames what is known to be in it.
 * - A name that was linked and then deleted has moved to the link.
 * - A new hard link is a new name, and an output, whatever it leads to.
 * - Reading is opening for reading, also for reading and writing; executing; what the
 *   kernel opens for an exec; getting a descriptor that can read, also from who
 *   started the command.  READ_FIRST says that a name was read before anything that
 *   had that name was written or made in the run: these are the inputs, also among the
 *   MODIFIED and REMOVED ones.  Reading an old file under a new name is noted at the old.
 * - A file that was not there and later is, though nobody of the run made it, is an
 *   input: it came from elsewhere.
 * - A call that was cut off by a kill tells nothing.
 */

#include "model/event.h"

struct fold;
struct selection;

enum fold_flag {
	FOLD_READ = 1 << 0,
	FOLD_WRITTEN = 1 << 1,
	FOLD_CREATED =
		1 << 2, /* the name was made: a file, a directory, a link, a socket */
	FOLD_DELETED = 1 << 3,
	FOLD_RENAMED = 1 << 4, /* either name of a rename */
	FOLD_LISTED = 1 << 5,
	FOLD_PROBED = 1 << 6,
	FOLD_EXECUTED = 1 << 7,
	FOLD_META = 1 << 8,    /* mode, owner, times, attributes set */
	FOLD_MISSING = 1 << 9, /* looked for and not there */
	FOLD_DENIED = 1 << 10, /* EACCES or EPERM */
	FOLD_CONNECTED = 1 << 11,
	FOLD_DIRECTORY = 1 << 12, /* what it is, as far as that was seen */
	FOLD_SYMLINK = 1 << 13,
	FOLD_READ_FIRST = 1 << 14,
};

enum role {
#define ROLE(id, word, what) ROLE_##id,
#include "model/roles.def"
#undef ROLE
	ROLE_COUNT,
};

enum known {
	KNOWN_NOT, /* nothing was learnt */
	KNOWN_NO,
	KNOWN_YES,
};

/* One name. */
struct fold_file {
	uint64_t number; /* from 1 in the order of first calls, 0 before there was one */
	const struct interned *path;
	uint64_t mnt_ns;    /* 0 for ours */
	uint32_t flags;	    /* enum fold_flag: what was done, with success but for two */
	uint8_t existed;    /* enum known: before the run */
	uint8_t present;    /* enum known: now, at the end when all was fed */
	bool hidden;	    /* not selected: the walks below pass it over */
	bool written, made; /* what has the name now was, in the run */
	struct fold_file *moved_to; /* where what had the name last went; or NULL */
	struct fold_file *origin; /* an old file is here that was called this; or NULL */
	uint64_t count, failed;	  /* calls, and those of them that failed */
	uint64_t first, last;	  /* time of the first and last call */
	struct fold_use *uses, *last_use;
	struct fold_file *parent;	   /* its directory, which need not have calls */
	struct fold_file *child, *sibling; /* what is known in it, in no order */
	struct fold_file *next;
};

#define FOLD_UNFINISHED (-1)

/* What one process did with one name, with one outcome. */
struct fold_use {
	uint64_t number; /* from 1 in the order of first calls */
	struct fold_process *process;
	struct fold_file *file;
	const struct interned *to; /* the second name; or NULL */
	enum op op;
	int error; /* positive errno, 0 for success, FOLD_UNFINISHED */
	bool hidden;
	uint64_t count;
	uint64_t first, last;
	struct fold_use *next_of_process, *next_of_file;
};

struct fold_exec {
	uint64_t time;
	const struct interned *exe; /* absolute; NULL when not known */
	struct span argv;	    /* each ended by NUL; at most FOLD_ARGV_MAX bytes */
	bool argv_cut;
	struct fold_exec *next;
};

#define FOLD_ARGV_MAX 4096

struct fold_process {
	uint64_t serial;
	pid_t pid, ppid;
	struct fold_process *parent;	      /* NULL for the command and the lost */
	struct fold_process *child, *sibling; /* in the order of their births */
	const struct interned *name, *exe;    /* at the end; NULL when not known */
	const struct interned *cwd; /* when it began, or executed last; or NULL */
	uint64_t start, end;
	bool ended; /* else end is the time of its last event */
	bool status_known;
	int status;		/* as wait(2) gives it */
	uint64_t count, failed; /* calls, and those of them that failed */
	struct fold_exec *execs, *last_exec;
	struct fold_use *uses, *last_use;
	struct fold_process *last_child, *next;
};

struct fold *fold_new(void);

/* Frees the fold; NULL is allowed. */
void fold_free(struct fold *f);

/*
 * From now on only what @s takes is handed out, names and uses alike; processes are
 * always, and counts and roles are of everything.  @s, which may be NULL, stays the
 * caller's.
 */
void fold_select(struct fold *f, struct selection *s);

void fold_process(struct fold *f, const struct process_event *e);
void fold_access(struct fold *f, const struct access *a);

/*
 * All processes in the order of their births, all names that were in a call, or that
 * a directory's rename gave to what was in it, in the order of the first one, and the uses of either in the order of their first call.
 * NULL behind the last.
 */
const struct fold_process *fold_first_process(const struct fold *f);
const struct fold_process *fold_next_process(const struct fold_process *p);
const struct fold_file *fold_first_file(const struct fold *f);
const struct fold_file *fold_next_file(const struct fold_file *file);
const struct fold_use *fold_first_use_of(const struct fold_file *file);
const struct fold_use *fold_next_use_of(const struct fold_use *u);
const struct fold_use *fold_first_use_by(const struct fold_process *p);
const struct fold_use *fold_next_use_by(const struct fold_use *u);

/* The same names sorted by their bytes, NULL behind the last; to be freed. */
const struct fold_file **fold_sort_files(const struct fold *f, size_t *ret_count);

/* The name of @len bytes in the mount namespace @mnt_ns, NULL when nobody named it. */
const struct fold_file *fold_find_file(const struct fold *f, const char *path, size_t len,
				       uint64_t mnt_ns);
const struct fold_process *fold_find_process(const struct fold *f, uint64_t serial);

/* What the last access was counted as; it is a new one where its count is 1. */
const struct fold_use *fold_last_use(const struct fold *f);

size_t fold_files(const struct fold *f); /* names that were in a call */
size_t fold_processes(const struct fold *f);

enum role fold_role(const struct fold_file *file);

/* Was there before and was read before it was written, whatever its role is. */
bool fold_was_input(const struct fold_file *file);

/* Where the file that had this name last is now: moved_to followed to its end. */
const struct fold_file *fold_last_name(const struct fold_file *file);

const char *role_word(enum role r);
const char *role_what(enum role r);
