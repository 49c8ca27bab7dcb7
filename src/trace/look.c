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

#define PATH_ROOM (PATH_MAX + 64)
#define ROOT_MASK (STATX_INO | STATX_MNT_ID)

static enum look
look_of(int dirfd, const char *path, int flags)
{
	struct stat st;

	if (fstatat(dirfd, path, &st, AT_NO_AUTOMOUNT | flags) < 0)
		return errno == ENOENT ? LOOK_ABSENT : LOOK_FAILED;
	if (S_ISREG(st.st_mode))
		return LOOK_REGULAR;
	return S_ISDIR(st.st_mode) ? LOOK_DIRECTORY : LOOK_SPECIAL;
}

/*
 * Names that mean the task's own when the task says them, and ours when we do:
 * what stands behind /proc/TID instead.
 */
static const char *
own_name(const char *name, const char **ret_rest)
{
	static const struct {
		const char *name, *means;
	} own[] = {
		{ "/proc/self", "" },	    { "/proc/thread-self", "" },
		{ "/dev/fd", "/fd" },	    { "/dev/stdin", "/fd/0" },
		{ "/dev/stdout", "/fd/1" }, { "/dev/stderr", "/fd/2" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		*ret_rest = name + strlen(own[i].name);
		if (path_is_below(name, own[i].name))
			return own[i].means;
	}
	return NULL;
}

/* Whether "/" is the same place for the task as for us, mounts included. */
static bool
has_our_root(pid_t tid)
{
	static struct statx ours; /* ours does not change: asked once */
	struct statx its;
	char path[32];

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

static enum look
look_in_root(pid_t tid, const char *root_link, const char *name)
{
	_cleanup_fd_ int fd = open_in_root(tid, root_link, name, O_PATH);

	if (fd < 0)
		return fd == -ENOENT ? LOOK_ABSENT : LOOK_FAILED;
	return look_of(fd, "", AT_EMPTY_PATH);
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

static enum look
look_elsewhere(pid_t tid, const char *base, const char *name)
{
	_cleanup_buf_ struct buf path = { 0 };

	if (name[0] == '/')
		return look_in_root(tid, "root", name);
	return from_its_root(tid, base, name, &path)
		       ? look_in_root(tid, "root", path.data)
		       : LOOK_FAILED;
}

enum look
look_within(pid_t tid, int dirfd, const char *name)
{
	char base[32];

	base_name(base, dirfd);
	return look_in_root(tid, base, name);
}

/*
 * Where we find what the task calls @name, when its root is ours: a directory of
 * ours and a path.  False when that path would be too long.
 */
static bool
our_path(pid_t tid, const char *base, const char *name, int *ret_dirfd,
	 char path[PATH_ROOM])
{
	const char *rest = name, *own = own_name(name, &rest);
	int n;

	*ret_dirfd = proc_dir();
	if (own)
		n = snprintf(path, PATH_ROOM, "%d%s%s", (int)tid, own, rest);
	else if (name[0] == '/')
		n = snprintf(path, PATH_ROOM, "%s", name);
	else
		n = snprintf(path, PATH_ROOM, "%d/%s/%s", (int)tid, base, name);
	return n >= 0 && n < PATH_ROOM;
}

static bool
is_own(const char *name)
{
	const char *rest;

	return own_name(name, &rest);
}

enum look
look_at(pid_t tid, int dirfd, const char *name)
{
	char path[PATH_ROOM], base[32];
	int ours;

	base_name(base, dirfd);
	if (!is_own(name) && !has_our_root(tid))
		return look_elsewhere(tid, base, name);
	if (!our_path(tid, base, name, &ours, path))
		return LOOK_FAILED;
	return look_of(ours, path, 0);
}

int
look_open(pid_t tid, int dirfd, const char *name)
{
	const int flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	_cleanup_buf_ struct buf inside = { 0 };
	char path[PATH_ROOM], base[32];
	int fd, ours;

	base_name(base, dirfd);
	if (!is_own(name) && !has_our_root(tid)) {
		if (name[0] != '/' && !from_its_root(tid, base, name, &inside))
			return -ENOENT;
		return open_in_root(tid, "root", inside.len ? inside.data : name,
				    (uint64_t)flags);
	}
	if (!our_path(tid, base, name, &ours, path))
		return -ENAMETOOLONG;
	fd = openat(ours, path, flags);
	return fd < 0 ? -errno : fd;
}
