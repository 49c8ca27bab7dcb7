/* SPDX-License-Identifier: MIT */
#include "trace/proc.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include "trace/status.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STATUS_MAX 8192

static int proc_root = -1;

int
proc_open(void)
{
	proc_root = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc_root < 0 ? -errno : 0;
}

int
proc_dir(void)
{
	return proc_root;
}

int
proc_link(pid_t tid, const char *name, struct buf *out)
{
	char path[64], *room;
	ssize_t n;

	buf_reset(out);
	snprintf(path, sizeof(path), "%d/%s", (int)tid, name);
	/* the kernel builds the name in one page and fails beyond (fs/proc/base.c) */
	room = buf_room(out, PATH_MAX);
	n = readlinkat(proc_root, path, room, PATH_MAX);
	if (n < 0)
		return -errno;
	out->len = (size_t)n;
	return 0;
}

int
proc_fd_link(pid_t tid, int fd, struct buf *out)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", fd);
	return proc_link(tid, name, out);
}

static int
read_status(pid_t tid, struct buf *out)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/status", (int)tid);
	return fdio_read_whole(proc_root, path, STATUS_MAX, out);
}

int
proc_ids(pid_t tid, pid_t *ret_tgid, pid_t *ret_ppid)
{
	_cleanup_buf_ struct buf status = { 0 };
	int r = read_status(tid, &status);

	if (r < 0)
		return r;
	*ret_tgid = (pid_t)status_number(buf_str(&status), "Tgid");
	*ret_ppid = (pid_t)status_number(buf_str(&status), "PPid");
	return *ret_tgid > 0 ? 0 : -ESRCH;
}

bool
proc_is_thread(pid_t tgid, pid_t tid)
{
	/* signal 0 asks only whether @tid is in the thread group @tgid (tgkill(2)) */
	return syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

char
proc_state(pid_t tid)
{
	_cleanup_buf_ struct buf status = { 0 };

	return read_status(tid, &status) < 0 ? 0 : status_state(buf_str(&status));
}

long
proc_uid(pid_t tid)
{
	_cleanup_buf_ struct buf status = { 0 };

	if (read_status(tid, &status) < 0)
		return -1;
	return status_number(buf_str(&status), "Uid");
}

bool
proc_is_filtered(pid_t tid)
{
	_cleanup_buf_ struct buf status = { 0 };

	return read_status(tid, &status) == 0 &&
	       status_number(buf_str(&status), "Seccomp") > 0;
}

pid_t
proc_tracer(pid_t tid)
{
	_cleanup_buf_ struct buf status = { 0 };

	if (read_status(tid, &status) < 0)
		return 0;
	return (pid_t)status_number(buf_str(&status), "TracerPid");
}

bool
proc_catches(pid_t tid, int signal)
{
	_cleanup_buf_ struct buf status = { 0 };

	return read_status(tid, &status) >= 0 && status_catches(buf_str(&status), signal);
}

bool
proc_argv(pid_t tid, struct buf *out, size_t limit)
{
	char path[32];

	buf_reset(out);
	snprintf(path, sizeof(path), "%d/cmdline", (int)tid);
	return fdio_read_whole(proc_root, path, limit, out) == FDIO_CUT;
}

bool
proc_shares(pid_t a, pid_t b, int what, bool otherwise)
{
	long order = syscall(SYS_kcmp, a, b, what, 0, 0);

	return order < 0 ? otherwise : order == 0;
}

bool
proc_fd_is_regular(pid_t tid, int fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "%d/fd/%d", (int)tid, fd);
	return fstatat(proc_root, path, &st, 0) == 0 && S_ISREG(st.st_mode);
}

int
proc_fd_info(pid_t tid, int fd, struct fd_info *ret)
{
	_cleanup_buf_ struct buf info = { 0 };
	char path[64];
	struct stat st;
	int r;

	snprintf(path, sizeof(path), "%d/fdinfo/%d", (int)tid, fd);
	r = fdio_read_whole(proc_root, path, STATUS_MAX, &info);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%d/fd/%d", (int)tid, fd);
	*ret = (struct fd_info){
		.mode = fstatat(proc_root, path, &st, 0) ? 0 : st.st_mode,
		.flags = status_fd_flags(buf_str(&info)),
	};
	return 0;
}

static void
close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* Calls @each for every number that is a name in the directory @path of /proc. */
static int
each_number(const char *path, void (*each)(int number, void *data), void *data)
{
	_cleanup_(close_dir) DIR *dir = NULL;
	struct dirent *entry;
	int fd;

	fd = openat(proc_root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			each((int)strtol(entry->d_name, NULL, 10), data);
	return 0;
}

int
proc_fds(pid_t tid, void (*each)(int fd, void *data), void *data)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/fd", (int)tid);
	return each_number(path, each, data);
}

int
proc_threads(pid_t tgid, void (*each)(pid_t tid, void *data), void *data)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/task", (int)tgid);
	return each_number(path, each, data);
}

int
proc_processes(void (*each)(pid_t pid, void *data), void *data)
{
	return each_number(".", each, data);
}

static bool
is_in_our_pid_namespace(pid_t tid)
{
	static struct stat ours; /* ours does not change: asked once */
	struct stat its;
	char path[32];

	if (!ours.st_ino && fstatat(proc_root, "self/ns/pid", &ours, 0) < 0)
		return true;
	snprintf(path, sizeof(path), "%d/ns/pid", (int)tid);
	/* where we may not look its status still tells */
	return fstatat(proc_root, path, &its, 0) == 0 && its.st_ino == ours.st_ino &&
	       its.st_dev == ours.st_dev;
}

static void
find_living(pid_t tid, void *data)
{
	char state = proc_state(tid);

	if (state && state != 'Z' && state != 'X')
		*(bool *)data = true;
}

bool
proc_has_ended(pid_t tgid)
{
	bool lives = false;

	proc_threads(tgid, find_living, &lives);
	return !lives;
}

pid_t
proc_inner_pid(pid_t tid)
{
	_cleanup_buf_ struct buf status = { 0 };

	if (is_in_our_pid_namespace(tid) || read_status(tid, &status) < 0)
		return 0;
	return (pid_t)status_inner_pid(buf_str(&status));
}
