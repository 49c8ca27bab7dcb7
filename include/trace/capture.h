/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Capture: what must be taken down at the moment of a call
 *
 * Names out of the task's memory, the directory behind a descriptor, whether
 * O_CREAT will make the file, the working directory after a chdir.  What these
 * mean is worked out later, off the job's path.
 */

#include "base/buf.h"
#include "model/event.h"
#include "model/record.h"
#include <stdbool.h>

struct syscall_row;
struct syscall_stop;
struct tracee;

struct capture {
	struct record_builder builder;
	struct buf scratch;
	char *name;	 /* room for one name and the byte that tells it is too long */
	bool resolve;	 /* tell which file was meant, too */
	uint64_t mnt_ns; /* ours */
};

enum capture_result {
	CAPTURE_FOLLOW, /* the result is wanted: stop when the call returns */
	CAPTURE_IGNORE, /* this call names no file */
};

void capture_init(struct capture *c, bool resolve);
void capture_done(struct capture *c);

/* An empty record of now; what is added to it stays the builder's. */
struct record *capture_begin(struct capture *c, enum record_kind kind, pid_t tid);

/* What a link of /proc says, as a field of the record; true when that is deleted. */
bool capture_add_link(struct capture *c, enum field_kind kind, pid_t tid,
		      const char *name);

/* Where relative names start and, if that is not ours, where absolute ones do. */
void capture_add_place(struct capture *c, pid_t tid);

/* The call's record as far as the entry tells it, into @tracee->call. */
enum capture_result capture_entry(struct capture *c, struct tracee *tracee,
				  const struct syscall_row *row, int abi,
				  const struct syscall_stop *stop);

/* Completes @tracee->call with its result; the record is valid until the next capture. */
const struct record *capture_exit(struct capture *c, struct tracee *tracee,
				  int64_t result);

/* The call ended with its process, or we @left it: no result will come. */
const struct record *capture_unfinished(struct capture *c, struct record *call,
					bool left);

/* A call that is whole, with its result, but was not put into the ring. */
const struct record *capture_again(struct capture *c, const struct record *call);

/* An interrupted call that returned EINTR to its process. */
const struct record *capture_interrupted(struct capture *c, struct record *call);

/* The exec stop: @tracee->call if it is an exec, else what /proc tells. */
const struct record *capture_exec(struct capture *c, struct tracee *tracee, pid_t former);

/* The task has the descriptor @fd by @call, or from its beginning when @call is NULL. */
const struct record *capture_descriptor(struct capture *c, pid_t tid, int fd,
					const struct record *call);

/* The command's first program begins. */
const struct record *capture_start(struct capture *c, pid_t tid);

/* Where the task is now. */
const struct record *capture_place(struct capture *c, pid_t tid);

/*
 * @child is new, made by @parent. @guessed: the kernel never said so, /proc did.
 * @look: its place may not be the parent's any more, which others can change.
 */
const struct record *capture_fork(struct capture *c, pid_t parent, pid_t child,
				  bool thread, bool guessed, bool look);

/* Something may be missing in the log, or not have been understood. */
const struct record *capture_gap(struct capture *c, pid_t tid, enum gap gap,
				 const char *example);

const struct record *capture_end(struct capture *c, pid_t tid, int status, bool known);
