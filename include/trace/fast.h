/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the loop tells the fast engine
 *
 * The loop knows nothing of how calls are recorded without a stop; it tells when
 * something happens that matters to whoever does, and asks about what it cannot
 * know.  Without a fast engine each of these does nothing.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fast;
struct kernel;
struct record;
struct space;
struct syscall_row;
struct syscall_stop;
struct tracee;
struct tracing;

/* How a task came to be. */
enum birth {
	BIRTH_FORK,
	BIRTH_VFORK,
	BIRTH_CLONE,
};

struct fast_ops {
	/* @former made an exec that succeeded and is @t now: its call, if it is known */
	const struct record *(*exec_call)(struct fast *f, pid_t former);
	/* @t stands at the start of a new image, which is told already. */
	void (*exec)(struct fast *f, struct tracing *tr, struct tracee *t);
	/* @child is new and has not run; @shares_vm: in @parent's memory. */
	void (*birth)(struct fast *f, struct tracee *parent, struct tracee *child,
		      enum birth how, bool shares_vm);
	/*
	 * @child is new and has not run, and whoever made it is dead: what is in its
	 * memory is known by looking there.
	 */
	void (*orphan)(struct fast *f, struct tracee *child);
	/* @child stands at its first stop and is about to run. */
	void (*first_run)(struct fast *f, struct tracee *child);
	/*
	 * A call of @row stopped at its entry; the place may be patched for the next
	 * time, and then @stop's ip says where the call will return to.  True when it
	 * should come again with all threads of the process standing still.
	 */
	bool (*entry)(struct fast *f, struct tracee *t, const struct syscall_row *row,
		      int abi, struct syscall_stop *stop);
	/*
	 * A call that is in no table stopped at its entry.  True when another one is
	 * made in its place: returned() is to be called when that returns.
	 */
	bool (*unlisted)(struct fast *f, struct tracee *t,
			 const struct syscall_stop *stop);
	void (*returned)(struct fast *f, struct tracee *t);
	/*
	 * A signal is about to be delivered; true when it is not meant for the task.  0:
	 * it was stopped wherever it ran.
	 */
	bool (*signal)(struct fast *f, struct tracing *tr, struct tracee *t, int signal);
	/* A filter of the job's own may see the calls of @t's memory from now on. */
	void (*hush)(struct fast *f, struct tracee *t);
	/* @t is gone. */
	void (*end)(struct fast *f, struct tracing *tr, struct tracee *t);
	/* Whether a call made from @ip is recorded by who made it. */
	bool (*is_recorded)(const struct fast *f, uint64_t ip);
};

/* The beginning of every fast engine. */
struct fast {
	const struct fast_ops *ops;
};

const struct record *fast_exec_call(struct tracing *tr, pid_t former);
void fast_exec(struct tracing *tr, struct tracee *t);
void fast_birth(struct tracing *tr, struct tracee *parent, struct tracee *child,
		enum birth how, bool shares_vm);
void fast_orphan(struct tracing *tr, struct tracee *child);
void fast_first_run(struct tracing *tr, struct tracee *child);
bool fast_entry(struct tracing *tr, struct tracee *t, const struct syscall_row *row,
		int abi, struct syscall_stop *stop);
bool fast_unlisted(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop);
void fast_returned(struct tracing *tr, struct tracee *t);
bool fast_signal(struct tracing *tr, struct tracee *t, int signal);
void fast_hush(struct tracing *tr, struct tracee *t);
void fast_end(struct tracing *tr, struct tracee *t);
bool fast_is_recorded(const struct tracing *tr, uint64_t ip);
