/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The process table
 *
 * A task is a thread; its member is the process (thread group) that it belongs
 * to; its place is the working directory and root, which tasks may share across
 * processes (CLONE_FS).  Task ids are reused by the kernel, so a process is known
 * by a serial number that never is.
 */

#include "model/event.h"
#include "model/seen.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct intern;
struct interned;

struct place {
	unsigned users;
	const struct interned *cwd;  /* absolute; NULL when not known */
	const struct interned *root; /* NULL when it is the same as ours */
	uint64_t mnt_ns; /* the mount namespace; 0 when it is ours, or not known */
	struct place *next, **link; /* all places, for renames of directories */
};

struct member {
	struct process process; /* what sinks see */
	struct seen seen;	/* accesses that were told already */
	struct task *tasks;	/* its live threads */
	int status;		/* the leader's, once it has ended */
	bool status_known;
};

struct task {
	pid_t tid;
	struct member *member;
	struct place *place;
	struct task *next, **link; /* threads of the same member */
};

struct tasks;

struct tasks *tasks_new(struct intern *names);

/* Frees the table and everybody in it; NULL is allowed. */
void tasks_free(struct tasks *t);

/* NULL when nobody alive has that id. */
struct task *tasks_find(const struct tasks *t, pid_t tid);

/*
 * A new process with one thread, @parent may be NULL.  A task that still had the
 * id is dropped: the kernel has given it away again.
 */
struct task *tasks_add_process(struct tasks *t, pid_t tid, const struct task *parent,
			       bool shares_place);

/* A new thread in @parent's process. */
struct task *tasks_add_thread(struct tasks *t, pid_t tid, struct task *parent,
			      bool shares_place);

/*
 * The thread @former of the process @tgid executes a program: all its other
 * threads are gone and it has the leader's id now.  Returns it, NULL if neither
 * was known.
 */
struct task *tasks_exec(struct tasks *t, pid_t tgid, pid_t former);

/*
 * The task has ended.  Returns its process when this was the last thread, to be
 * told and then freed with tasks_forget(); else NULL.
 */
struct member *tasks_exit(struct tasks *t, pid_t tid, int status, bool status_known);
void tasks_forget(struct member *m);

/* Any process that is still alive, NULL when there is none. */
struct member *tasks_any(const struct tasks *t);

/* Gives @task a place of its own, as unshare(CLONE_FS) does. */
void tasks_unshare_place(struct tasks *t, struct task *task);

/* The directory @from is @to now: every working directory and root below it follows. */
void tasks_renamed(struct tasks *t, const struct interned *from,
		   const struct interned *to);

uint64_t tasks_processes(const struct tasks *t); /* ever added */
uint64_t tasks_threads(const struct tasks *t);	 /* ever added beside the first ones */
