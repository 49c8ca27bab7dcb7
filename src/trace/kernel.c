/* SPDX-License-Identifier: MIT */
#include "trace/kernel.h"

#include "base/compiler.h"
#include "trace/stop.h"
#include "trace/waits.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* after <sys/ptrace.h>, whose enums it would clash with the other way round */
#include <linux/ptrace.h>

/*
 * A POSIX timer: its signals can be told from those of alarm(2), which somebody
 * may have set before our program began.  timer_settime is async-signal-safe.
 */
#define NS_PER_S 1000000000u

static timer_t interrupt_timer, wake_timer;
static bool has_timer, has_wake_timer;
static uint64_t wake_ns = UINT64_MAX;

/* How often somebody who is late is woken: just before he waits is no good time. */
#define WAKE_AGAIN_NS (20 * 1000 * 1000)

/* Also where our own parent ignores it: then the kernel would not send any. */
static void
hold_sigchld(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(SIGCHLD, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

unsigned long
kernel_options(bool launched)
{
	unsigned long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
				PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
				PTRACE_O_TRACEEXEC;

	/*
	 * EXITKILL because a RET_TRACE filter without a tracer makes every file call
	 * fail with ENOSYS (seccomp(2)): better no job than a broken one.  Somebody
	 * else's filter must go on to answer so, and somebody else's job to run.
	 */
	if (launched)
		options |= PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL;
	return options;
}

int
kernel_seize(pid_t tid, bool launched)
{
	struct sigevent alarm = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };

	hold_sigchld();
	if (!has_timer)
		has_timer = timer_create(CLOCK_MONOTONIC, &alarm, &interrupt_timer) == 0;
	if (!has_wake_timer)
		has_wake_timer = timer_create(CLOCK_MONOTONIC, &alarm, &wake_timer) == 0;
	return ptrace(PTRACE_SEIZE, tid, NULL, kernel_options(launched)) < 0 ? -errno : 0;
}

static pid_t
wait_any(bool block, int *ret_status)
{
	pid_t tid = waitpid(-1, ret_status, __WALL | (block ? 0 : WNOHANG));

	return tid < 0 ? -errno : tid;
}

static pid_t
wait_one(pid_t tid, int *ret_status)
{
	tid = waitpid(tid, ret_status, __WALL | WNOHANG);
	return tid < 0 ? -errno : tid;
}

static pid_t
next_sigchld(uint64_t ns)
{
	const struct timespec limit = { (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	if (sigtimedwait(&set, &info, &limit) < 0)
		return errno == EAGAIN ? 0 : -errno;
	return info.si_pid;
}

static uint64_t
real_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

static int
real_message(pid_t tid, unsigned long *ret)
{
	return ptrace(PTRACE_GETEVENTMSG, tid, NULL, ret) < 0 ? -errno : 0;
}

static pid_t
born_of(pid_t tid, int status)
{
	unsigned long child;

	if (stop_kind(status) != STOP_FORK || real_message(tid, &child) < 0)
		return 0;
	return (pid_t)child;
}

static const struct waits_kernel waits_kernel = { wait_any, wait_one, next_sigchld,
						  born_of, real_now };
static struct waits waits = { .kernel = &waits_kernel };

static pid_t
real_wait(bool block, int *ret_status)
{
	return waits_next(&waits, block, ret_status);
}

static int
real_resume(pid_t tid, enum resume how, int signal)
{
	static const enum __ptrace_request requests[] = {
		[RESUME_CONT] = PTRACE_CONT,
		[RESUME_SYSCALL] = PTRACE_SYSCALL,
		[RESUME_LISTEN] = PTRACE_LISTEN,
		[RESUME_STEP] = PTRACE_SINGLESTEP,
		[RESUME_EMULATE] = PTRACE_SYSEMU,
		[RESUME_EMULATE_STEP] = PTRACE_SYSEMU_SINGLESTEP,
	};

	return ptrace(requests[how], tid, NULL, (unsigned long)signal) < 0 ? -errno : 0;
}

static int
real_syscall(pid_t tid, struct syscall_stop *ret)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return -errno;
	ret->op = info.op;
	ret->arch = info.arch;
	ret->ip = info.instruction_pointer;
	ret->sp = info.stack_pointer;
	switch (info.op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
		ret->nr = info.entry.nr;
		memcpy(ret->args, info.entry.args, sizeof(ret->args));
		break;
	case PTRACE_SYSCALL_INFO_SECCOMP:
		ret->nr = info.seccomp.nr;
		memcpy(ret->args, info.seccomp.args, sizeof(ret->args));
		break;
	case PTRACE_SYSCALL_INFO_EXIT:
		ret->result = info.exit.rval;
		break;
	default:
		break;
	}
	return 0;
}

/* Registers of the tracee, in our own layout also where it is a 32-bit process. */
static int
poke(pid_t tid, size_t offset, uint64_t value)
{
	return ptrace(PTRACE_POKEUSER, tid, offset, value) < 0 ? -errno : 0;
}

#define REG(name) offsetof(struct user, regs.name)

static int
real_answer(pid_t tid, int64_t result)
{
	/* number -1 is no call at all: rax is what the process gets */
	int r = poke(tid, REG(orig_rax), (uint64_t)-1);

	return r < 0 ? r : poke(tid, REG(rax), (uint64_t)result);
}

static int
real_refuse(pid_t tid)
{
	return real_answer(tid, -ENOSYS);
}

static int
real_set_arg(pid_t tid, bool i386, uint64_t value)
{
	return poke(tid, i386 ? REG(rbx) : REG(rdi), value);
}

static int
real_interrupt(pid_t tid)
{
	return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) < 0 ? -errno : 0;
}

static long
real_request(int request, pid_t tid, uint64_t addr, void *data)
{
	long r = syscall(SYS_ptrace, request, tid, addr, data);

	return r < 0 ? -errno : r;
}

static bool
real_is_fault(pid_t tid)
{
	siginfo_t info;

	return ptrace(PTRACE_GETSIGINFO, tid, NULL, &info) == 0 && info.si_code > 0;
}

static int
real_detach(pid_t tid, int signal)
{
	return ptrace(PTRACE_DETACH, tid, NULL, (unsigned long)signal) < 0 ? -errno : 0;
}

static int
real_kill(pid_t tgid, int signal)
{
	return kill(tgid, signal) < 0 ? -errno : 0;
}

static int
real_signal(pid_t tgid, pid_t tid, int signal)
{
	return tgkill(tgid, tid, signal) < 0 ? -errno : 0;
}

static void
real_interrupt_every(unsigned milliseconds)
{
	const struct timespec t = { milliseconds / 1000,
				    milliseconds % 1000 * 1000 * 1000 };
	const struct itimerspec timer = { .it_interval = t, .it_value = t };

	if (has_timer)
		timer_settime(interrupt_timer, 0, &timer, NULL);
}

static void
set_timer(timer_t timer, uint64_t ns)
{
	struct itimerspec at = { 0 };

	if (ns != UINT64_MAX) {
		at.it_interval.tv_nsec = WAKE_AGAIN_NS;
		at.it_value.tv_sec = (time_t)(ns / NS_PER_S);
		/* a time of zero would mean never */
		at.it_value.tv_nsec = (long)(ns % NS_PER_S + !ns);
	}
	timer_settime(timer, TIMER_ABSTIME, &at, NULL);
}

static void
real_wake_at(uint64_t ns)
{
	wake_ns = ns;
	if (has_wake_timer)
		set_timer(wake_timer, ns);
}

/*
 * A shell that continues us gives the terminal to our process group.  A command
 * that is in another one, such as a shell, would be stopped at its next read.
 */
static void
give_terminal(pid_t command)
{
	_cleanup_fd_ int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	pid_t group = getpgid(command);

	if (tty >= 0 && group > 0 && group != getpgrp() && tcgetpgrp(tty) == getpgrp())
		tcsetpgrp(tty, group);
}

/* Whoever is stopped does not see time pass: a SIGCONT of our own wakes us (signal(7)). */
static bool
set_alarm_clock(timer_t *ret)
{
	struct sigevent alarm = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGCONT };

	if (wake_ns == UINT64_MAX || timer_create(CLOCK_MONOTONIC, &alarm, ret) < 0)
		return false;
	set_timer(*ret, wake_ns);
	return true;
}

static void
real_stop_self(int signal, pid_t command)
{
	struct sigaction stop = { .sa_handler = SIG_DFL }, old;
	timer_t clock;
	bool has_clock = set_alarm_clock(&clock);

	sigaction(signal, &stop, &old);
	raise(signal);
	sigaction(signal, &old, NULL);
	if (has_clock)
		timer_delete(clock);
	give_terminal(command);
}

const struct kernel kernel_real = {
	.wait = real_wait,
	.resume = real_resume,
	.syscall = real_syscall,
	.message = real_message,
	.refuse = real_refuse,
	.answer = real_answer,
	.set_arg = real_set_arg,
	.interrupt = real_interrupt,
	.request = real_request,
	.is_fault = real_is_fault,
	.detach = real_detach,
	.kill = real_kill,
	.signal = real_signal,
	.interrupt_every = real_interrupt_every,
	.now = real_now,
	.wake_at = real_wake_at,
	.stop_self = real_stop_self,
};
