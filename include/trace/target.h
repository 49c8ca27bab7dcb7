/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Targets: whether a process can be attached to, and if not, why
 *
 * The kernel says EPERM or ESRCH to everything; /proc knows more.
 */

#include <sys/types.h>

enum target_refusal {
	TARGET_FINE,	  /* as far as can be told without trying */
	TARGET_GONE,	  /* there is no such process */
	TARGET_THREAD,	  /* it is a thread: @other is its process */
	TARGET_OURSELVES, /* it is this process */
	TARGET_ANCESTOR,  /* it is whom we come from, and who waits for us */
	TARGET_KERNEL,	  /* a thread of the kernel: has no program */
	TARGET_ZOMBIE,	  /* has ended, and its parent has not noticed */
	TARGET_TRACED,	  /* somebody else, @other, traces it */
	/* the kernel refused: */
	TARGET_FOREIGN,	   /* it is another user's, @other, and we are not root */
	TARGET_YAMA,	   /* kernel.yama.ptrace_scope is @other */
	TARGET_UNDUMPABLE, /* it may not be looked at: set-uid, or by its own wish */
};

/* What can be told of @pid before it is tried. */
enum target_refusal target_check(pid_t pid, long *ret_other);

/* Why the kernel answered -@error to seizing @pid; TARGET_FINE where nobody can tell. */
enum target_refusal target_explain(pid_t pid, int error, long *ret_other);
