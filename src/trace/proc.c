/* SPDX-License-Identifier: MIT */
#include "trace/proc.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <stdio.h>
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

/* The number behind "\nKEY:\t" of a status file; the name in it is escaped. */
static pid_t
status_number(const char *status, const char *key)
{
	const char *at = strstr(status, key);

	return at ? (pid_t)strtol(at + strlen(key), NULL, 10) : 0;
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
	*ret_tgid = status_number(buf_str(&status), "\nTgid:\t");
	*ret_ppid = status_number(buf_str(&status), "\nPPid:\t");
	return *ret_tgid > 0 ? 0 : -ESRCH;
}

bool
proc_catches(pid_t tid, int signal)
{
	_cleanup_buf_ struct buf status = { 0 };
	static const char key[] = "\nSigCgt:\t";
	const char *at;

	if (read_status(tid, &status) < 0)
		return false;
	at = strstr(buf_str(&status), key);
	return at && strtoull(at + strlen(key), NULL, 16) >> (signal - 1) & 1;
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
