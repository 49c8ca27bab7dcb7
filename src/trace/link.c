/* SPDX-License-Identifier: MIT */
#include "trace/link.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "trace/deep.h"
#include "trace/look.h"
#include "trace/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static const char deleted_mark[] = " (deleted)";
static const char memfd_mark[] = "/memfd:";

int
link_stat(pid_t tid, const char *name, struct stat *ret)
{
	char path[64];

	snprintf(path, sizeof(path), "%d/%s", (int)tid, name);
	return fstatat(proc_dir(), path, ret, 0) < 0 ? -errno : 0;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the file @st is found by @name: by us, or in another root by the task. */
static bool
is_called(pid_t tid, const char *name, const struct stat *st)
{
	struct stat found;

	if (lstat(name, &found) == 0 && is_same(&found, st))
		return true;
	return look_stat(tid, AT_FDCWD, name, LOOK_NOFOLLOW, &found) == 0 &&
	       is_same(&found, st);
}

/* A memfd lives in a file system that is mounted nowhere, so not in that of "/". */
static bool
is_memfd(const struct buf *name, const struct stat *st)
{
	struct stat root;

	return strncmp(name->data, memfd_mark, strlen(memfd_mark)) == 0 &&
	       !st->st_nlink && stat("/", &root) == 0 && root.st_dev != st->st_dev;
}

/*
 * The kernel puts the mark behind the name of what was deleted (d_path() in
 * fs/d_path.c), and a file may really be called so.  The latter can be found by
 * that name.  Links are not counted where others are left, or in directories of
 * btrfs, so st_nlink alone decides nothing but the easy case.
 */
static bool
settle_mark(pid_t tid, const char *link, struct buf *name)
{
	size_t len = strlen(deleted_mark);
	struct stat st;
	bool memfd;

	if (name->len <= len || name->data[0] != '/' ||
	    memcmp(name->data + name->len - len, deleted_mark, len) != 0)
		return false;
	buf_str(name);
	if (link_stat(tid, link, &st) == 0 && st.st_nlink &&
	    is_called(tid, name->data, &st))
		return false;
	memfd = is_memfd(name, &st);
	name->len -= len;
	if (memfd)
		memmove(name->data, name->data + 1, --name->len);
	name->data[name->len] = '\0';
	return !memfd;
}

int
link_read(pid_t tid, const char *name, struct buf *out, bool *ret_deleted)
{
	int r = proc_link(tid, name, out);

	*ret_deleted = false;
	if (r == -ENAMETOOLONG)
		return deep_name(tid, name, out);
	if (r == 0)
		*ret_deleted = settle_mark(tid, name, out);
	return r;
}

int
link_read_fd(pid_t tid, int fd, struct buf *out, bool *ret_deleted)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", fd);
	return link_read(tid, name, out, ret_deleted);
}

uint64_t
link_mnt_ns(pid_t tid)
{
	_cleanup_buf_ struct buf text = { 0 };
	unsigned long ns;

	if (proc_link(tid, "ns/mnt", &text) < 0 ||
	    sscanf(buf_str(&text), "mnt:[%lu]", &ns) != 1)
		return 0;
	return ns;
}
