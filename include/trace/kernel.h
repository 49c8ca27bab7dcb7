/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the ptrace loop asks of the kernel
 *
 * A table of functions, so that the loop can be driven by a made-up kernel in
 * tests.  Each returns 0 or more, or a negative errno; -ESRCH means that the
 * task is dying and is never an error: its end will be reported.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* How a stopped task goes on. */
enum resume {
	RESUME_CONT,	/* to the next event */
	RESUME_SYSCALL, /* also stop when the syscall returns */
	RESUME_LISTEN,	/* stay in a group-stop and report its end */
	RESUME_STEP,	/* one instruction */
	RESUME_EMULATE, /* to the next call, which is not made then */
	RESUME_EMULATE_STEP,
};

/* One syscall stop, with what matters of struct ptrace_syscall_info. */
struct syscall_stop {
	uint8_t op;    /* PTRACE_SYSCALL_INFO_* */
	uint32_t arch; /* AUDIT_ARCH_* */
	uint64_t ip, sp;
	uint64_t nr;
	uint64_t args[6];
	int64_t result;
};

struct kernel {
	/* A change of state of any tracee; tid, or 0 for none without @block. */
	pid_t (*wait)(bool block, int *ret_status);
	int (*resume)(pid_t tid, enum resume how, int signal);
	int (*syscall)(pid_t tid, struct syscall_stop *ret);
	int (*message)(pid_t tid, unsigned long *ret); /* PTRACE_GETEVENTMSG */
	/* At the entry of a call: it is not made, and answers ENOSYS. */
	int (*refuse)(pid_t tid);
	/* Likewise, and it returns @result. */
	int (*answer)(pid_t tid, int64_t result);
	/* At the entry of a call: gives it another first argument. */
	int (*set_arg)(pid_t tid, bool i386, uint64_t value);
	int (*interrupt)(pid_t tid); /* PTRACE_INTERRUPT */
	/* Any other request of ptrace(2) on a stopped task, as the raw call. */
	long (*request)(int request, pid_t tid, uint64_t addr, void *data);
	/* At a signal's delivery: whether the kernel sent it for what the task did. */
	bool (*is_fault)(pid_t tid);
	/* Lets it go on untraced, with @signal if it stopped for one and that is not 0. */
	int (*detach)(pid_t tid, int signal);
	int (*kill)(pid_t tgid, int signal);
	int (*signal)(pid_t tgid, pid_t tid, int signal); /* tgkill(2) */
	/*
	 * Makes waits that are so long return -EINTR, from now on; 0 ends that.
	 * Async-signal-safe.
	 */
	void (*interrupt_every)(unsigned milliseconds);
	uint64_t (*now)(void); /* CLOCK_MONOTONIC in ns */
	/*
	 * Makes waits return -EINTR from that time on, again and again; UINT64_MAX ends
	 * that.  Async-signal-safe.
	 */
	void (*wake_at)(uint64_t ns);
	/* Returns when we were continued; the terminal is @command's then, if it is ours. */
	void (*stop_self)(int signal, pid_t command);
};

/* The real one.  Only the thread that seized the first tracee may use it. */
extern const struct kernel kernel_real;

/*
 * Attaches to @tid with all options that the loop needs (ptrace(2), PTRACE_SEIZE); it
 * runs on.  @launched: it is to have our filter, and is lost without us.
 */
int kernel_seize(pid_t tid, bool launched);

/* The options with which it does (PTRACE_O_*). */
unsigned long kernel_options(bool launched);
