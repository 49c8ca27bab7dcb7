/* SPDX-License-Identifier: MIT */
#include "trace/race.h"

#include "base/compiler.h"
#include "model/decode.h"
#include "model/path.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/link.h"
#include "trace/look.h"
#include "trace/meant.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

/* Time stamps are those of the last tick (CLOCK_REALTIME_COARSE), at 100 Hz or more. */
#define TICKS_NS 20000000

enum race {
	RACE_NONE,
	RACE_UNKNOWN, /* another file, or nobody can tell which: maybe it was moved */
	RACE_LOST,    /* likewise, and nothing was moved */
};

/* How the call found its file. */
struct name {
	pid_t tid;
	int dirfd;
	unsigned how;
	char text[PATH_MAX];
};

struct timespec
race_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec -= TICKS_NS;
	if (t.tv_nsec < 0) {
		t.tv_nsec += 1000000000;
		t.tv_sec--;
	}
	return t;
}

static bool
get_name(const struct record *r, struct name *n)
{
	const struct syscall_row *row = &syscall_rows[r->row];
	const struct field *f = record_field(r, FIELD_PATH);

	if (!f || !f->len || f->len >= sizeof(n->text))
		return false;
	memcpy(n->text, f->bytes, f->len);
	n->text[f->len] = '\0';
	n->tid = r->tid;
	n->dirfd = row->dir ? (int)record_arg(r, row->dir) : AT_FDCWD;
	n->how = (decode_follows(r) ? 0u : LOOK_NOFOLLOW) |
		 (decode_starts_at_dir(r) ? LOOK_WITHIN : 0u);
	return true;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the kernel's name of the descriptor is the one that was asked for: the quick way. */
static bool
is_called(const struct name *n, int fd)
{
	_cleanup_buf_ struct buf link = { 0 };

	return n->text[0] == '/' && !(n->how & LOOK_WITHIN) &&
	       proc_fd_link(n->tid, fd, &link) == 0 &&
	       strcmp(buf_str(&link), n->text) == 0;
}

static bool
is_newer(const struct timespec *t, const struct timespec *since)
{
	return t->tv_sec > since->tv_sec ||
	       (t->tv_sec == since->tv_sec && t->tv_nsec >= since->tv_nsec);
}

/*
 * Whether one part of the name, up to here, was moved or made since the call began,
 * or was taken away from the directory @above, which says when that changed last.
 * What is done in a directory sets both of its times, moving it one only: busy
 * directories such as /tmp are no excuse.
 */
static bool
was_moved(const struct name *n, const char *text, const struct timespec *since,
	  struct timespec *above)
{
	struct timespec changed = *above;
	struct stat st;

	if (look_stat(n->tid, n->dirfd, text, n->how | LOOK_NOFOLLOW, &st) < 0)
		return is_newer(&changed, since);
	*above = st.st_mtim;
	return is_newer(&st.st_ctim, since) &&
	       (!S_ISDIR(st.st_mode) ||
		memcmp(&st.st_ctim, &st.st_mtim, sizeof(changed)));
}

/* Whether anything along the name was. */
static bool
way_was_moved(struct name *n, const struct timespec *since)
{
	struct timespec above = { 0 };
	bool moved = was_moved(n, n->text[0] == '/' ? "/" : ".", since, &above);

	for (char *end = n->text; !moved && *end; end++) {
		if (*end != '/' || end == n->text)
			continue;
		*end = '\0';
		moved = was_moved(n, n->text, since, &above);
		*end = '/';
	}
	return moved || was_moved(n, n->text, since, &above);
}

/* Files of /proc differ by who looks: the same name is not the same file for us. */
static bool
is_proc(pid_t tid, int fd)
{
	_cleanup_fd_ int ours = -1;
	struct statfs fs;
	char path[64];

	snprintf(path, sizeof(path), "%d/fd/%d", (int)tid, fd);
	ours = openat(proc_dir(), path, O_PATH | O_CLOEXEC);
	return ours >= 0 && fstatfs(ours, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* The file is another one, as far as a quick look tells. */
static enum race
judge(struct name *n, int fd, const struct stat *opened, const struct timespec *since)
{
	_cleanup_buf_ struct buf called = { 0 };
	struct stat named;
	int r = look_file(n->tid, n->dirfd, n->text, n->how, &named, &called);

	if (r == 0 && is_same(opened, &named))
		return RACE_NONE;
	if (is_proc(n->tid, fd) && (r < 0 || path_is_below(buf_str(&called), "/proc")))
		return RACE_UNKNOWN;
	if (is_newer(&opened->st_ctim, since) || way_was_moved(n, since))
		return RACE_UNKNOWN;
	return RACE_LOST;
}

/* Of the open @r with the descriptor @fd for its result. */
static enum race
race_of_open(const struct record *r, int fd, const struct timespec *since)
{
	struct stat opened, named;
	char link[32];
	struct name n;

	/* a file without a name has no name to compare */
	if ((decode_open_flags(r) & O_TMPFILE) == O_TMPFILE || !get_name(r, &n))
		return RACE_NONE;
	if (is_called(&n, fd))
		return RACE_NONE;
	snprintf(link, sizeof(link), "fd/%d", fd);
	/* whoever is being killed has no descriptors, and no program either */
	if (link_stat(n.tid, link, &opened) < 0)
		return link_stat(n.tid, "exe", &opened) < 0 ? RACE_NONE : RACE_LOST;
	if (look_stat(n.tid, n.dirfd, n.text, n.how, &named) == 0 &&
	    is_same(&opened, &named))
		return RACE_NONE;
	return judge(&n, fd, &opened, since);
}

/* The name in the field @kind once more, where it is another one now. */
static void
add_after(struct record_builder *b, uint8_t path, enum field_kind kind,
	  enum field_kind after)
{
	const struct field *before = record_field(b->r, kind);
	char name[PATH_MAX];
	size_t len;

	if (!path || !before ||
	    remote_string(b->r->tid, record_arg(b->r, path), name, PATH_MAX, &len) < 0)
		return;
	len = MIN(len, (size_t)PATH_MAX - 1);
	if (len == before->len && memcmp(name, before->bytes, len) == 0)
		return;
	b->r->flags |= CALL_RACED;
	if (record_fits(b, len))
		record_add(b, after, name, len);
}

void
race_compare(struct record_builder *b, const struct timespec *since, bool shared)
{
	struct record *r = b->r;
	const struct syscall_row *row = &syscall_rows[r->row];
	bool opened = r->result >= 0 && decode_is_open(r);
	enum race race;

	if (opened) {
		race = race_of_open(r, (int)r->result, since);
		if (race == RACE_NONE)
			return;
		r->flags |= CALL_OTHER | (race == RACE_LOST ? CALL_RACED : 0);
		meant_fd(b, r->tid, (int)r->result);
	} else if (shared && row->shape != SHAPE_SOCKADDR &&
		   row->shape != SHAPE_SOCKETCALL && row->shape != SHAPE_BPF) {
		add_after(b, row->path, FIELD_PATH, FIELD_PATH_AFTER);
		add_after(b, row->path2, FIELD_PATH2, FIELD_PATH2_AFTER);
	}
}
