/* SPDX-License-Identifier: MIT */

/*
 * The twins of trace/proc, trace/remote, trace/link and trace/look for the made-up
 * kernel: its tasks are in no /proc, and have no memory.
 */

#include "world.h"

#include "base/buf.h"
#include "trace/link.h"
#include "trace/look.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include <errno.h>
#include <linux/kcmp.h>

int
proc_open(void)
{
	return 0;
}

int
proc_dir(void)
{
	return -1;
}

int
proc_link(pid_t tid, const char *name, struct buf *out)
{
	(void)name;
	buf_reset(out);
	if (!world_tgid(tid))
		return -ENOENT;
	buf_addc(out, '/');
	return 0;
}

int
proc_fd_link(pid_t tid, int fd, struct buf *out)
{
	(void)fd;
	return proc_link(tid, "", out);
}

bool
proc_is_thread(pid_t tgid, pid_t tid)
{
	return world_tgid(tid) == tgid;
}

int
proc_ids(pid_t tid, pid_t *ret_tgid, pid_t *ret_ppid)
{
	*ret_tgid = world_tgid(tid);
	*ret_ppid = world_ppid(tid);
	return *ret_tgid ? 0 : -ENOENT;
}

char
proc_state(pid_t tid)
{
	return world_state(tid);
}

bool
proc_has_ended(pid_t tgid)
{
	return world_has_ended(tgid);
}

long
proc_uid(pid_t tid)
{
	return world_tgid(tid) ? 0 : -1;
}

bool
proc_is_filtered(pid_t tid)
{
	return world_tgid(tid);
}

pid_t
proc_tracer(pid_t tid)
{
	(void)tid;
	return 0;
}

int
proc_threads(pid_t tgid, void (*each)(pid_t tid, void *data), void *data)
{
	(void)tgid;
	(void)each;
	(void)data;
	return -ENOENT;
}

int
proc_processes(void (*each)(pid_t pid, void *data), void *data)
{
	return proc_threads(0, each, data);
}

bool
proc_catches(pid_t tid, int signal)
{
	return world_catches(tid, signal);
}

bool
proc_argv(pid_t tid, struct buf *out, size_t limit)
{
	(void)tid;
	(void)limit;
	buf_reset(out);
	return false;
}

bool
proc_shares(pid_t a, pid_t b, int what, bool otherwise)
{
	if (!world_tgid(a) || !world_tgid(b))
		return otherwise;
	return what == KCMP_VM ? world_shares(a, b) : world_tgid(a) == world_tgid(b);
}

int
proc_fd_info(pid_t tid, int fd, struct fd_info *ret)
{
	(void)tid;
	(void)fd;
	(void)ret;
	return -ENOENT;
}

int
proc_fds(pid_t tid, void (*each)(int fd, void *data), void *data)
{
	(void)tid;
	(void)each;
	(void)data;
	return 0;
}

pid_t
proc_inner_pid(pid_t tid)
{
	(void)tid;
	return 0;
}

bool
proc_fd_is_regular(pid_t tid, int fd)
{
	(void)tid;
	(void)fd;
	return true;
}

ssize_t
remote_read(pid_t tid, uint64_t addr, void *to, size_t len)
{
	(void)tid;
	(void)addr;
	(void)to;
	(void)len;
	return -EFAULT;
}

int
remote_write(pid_t tid, uint64_t addr, const void *bytes, size_t len)
{
	(void)tid;
	(void)addr;
	(void)bytes;
	(void)len;
	return -EFAULT;
}

int
remote_string(pid_t tid, uint64_t addr, char *to, size_t cap, size_t *ret_len)
{
	(void)cap;
	(void)addr;
	if (!world_tgid(tid))
		return -ESRCH;
	to[0] = 'f';
	to[1] = '\0';
	*ret_len = 1;
	return REMOTE_OK;
}

int
link_read(pid_t tid, const char *name, struct buf *out, bool *ret_deleted)
{
	*ret_deleted = false;
	return proc_link(tid, name, out);
}

int
link_read_fd(pid_t tid, int fd, struct buf *out, bool *ret_deleted)
{
	(void)fd;
	return link_read(tid, "", out, ret_deleted);
}

int
link_stat(pid_t tid, const char *name, struct stat *ret)
{
	(void)tid;
	(void)name;
	(void)ret;
	return -ENOENT;
}

uint64_t
link_mnt_ns(pid_t tid)
{
	(void)tid;
	return 1;
}

enum look
look_at(pid_t tid, int dirfd, const char *name, unsigned how)
{
	(void)tid;
	(void)dirfd;
	(void)name;
	(void)how;
	return LOOK_REGULAR;
}

int
look_stat(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret)
{
	(void)dirfd;
	(void)how;
	return link_stat(tid, name, ret);
}

int
look_file(pid_t tid, int dirfd, const char *name, unsigned how, struct stat *ret,
	  struct buf *ret_name)
{
	(void)ret_name;
	return look_stat(tid, dirfd, name, how, ret);
}

void
look_expect_other_roots(void)
{
}

int
look_open(pid_t tid, int dirfd, const char *name)
{
	(void)tid;
	(void)dirfd;
	(void)name;
	return -ENOENT;
}
