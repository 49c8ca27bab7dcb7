/* SPDX-License-Identifier: MIT */
#pragma once

/* Statuses as wait(2) gives them for tracees that were seized (ptrace(2)). */

#include <signal.h>
#include <sys/ptrace.h>

#define EVENT(event) ((event) << 16 | SIGTRAP << 8 | 0x7f)
#define SYSCALL_STOP ((SIGTRAP | 0x80) << 8 | 0x7f)
#define SIGNAL_STOP(sig) ((sig) << 8 | 0x7f)
#define GROUP_STOP(sig) (PTRACE_EVENT_STOP << 16 | (sig) << 8 | 0x7f)
#define BIRTH EVENT(PTRACE_EVENT_STOP)
#define EXITED(code) ((code) << 8)
#define KILLED(sig) (sig)
