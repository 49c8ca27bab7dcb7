/* SPDX-License-Identifier: MIT */
#include "trace/calls.h"

#include "base/compiler.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/descriptors.h"
#include "trace/fast.h"
#include "trace/freeze.h"
#include "trace/guard.h"
#include "trace/nest-call.h"
#include "trace/nest.h"
#include "trace/places.h"
#include "trace/proc.h"
#include "trace/tracing.h"
#include <errno.h>
#include <linux/audit.h>
#include <stdio.h>
#include <sys/ptrace.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* Kernel-internal results of interrupted calls (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT */

/* How far before its end a call begins: sysenter's restart has a jump before it. */
#define CALL_LEN_MAX 16

/* Calls after which a handler that has not returned is taken to never do so. */
#define PATIENCE 1000

/* 32-bit calls have 32-bit arguments, whatever 64-bit code left above them. */
static void
cut_args(struct syscall_stop *stop)
{
	for (size_t i = 0; i < ARRAY_SIZE(stop->args); i++)
		stop->args[i] &= UINT32_MAX;
}

/* The call's ABI, and its number there; false for an ABI that we do not know. */
static bool
find_abi(struct syscall_stop *stop, enum abi *ret_abi, int *ret_nr)
{
	*ret_abi = ABI_X86_64;
	*ret_nr = (int)stop->nr;
	if (stop->arch == AUDIT_ARCH_I386) {
		*ret_abi = ABI_I386;
		cut_args(stop);
		return true;
	}
	if (stop->nr & X32_BIT) {
		*ret_abi = ABI_X32;
		*ret_nr = (int)(stop->nr & ~(uint64_t)X32_BIT);
	}
	return stop->arch == AUDIT_ARCH_X86_64;
}

static bool
is_sigreturn(enum abi abi, int nr)
{
	static const int16_t numbers[ABI_COUNT][2] = {
		[ABI_X86_64] = { 15, 15 },
		[ABI_I386] = { 119, 173 }, /* sigreturn and rt_sigreturn */
		[ABI_X32] = { 513, 513 },
	};

	return nr == numbers[abi][0] || nr == numbers[abi][1];
}

/*
 * An interrupted call ends in one of two ways.  The kernel makes it again, with
 * the same everything: when no handler ran, or one with SA_RESTART, which goes
 * back to the instruction of the call.  Or it fails with EINTR: the handler goes
 * back behind it, or never does (longjmp).  Calls that the handler itself makes
 * say nothing about it.
 */
static struct pending_call *
top_held(struct tracee *t)
{
	return t->held_count ? &t->held[t->held_count - 1] : NULL;
}

static void
end_held(struct tracing *tr, struct tracee *t)
{
	tracing_put(tr, capture_interrupted(&tr->capture, top_held(t)->record));
	t->held_count--;
}

void
calls_hold(struct tracing *tr, struct tracee *t)
{
	struct pending_call *held, swap;

	if (t->held_count == HELD_MAX)
		end_held(tr, t);
	held = &t->held[t->held_count++];
	swap = *held;
	*held = t->call;
	held->in_handler = false;
	held->calls_since = 0;
	/* its memory is used again, as the call's was */
	t->call = swap;
	t->call.active = false;
}

static void
settle_held(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	struct pending_call *held = top_held(t);
	bool same;

	if (!held)
		return;
	same = held->nr == stop->nr && held->ip == stop->ip && held->sp == stop->sp;
	if (same && !held->in_handler)
		t->held_count--;
	else if (same || !held->in_handler || ++held->calls_since > PATIENCE)
		end_held(tr, t);
}

static void
on_sigreturn(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop)
{
	struct pending_call *held = top_held(t);

	t->in_sigreturn = false;
	if (!held)
		return;
	if (stop->ip == held->ip)
		end_held(tr, t);
	else if (stop->ip < held->ip && held->ip - stop->ip <= CALL_LEN_MAX)
		held->in_handler = false;
}

void
calls_on_signal(struct tracing *tr, struct tracee *t, int signal)
{
	struct pending_call *held = top_held(t);

	if (held && proc_catches(t->tid, signal))
		held->in_handler = true;
	tracing_resume(tr, t, RESUME_CONT, signal);
}

/* ptrace(2), which is not the kernel's affair between tasks of ours. */
static bool
is_nested(const struct syscall_row *row, enum abi abi)
{
	return row->shape == SHAPE_PTRACE && abi == ABI_X86_64;
}

/* A call begins that we would like to see; it goes on when this returns. */
static void
enter(struct tracing *tr, struct tracee *t, const struct syscall_row *row, enum abi abi,
      struct syscall_stop *stop, bool at_seccomp)
{
	enum guard_verdict verdict = guard_entry(tr, t, row, abi, stop);
	enum resume how = RESUME_CONT;

	t->refuse = verdict == GUARD_REFUSE;
	if (verdict != GUARD_UNREMARKABLE &&
	    capture_entry(&tr->capture, t, row, abi, stop) == CAPTURE_FOLLOW)
		how = RESUME_SYSCALL;
	/*
	 * Not at the syscall stop: number -1 would go through a filter of the job's
	 * own, which may kill for what it does not know.  A supervisor of the job's
	 * may keep the seccomp stop from coming (USER_NOTIF) and let the call go on:
	 * then it shall fail for its first argument.
	 */
	if (t->refuse && at_seccomp)
		tr->kernel->refuse(t->tid);
	else if (t->refuse)
		tr->kernel->set_arg(t->tid, abi == ABI_I386, 0);
	else if (is_nested(row, abi) && (at_seccomp || tr->config.attach))
		nest_on_call(tr, t, stop);
	/* killed while it stood here: the kernel does not make the call any more */
	if (verdict != GUARD_WAIT && tracing_resume(tr, t, how, 0) == -ESRCH)
		t->call.active = false;
}

/*
 * A stop that another filter than ours asked for.  Without us nobody would
 * listen to it, and the kernel would answer ENOSYS (seccomp(2), RET_TRACE).
 */
static void
refuse_if_foreign(struct tracing *tr, struct tracee *t)
{
	unsigned long data;

	if (tr->kernel->message(t->tid, &data) == 0 && data != tr->config.mark &&
	    !nest_takes_seccomp(t))
		tr->kernel->refuse(t->tid);
}

/* A number that no table has: the result will tell whether the kernel knows it. */
static void
enter_unknown(struct tracing *tr, struct tracee *t, enum abi abi, int nr)
{
	t->unknown = syscall_is_unknown(abi, nr) && !tr->unknown_told[abi][nr]
			     ? (unsigned)nr | (unsigned)abi << 16
			     : 0;
	tracing_resume(tr, t, t->unknown ? RESUME_SYSCALL : RESUME_CONT, 0);
}

static void
return_unknown(struct tracing *tr, struct tracee *t, int64_t result)
{
	unsigned nr = t->unknown & UINT16_MAX;
	enum abi abi = t->unknown >> 16;
	char example[64];

	t->unknown = 0;
	if (result == -ENOSYS || tr->unknown_told[abi][nr])
		return;
	tr->unknown_told[abi][nr] = true;
	snprintf(example, sizeof(example), "unknown syscall %u (%s)", nr, abi_word(abi));
	tracing_put(tr, capture_gap(&tr->capture, t->tid, GAP_UNKNOWN_CALL, example));
}

/* Stopped at its entry before, and taken down there if it was of interest. */
static void
resume_entered(struct tracing *tr, struct tracee *t)
{
	const struct record *r = t->call.active ? t->call.record : NULL;
	struct syscall_stop stop;

	if (t->refuse)
		tr->kernel->refuse(t->tid);
	else if (r && is_nested(&syscall_rows[r->row], r->abi) &&
		 tr->kernel->syscall(t->tid, &stop) == 0)
		nest_on_call(tr, t, &stop);
	else
		refuse_if_foreign(tr, t);
	tracing_resume(tr, t, RESUME_SYSCALL, 0);
}

/*
 * False where @t is gone, or stands at a stop of which we have not heard: then another
 * thread has its id now, by execve(2), and will report that.
 */
static bool
is_at_call(struct tracing *tr, const struct tracee *t, struct syscall_stop *ret)
{
	return tr->kernel->syscall(t->tid, ret) == 0 &&
	       ret->op != PTRACE_SYSCALL_INFO_NONE;
}

void
calls_on_entry(struct tracing *tr, struct tracee *t)
{
	const struct syscall_row *row = NULL;
	bool known_abi, unlisted = false;
	struct syscall_stop stop;
	enum abi abi;
	int nr;

	if (t->entered) {
		resume_entered(tr, t);
		return;
	}
	if (!is_at_call(tr, t, &stop))
		return;
	known_abi = find_abi(&stop, &abi, &nr);
	if (known_abi)
		row = syscall_find(abi, nr);
	/* mmap stops for where it maps to as well (recorder/leave.h) */
	if (row && row->op == OP_MAP) {
		unlisted = true;
		if (!syscall_wanted(row, tr->config.classes, stop.args))
			row = NULL;
	}
	if ((!row || unlisted) && fast_unlisted(tr, t, &stop)) {
		t->swapped = true;
		tracing_resume(tr, t, RESUME_SYSCALL, 0);
	} else if (!row) {
		refuse_if_foreign(tr, t);
		if (known_abi)
			enter_unknown(tr, t, abi, nr);
		else
			tracing_resume(tr, t, RESUME_CONT, 0);
	} else if (tracing_is_launching(tr, t) && row->shape != SHAPE_EXEC) {
		tracing_resume(tr, t, RESUME_CONT, 0);
	} else {
		if (fast_entry(tr, t, row, abi, &stop) && freeze_begin(tr, t))
			return;
		settle_held(tr, t, &stop);
		enter(tr, t, row, abi, &stop, true);
	}
}

/* The entry of any call, for tracees that stop at every one. */
static void
on_any_entry(struct tracing *tr, struct tracee *t, struct syscall_stop *stop)
{
	const struct syscall_row *row = NULL;
	bool known_abi;
	enum abi abi;
	int nr;

	t->entered = true;
	known_abi = find_abi(stop, &abi, &nr);
	if (known_abi) {
		t->in_sigreturn = is_sigreturn(abi, nr);
		row = syscall_find(abi, nr);
	}
	if (!t->in_sigreturn)
		settle_held(tr, t, stop);
	if (t->nester || nest_watches(tr, t))
		nest_on_any_entry(tr, t, stop);
	if (row && syscall_wanted(row, tr->config.classes, stop->args) &&
	    !fast_is_recorded(tr, stop->ip))
		enter(tr, t, row, abi, stop, false);
	else if (known_abi)
		enter_unknown(tr, t, abi, nr);
	else
		tracing_resume(tr, t, RESUME_CONT, 0);
}

static void
on_return(struct tracing *tr, struct tracee *t, int64_t result)
{
	if (tracing_is_launching(tr, t)) {
		t->call.active = false;
	} else if (result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) {
		calls_hold(tr, t);
	} else {
		result = nest_on_return(tr, t, result);
		guard_return(tr, t, t->call.record, result);
		tracing_put(tr, capture_exit(&tr->capture, t, result));
		places_after(tr, t->call.record);
		descriptors_after(tr, t->call.record);
		t->call.active = false;
	}
}

void
calls_on_syscall(struct tracing *tr, struct tracee *t)
{
	struct syscall_stop stop;

	if (!is_at_call(tr, t, &stop))
		return;
	if (stop.op == PTRACE_SYSCALL_INFO_ENTRY) {
		on_any_entry(tr, t, &stop);
		return;
	}
	t->entered = t->refuse = false;
	if (t->nester)
		nest_on_any_return(tr, t, stop.result);
	if (t->swapped) {
		t->swapped = false;
		fast_returned(tr, t);
	}
	if (t->unknown && stop.op == PTRACE_SYSCALL_INFO_EXIT)
		return_unknown(tr, t, stop.result);
	if (t->in_sigreturn)
		on_sigreturn(tr, t, &stop);
	else if (t->call.active && stop.op == PTRACE_SYSCALL_INFO_EXIT)
		on_return(tr, t, stop.result);
	tracing_resume(tr, t, RESUME_CONT, 0);
}

void
calls_end(struct tracing *tr, struct tracee *t)
{
	while (t->held_count)
		end_held(tr, t);
	/* a command that never ran has done nothing */
	if (t->call.active && !tracing_is_launching(tr, t))
		tracing_put(tr, capture_unfinished(&tr->capture, t->call.record, false));
	t->call.active = false;
}
