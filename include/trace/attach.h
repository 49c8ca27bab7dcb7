/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Attaching to processes that run already
 *
 * All threads of each, and the same of their children, are seized, over and over until
 * nobody is left who was not: what a seized task makes is ours by itself.  Then all
 * are stopped for a moment, so that the record begins at one point of time, and so
 * that directories and descriptors are told as they are then.
 *
 * Nothing is put into a process.  It stops at the entry and the return of each call
 * of its, and is free when we are gone, however we go.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct tracee;
struct tracing;

struct seized {
	pid_t tid, tgid, ppid;
};

struct attach {
	struct seized *tasks; /* owned; a process's leader before its threads */
	size_t count;
	pid_t *refused; /* owned: children that could not be seized */
	size_t refused_count;
};

/*
 * Seizes @targets, which are processes, and their @children.  0, or a negative errno
 * with the one that could not be had in @ret_pid.  Only from the thread that will
 * run the loop; what was seized runs on until then.
 */
int attach_seize(struct attach *a, const pid_t *targets, size_t count, bool children,
		 pid_t *ret_pid);
void attach_done(struct attach *a);

/* Stops all that were seized, puts them into the record, and lets them go on. */
void attach_begin(struct tracing *tr, const struct attach *a);

/* Tells of a child whose parents ended before they could, as of somebody attached to. */
void attach_orphan(struct tracing *tr, const struct tracee *t);
