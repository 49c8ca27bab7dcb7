/* SPDX-License-Identifier: MIT */
#include "trace/calls.h"

#include "model/record.h"
#include "model/syscalls.h"
#include "trace/tracing.h"
#include <linux/audit.h>
#include <sys/ptrace.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* Kernel-internal results of interrupted calls (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT */

static const struct syscall_row *
find_row(const struct syscall_stop *stop, enum abi *ret_abi)
{
	*ret_abi = ABI_X86_64;
	if (stop->arch == AUDIT_ARCH_I386)
		*ret_abi = ABI_I386;
	else if (stop->arch != AUDIT_ARCH_X86_64)
		return NULL;
	else if (stop->nr & X32_BIT)
		*ret_abi = ABI_X32;
	return syscall_find(*ret_abi, (int)(stop->nr & ~(uint64_t)X32_BIT));
}

/*
 * A call that a signal interrupted is made again by the kernel itself, with the
 * same everything, unless a handler without SA_RESTART made it fail with EINTR.
 * Calls of the handler itself have a deeper stack: they say nothing about it.
 */
static void
settle_held(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	if (!t->held.active)
		return;
	if (t->held.nr == stop->nr && t->held.ip == stop->ip && t->held.sp == stop->sp) {
		t->held.active = false;
	} else if (stop->sp >= t->held.sp) {
		tracing_put(tr, capture_interrupted(&tr->capture, t->held.record));
		t->held.active = false;
	}
}

void
calls_on_entry(struct tracing *tr, struct tracee *t)
{
	const struct syscall_row *row;
	struct syscall_stop stop;
	enum resume how = RESUME_CONT;
	enum abi abi;

	if (tr->kernel->syscall(t->tid, &stop) < 0)
		return;
	row = find_row(&stop, &abi);
	if (row && (!tracing_is_launching(tr, t) || row->shape == SHAPE_EXEC)) {
		settle_held(tr, t, &stop);
		if (capture_entry(&tr->capture, t, row, abi, &stop) == CAPTURE_FOLLOW)
			how = RESUME_SYSCALL;
	}
	tracing_resume(tr, t, how, 0);
}

static void
on_return(struct tracing *tr, struct tracee *t, int64_t result)
{
	struct pending_call swap = t->held;

	if (tracing_is_launching(tr, t)) {
		t->call.active = false;
	} else if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) {
		t->held = t->call;
		t->call = swap;
		t->call.active = false;
	} else {
		tracing_put(tr, capture_exit(&tr->capture, t, result));
		t->call.active = false;
	}
}

void
calls_on_return(struct tracing *tr, struct tracee *t)
{
	struct syscall_stop stop;

	if (tr->kernel->syscall(t->tid, &stop) < 0)
		return;
	if (t->call.active && stop.op == PTRACE_SYSCALL_INFO_EXIT)
		on_return(tr, t, stop.result);
	tracing_resume(tr, t, RESUME_CONT, 0);
}

void
calls_end(struct tracing *tr, struct tracee *t)
{
	if (t->held.active)
		tracing_put(tr, capture_interrupted(&tr->capture, t->held.record));
	if (t->call.active)
		tracing_put(tr, capture_unfinished(&tr->capture, t->call.record));
	t->held.active = t->call.active = false;
}
