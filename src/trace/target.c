/* SPDX-License-Identifier: MIT */
#include "trace/target.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include "trace/proc.h"
#include "trace/status.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_MAX 4096

static bool
is_kernel_thread(pid_t pid)
{
	_cleanup_buf_ struct buf stat = { 0 };
	char path[32];

	snprintf(path, sizeof(path), "%d/stat", (int)pid);
	if (fdio_read_whole(proc_dir(), path, STAT_MAX, &stat) < 0)
		return false;
	return status_is_kernel_thread(buf_str(&stat));
}

static bool
is_ancestor(pid_t pid)
{
	pid_t at = getppid(), tgid, next;

	while (at > 0 && at != pid) {
		if (proc_ids(at, &tgid, &next) < 0)
			return false;
		at = next;
	}
	return at == pid;
}

enum target_refusal
target_check(pid_t pid, long *ret_other)
{
	pid_t tgid, ppid, tracer;

	if (proc_ids(pid, &tgid, &ppid) < 0)
		return TARGET_GONE;
	*ret_other = tgid;
	if (tgid == getpid())
		return TARGET_OURSELVES;
	if (tgid != pid)
		return TARGET_THREAD;
	if (is_ancestor(pid))
		return TARGET_ANCESTOR;
	if (is_kernel_thread(pid))
		return TARGET_KERNEL;
	if (proc_state(pid) == 'Z' && proc_has_ended(pid))
		return TARGET_ZOMBIE;
	tracer = proc_tracer(pid);
	*ret_other = tracer;
	return tracer ? TARGET_TRACED : TARGET_FINE;
}

static long
yama_scope(void)
{
	_cleanup_buf_ struct buf scope = { 0 };

	if (fdio_read_whole(proc_dir(), "sys/kernel/yama/ptrace_scope", 16, &scope) < 0)
		return 0;
	return strtol(buf_str(&scope), NULL, 10);
}

enum target_refusal
target_explain(pid_t pid, int error, long *ret_other)
{
	enum target_refusal refusal = target_check(pid, ret_other);
	long uid;

	if (refusal != TARGET_FINE || error != EPERM)
		return refusal;
	uid = proc_uid(pid);
	*ret_other = uid;
	if (geteuid() != 0 && uid != (long)geteuid())
		return TARGET_FOREIGN;
	*ret_other = yama_scope();
	if (*ret_other)
		return TARGET_YAMA;
	return TARGET_UNDUMPABLE;
}
