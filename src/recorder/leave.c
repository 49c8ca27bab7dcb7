/* SPDX-License-Identifier: MIT */
#include "recorder/leave.h"

#include "base/mem.h"
#include "recorder/workshop.h"
#include "trace/kernel.h"
#include "trace/tracee.h"
#include <linux/audit.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/user.h>

#define SYSCALL_LEN 2

bool
leave_is_reason(const struct syscall_stop *stop)
{
	if (stop->arch != AUDIT_ARCH_X86_64)
		return false;
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

/* Whether nobody but @t uses the recorder, and the call will not return into it. */
static bool
can_unmap(const struct tracee *t, const struct syscall_stop *stop)
{
	return t->space->users == 1 && !region_has(stop->ip);
}

bool
leave_begin(struct workshop *e, struct tracee *t, const struct syscall_stop *stop)
{
	uint64_t end = LAYOUT_SHARED + e->region.shared_size;
	struct user_regs_struct regs;

	if (!t->space || !t->space->fast || t->space->why == REASON_LIMIT)
		return false;
	workshop_evict(e, t, REASON_LIMIT);
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
