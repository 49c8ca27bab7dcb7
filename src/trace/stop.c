/* SPDX-License-Identifier: MIT */
#include "trace/stop.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#define SYSCALL_SIGNAL (SIGTRAP | 0x80) /* PTRACE_O_TRACESYSGOOD */

int
stop_signal(int status)
{
	return WSTOPSIG(status);
}

/* The signals whose default is to stop a process. */
static bool
is_stopping(int signal)
{
	return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN ||
	       signal == SIGTTOU;
}

enum stop_kind
stop_kind(int status)
{
	if (!WIFSTOPPED(status))
		return STOP_END;
	switch (status >> 16) {
	case 0:
		return WSTOPSIG(status) == SYSCALL_SIGNAL ? STOP_SYSCALL : STOP_SIGNAL;
	case PTRACE_EVENT_SECCOMP:
		return STOP_SECCOMP;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		return STOP_FORK;
	case PTRACE_EVENT_EXEC:
		return STOP_EXEC;
	case PTRACE_EVENT_STOP:
		return is_stopping(WSTOPSIG(status)) ? STOP_GROUP : STOP_BIRTH;
	default:
		return STOP_OTHER;
	}
}
