/* SPDX-License-Identifier: MIT */
#include "recorder/leave.h"

#include "base/mem.h"
#include "recorder/workshop.h"
#include "trace/kernel.h"
#include "trace/tracee.h"
#include <linux/audit.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/user.h>

#define SYSCALL_LEN 2

/* Whether [@at, @at + @len) and the recorder's memory have a page in common. */
static bool
meets_ours(const struct workshop *e, uint64_t at, uint64_t len)
{
	return at < LAYOUT_SHARED + e->region.shared_size && len &&
	       (len > LAYOUT_CODE || at + len > LAYOUT_CODE);
}

/* Whether the call puts other memory where ours is, or takes ours away. */
static bool
is_taker(const struct workshop *e, const struct syscall_stop *stop)
{
	const uint64_t *args = stop->args;

	switch (stop->nr) {
	case SYS_munmap:
		return meets_ours(e, args[0], args[1]);
	case SYS_mmap:
		return args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE) &&
		       meets_ours(e, args[0], args[1]);
	case SYS_mremap:
		return args[3] & MREMAP_FIXED && meets_ours(e, args[4], args[2]);
	case SYS_shmat:
		/* how long it is, the call does not say */
		return args[2] & SHM_REMAP && meets_ours(e, args[1], LAYOUT_CODE);
	default:
		return false;
	}
}

/* Whether the call sets a limit that counts our memory. */
static bool
is_limit(const struct syscall_stop *stop)
{
	switch (stop->nr) {
	case SYS_mlockall:
		return true;
	case SYS_setrlimit:
		return (uint32_t)stop->args[0] == RLIMIT_AS;
	case SYS_prlimit64:
		/* without a new limit it only asks */
		return (uint32_t)stop->args[1] == RLIMIT_AS && stop->args[2];
	default:
		return false;
	}
}

bool
leave_is_reason(const struct workshop *e, const struct syscall_stop *stop,
		enum stop_reason *ret)
{
	if (stop->arch != AUDIT_ARCH_X86_64)
		return false;
	*ret = is_limit(stop) ? REASON_LIMIT : REASON_TAKEN;
	return *ret == REASON_LIMIT || is_taker(e, stop);
}

/* Whether nobody but @t uses the recorder, and the call will not return into it. */
static bool
can_unmap(const struct tracee *t, const struct syscall_stop *stop)
{
	return t->space->users == 1 && !region_has(stop->ip);
}

bool
leave_begin(struct workshop *e, struct tracee *t, const struct syscall_stop *stop,
	    enum stop_reason why)
{
	uint64_t end = LAYOUT_SHARED + e->region.shared_size;
	struct user_regs_struct regs;

	if (!t->space || !t->space->fast || t->space->why == REASON_LIMIT ||
	    t->space->why == REASON_TAKEN)
		return false;
	workshop_evict(e, t, why);
	if (!can_unmap(t, stop) || ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) < 0)
		return false;
	free(t->space->saved);
	t->space->saved = mem_zero(1, sizeof(regs));
	*t->space->saved = regs;
	regs.orig_rax = SYS_munmap;
	regs.rdi = LAYOUT_CODE;
	regs.rsi = (end - LAYOUT_CODE + 4095) & ~(uint64_t)4095;
	return ptrace(PTRACE_SETREGS, t->tid, NULL, &regs) == 0;
}

void
leave_done(struct tracee *t)
{
	struct user_regs_struct *regs = t->space ? t->space->saved : NULL;

	if (!regs)
		return;
	t->space->fast = false;
	/* the call itself, from its instruction on */
	regs->rax = regs->orig_rax;
	regs->orig_rax = (unsigned long long)-1;
	regs->rip -= SYSCALL_LEN;
	ptrace(PTRACE_SETREGS, t->tid, NULL, regs);
	free(regs);
	t->space->saved = NULL;
}
