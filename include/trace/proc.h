/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What /proc tells of a task
 *
 * Always asked of the calling thread: a leader that has ended has no cwd, root
 * or descriptors any more, while its threads go on (proc(5)).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

/* Opens /proc once, so that one descriptor serves everything; 0 or -errno. */
int proc_open(void);

/*
 * Puts what the link /proc/@tid/@name ("cwd", "root", "exe") means into @out,
 * emptied first.  0 or -errno.
 */
int proc_link(pid_t tid, const char *name, struct buf *out);

/* Likewise for the descriptor @fd. */
int proc_fd_link(pid_t tid, int fd, struct buf *out);

/* The task's thread group and its parent's; 0 or -errno. */
int proc_ids(pid_t tid, pid_t *ret_tgid, pid_t *ret_ppid);

/* Whether @tid is a thread of the process @tgid. */
bool proc_is_thread(pid_t tgid, pid_t tid);

/* The letter of the task's state, as in proc(5): 'R', 'Z', ...; 0 where it is gone. */
char proc_state(pid_t tid);

/* Whether a process has ended with all its threads, whose leader is a zombie. */
bool proc_has_ended(pid_t tgid);

/* The task's real user; -1 where it is gone. */
long proc_uid(pid_t tid);

/* Who traces the task, 0 for nobody or where it is gone. */
pid_t proc_tracer(pid_t tid);

/* Whether the task runs below a seccomp filter, whatever it is told of that. */
bool proc_is_filtered(pid_t tid);

/* Calls @each for every thread of the process, or for every process; 0 or -errno. */
int proc_threads(pid_t tgid, void (*each)(pid_t tid, void *data), void *data);
int proc_processes(void (*each)(pid_t pid, void *data), void *data);

/* Whether the task has a handler for @signal; false where nobody can tell. */
bool proc_catches(pid_t tid, int signal);

/* The arguments of its program, each ended by NUL; true if there were more than @limit bytes. */
bool proc_argv(pid_t tid, struct buf *out, size_t limit);

/*
 * Whether two tasks share what KCMP_FS, KCMP_VM, KCMP_FILES of kcmp(2) name;
 * @otherwise where the kernel does not say (built without it, or no permission).
 */
bool proc_shares(pid_t a, pid_t b, int what, bool otherwise);

/* What a descriptor of a task is, beside its name. */
struct fd_info {
	unsigned mode;	/* of its file, as in stat(2); 0 where that cannot be told */
	uint64_t flags; /* O_* */
};

/* 0 or -errno; -ENOENT when the task has no such descriptor. */
int proc_fd_info(pid_t tid, int fd, struct fd_info *ret);

/* Calls @each for every descriptor of the task, in their order; 0 or -errno. */
int proc_fds(pid_t tid, void (*each)(int fd, void *data), void *data);

/* The task's id in its own pid namespace, 0 where that is ours or nobody can tell. */
pid_t proc_inner_pid(pid_t tid);

/* The descriptor of /proc that proc_open() opened. */
int proc_dir(void);

/* Whether the descriptor @fd of @tid is a regular file. */
bool proc_fd_is_regular(pid_t tid, int fd);
