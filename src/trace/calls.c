/* SPDX-License-Identifier: MIT */
#include "trace/calls.h"

#include "model/record.h"
#include "model/syscalls.h"
#include "trace/filter.h"
#include "trace/guard.h"
#include "trace/tracing.h"
#include <linux/audit.h>
#include <sys/ptrace.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* Kernel-internal results of interrupted calls (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT */

static bool
find_abi(const struct syscall_stop *stop, enum abi *ret)
{
	*ret = ABI_X86_64;
	if (stop->arch == AUDIT_ARCH_I386)
		*ret = ABI_I386;
	else if (stop->arch == AUDIT_ARCH_X86_64 && stop->nr & X32_BIT)
		*ret = ABI_X32;
	return stop->arch == AUDIT_ARCH_I386 || stop->arch == AUDIT_ARCH_X86_64;
}

static bool
is_sigreturn(const struct syscall_stop *stop, enum abi abi)
{
	static const int16_t numbers[ABI_COUNT][2] = {
		[ABI_X86_64] = { 15, 15 },
		[ABI_I386] = { 119, 173 }, /* sigreturn and rt_sigreturn */
		[ABI_X32] = { 513, 513 },
	};
	int nr = (int)(stop->nr & ~(uint64_t)X32_BIT);

	return nr == numbers[abi][0] || nr == numbers[abi][1];
}

/*
 * An interrupted call is made again by the kernel itself, with the same
 * everything, unless a handler without SA_RESTART makes it fail with EINTR.
 * Where a handler ran, the end of it tells (on_sigreturn); where none ran, the
 * next call is the same one.  Calls of the handler itself have a deeper stack:
 * they say nothing about it.
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

/* A handler has ended and the process goes on behind the call: that was EINTR. */
static void
on_sigreturn(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	t->in_sigreturn = false;
	if (!t->held.active || t->held.ip != stop->ip)
		return;
	tracing_put(tr, capture_interrupted(&tr->capture, t->held.record));
	t->held.active = false;
}

/* A call begins that we would like to see; it goes on when this returns. */
static void
enter(struct tracing *tr, struct tracee *t, const struct syscall_row *row, enum abi abi,
      const struct syscall_stop *stop)
{
	enum guard_verdict verdict = guard_entry(tr, t, row, abi, stop);
	enum resume how = RESUME_CONT;

	if (verdict != GUARD_UNREMARKABLE &&
	    capture_entry(&tr->capture, t, row, abi, stop) == CAPTURE_FOLLOW)
		how = RESUME_SYSCALL;
	if (verdict != GUARD_WAIT)
		tracing_resume(tr, t, how, 0);
}

/*
 * A stop that another filter than ours asked for.  Without us nobody would
 * listen to it, and the kernel would answer ENOSYS (seccomp(2), RET_TRACE).
 */
static void
refuse_if_foreign(struct tracing *tr, struct tracee *t)
{
	unsigned long data;

	if (tr->kernel->message(t->tid, &data) == 0 && data != FILTER_TRACE_DATA)
		tr->kernel->refuse(t->tid);
}

void
calls_on_entry(struct tracing *tr, struct tracee *t)
{
	const struct syscall_row *row = NULL;
	struct syscall_stop stop;
	enum abi abi;

	/* stopped at its entry before, and taken down there */
	if (t->call.active || t->every) {
		if (t->every)
			refuse_if_foreign(tr, t);
		tracing_resume(tr, t, RESUME_SYSCALL, 0);
		return;
	}
	if (tr->kernel->syscall(t->tid, &stop) < 0)
		return;
	if (find_abi(&stop, &abi))
		row = syscall_find(abi, (int)(stop.nr & ~(uint64_t)X32_BIT));
	if (!row) {
		refuse_if_foreign(tr, t);
		tracing_resume(tr, t, RESUME_CONT, 0);
	} else if (tracing_is_launching(tr, t) && row->shape != SHAPE_EXEC) {
		tracing_resume(tr, t, RESUME_CONT, 0);
	} else {
		settle_held(tr, t, &stop);
		enter(tr, t, row, abi, &stop);
	}
}

/* The entry of any call, for tracees that stop at every one. */
static void
on_any_entry(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	const struct syscall_row *row = NULL;
	enum abi abi;

	if (find_abi(stop, &abi)) {
		t->in_sigreturn = is_sigreturn(stop, abi);
		row = syscall_find(abi, (int)(stop->nr & ~(uint64_t)X32_BIT));
	}
	if (!t->in_sigreturn)
		settle_held(tr, t, stop);
	if (row && syscall_wanted(row, tr->config.classes, stop->args))
		enter(tr, t, row, abi, stop);
	else
		tracing_resume(tr, t, RESUME_CONT, 0);
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
		guard_return(tr, t, t->call.record, result);
		tracing_put(tr, capture_exit(&tr->capture, t, result));
		t->call.active = false;
	}
}

void
calls_on_syscall(struct tracing *tr, struct tracee *t)
{
	struct syscall_stop stop;

	if (tr->kernel->syscall(t->tid, &stop) < 0)
		return;
	if (stop.op == PTRACE_SYSCALL_INFO_ENTRY) {
		on_any_entry(tr, t, &stop);
		return;
	}
	if (t->in_sigreturn)
		on_sigreturn(tr, t, &stop);
	else if (t->call.active && stop.op == PTRACE_SYSCALL_INFO_EXIT)
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
