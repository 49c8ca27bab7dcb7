/* SPDX-License-Identifier: MIT */
#include "trace/look.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/path.h"
#include "trace/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PATH_ROOM (PATH_MAX + 64)
#define ROOT_MASK (STATX_INO | STATX_MNT_ID)

static enum look
kind_of(int error, const struct stat *st)
{
	if (error)
		return error == -ENOENT ? LOOK_ABSENT : LOOK_FAILED;
	if (S_ISREG(st->st_mode))
		return LOOK_REGULAR;
	return S_ISDIR(st->st_mode) ? LOOK_DIRECTORY : LOOK_SPECIAL;
}

/*
 * A name that means the task's own when the task says it, and ours when we do:
 * what stands below /proc instead, into @out.
 */
static bool
own_name(pid_t tid, const char *name, unsigned how, struct buf *out)
{
	static const char proc[] = "/proc/";
	bool followed = !(how & LOOK_NOFOLLOW);
	pid_t tgid, ppid;

	if (!path_own(out, name, tid, tid, followed))
		return false;
	/* rare enough to ask now whose thread it is */
	if (proc_ids(tid, &tgid, &ppid) == 0)
		path_own(out, name, tgid, tid, followed);
	out->len -= strlen(proc);
	memmove(out->data, out->data + strlen(proc), out->len + 1);
	return true;
}

/*
 * The command begins with our root, and what can give anybody another one is
 * always traced.  As long as nobody did there is nothing to ask.
 */
static bool roots_differ;

void
look_expect_other_roots(void)
{
	roots_differ = true;
}

/* Whether "/" is the same place for the task as for us, mounts included. */
static bool
has_our_root(pid_t tid)
{
	static struct statx ours; /* ours does not change: asked once */
	struct statx its;
	char path[32];

	if (!roots_differ)
		return true;
	if (!ours.stx_mask && statx(AT_FDCWD, "/", 0, ROOT_MASK, &ours) < 0)
		return true;
	snprintf(path, sizeof(path), "%d/root", (int)tid);
	if (statx(proc_dir(), path, 0, ROOT_MASK, &its) < 0)
		return true;
	return its.stx_ino == ours.stx_ino && its.stx_dev_major == ours.stx_dev_major &&
	       its.stx_dev_minor == ours.stx_dev_minor &&
	       its.stx_mnt_id == ours.stx_mnt_id;
}

/*
 * In another root symbolic links lead elsewhere than for us: the whole name is
 * resolved inside it by the kernel (openat2(2), RESOLVE_IN_ROOT).
 */
static int
open_in_root(pid_t tid, const char *root_link, const char *name, uint64_t flags)
{
	struct open_how how = { .flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT };
	_cleanup_fd_ int root = -1;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%d/%s", (int)tid, root_link);
	root = openat(proc_dir(), path, O_PATH | O_CLOEXEC);
	if (root < 0)
		return -EBADF;
	fd = (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

static void
base_name(char out[32], int dirfd)
{
	if (dirfd == AT_FDCWD)
		strcpy(out, "cwd");
	else
		snprintf(out, 32, "fd/%d", dirfd);
}

/* A relative name as the task could say it from its own root, into @out. */
static bool
from_its_root(pid_t tid, const char *base, const char *name, struct buf *out)
{
	_cleanup_buf_ struct buf root = { 0 };
	size_t skip;

	if (proc_link(tid, "root", &root) < 0 || proc_link(tid, base, out) < 0)
		return false;
	if (!path_is_below(buf_str(out), buf_str(&root)))
		return false;
	skip = root.len > 1 ? root.len : 0;
	out->len -= skip;
	memmove(out->data, out->data + skip, out->len);
	buf_addc(out, '/');
	buf_adds(out, name);
	return true;
}

/*
 * Where we find what the task calls @name, when its root is ours: a directory of
 * ours and a path.  False when that path would be too long.
 */
static bool
our_path(pid_t tid, const char *base, const char *name, int *ret_dirfd,
	 char path[PATH_ROOM])
{
	int n;

	*ret_dirfd = proc_dir();
	if (name[0] == '/')
		n = snprintf(path, PATH_ROOM, "%s", name);
	else
		n = snprintf(path, PATH_ROOM, "%d/%s/%s", (int)tid, base, name);
	return n >= 0 && n < PATH_ROOM;
}

/* In a root that is not ours. */
static int
open_elsewhere(pid_t tid, const char *base, const char *name, uint64_t flags)
{
	_cleanup_buf_ struct buf inside = { 0 };

	if (name[0] != '/' && !from_its_root(tid, base, name, &inside))
		return -EXDEV;
	return open_in_root(tid, "root", inside.len ? inside.data : name, flags);
}

/* A descriptor of ours, opened with @flags, or a negative errno. */
static int
open_as(pid_t tid, int dirfd, const char *name, unsigned how, int flags)
{
	_cleanup_buf_ struct buf own = { 0 };
	char path[PATH_ROOM], base[32];
	int fd, ours;

	flags |= O_CLOEXEC | (how & LOOK_NOFOLLOW ? O_NOFOLLOW : 0);
	base_name(base, dirfd);
	if (how & LOOK_WITHIN)
		return open_in_root(tid, base, name, (uint64_t)flags);
	if (own_name(tid, name, how, &own)) {
		fd = openat(proc_dir(), own.data, flags);
		return fd < 0 ? -errno : fd;
	}
	if (!has_our_root(tid))
		return open_elsewhere(tid, base, name, (uint64_t)flags);
	if (!our_path(tid, base, name, &ours, path))
		return -ENAMETOOLONG;
	fd = openat(ours, path, flags);
	return fd < 0 ? -errno : fd;
}

static int
stat_of(int dirfd, const char *path, unsigned how, struct stat *ret)
{
	int flags = AT_NO_AUTOMOUNT | AT_EMPTY_PATH;

	if (how & LOOK_NOFOLLOW)
		flags |= AT_SYMLINK_NOFOLLOW;
	return fstatat(dirfd, path, ret, flags) < 0 ? -errno : 0;
}

int
look_stat(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret)
{
	_cleanup_buf_ struct buf own = { 0 };
	char path[PATH_ROOM], base[32];
	_cleanup_fd_ int fd = -1;
	int ours;

	base_name(base, dirfd);
	if (!(how & LOOK_WITHIN)) {
		if (own_name(tid, name, how, &own))
			return stat_of(proc_dir(), own.data, how, ret);
		if (has_our_root(tid))
			return our_path(tid, base, name, &ours, path)
				       ? stat_of(ours, path, how, ret)
				       : -ENAMETOOLONG;
	}
	fd = open_as(tid, dirfd, name, how, O_PATH);
	return fd < 0 ? fd : stat_of(fd, "", 0, ret);
}

enum look
look_at(pid_t tid, int dirfd, const char *name, unsigned how)
{
	struct stat st;
	int r = look_stat(tid, dirfd, name, how, &st);

	return kind_of(r, &st);
}

/* Where a link to /proc/self led us to ourselves: to the task instead. */
static int
not_ours(pid_t tid, const char *passed, const struct buf *name, int flags)
{
	char ours[32], path[PATH_ROOM];
	pid_t tgid, ppid;
	int n;

	n = snprintf(ours, sizeof(ours), "/proc/%d", (int)getpid());
	if (!path_is_below(buf_str(name), ours) || path_is_below(passed, ours) ||
	    proc_ids(tid, &tgid, &ppid) < 0)
		return -1;
	snprintf(path, sizeof(path), "%d%s", (int)tgid, name->data + n);
	return openat(proc_dir(), path, flags);
}

int
look_file(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret,
	  struct buf *ret_name)
{
	_cleanup_fd_ int fd = open_as(tid, dirfd, name, how, O_PATH);
	int its;

	if (fd < 0)
		return fd;
	if (proc_fd_link(getpid(), fd, ret_name) == 0) {
		its = not_ours(tid, name, ret_name, O_PATH | O_CLOEXEC);
		if (its >= 0) {
			close(fd);
			fd = its;
			proc_fd_link(getpid(), fd, ret_name);
		}
	}
	return stat_of(fd, "", 0, ret);
}

int
look_open(pid_t tid, int dirfd, const char *name)
{
	return open_as(tid, dirfd, name, 0, O_RDONLY | O_NONBLOCK | O_NOCTTY);
}
