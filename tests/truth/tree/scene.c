/* SPDX-License-Identifier: MIT */
/*
 * An open that is interrupted by signals
 *
 * The handler makes calls of its own.  Whether the kernel has them before or
 * behind the call that it interrupted is seen by where it interrupted it.
 */
#include "scene.h"

#include "births.h"
#include "steps.h"
#include <asm/sigcontext.h>
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/signal.h>
#include <linux/time.h>

/* behind them, whose types it uses */
#include <asm-generic/ucontext.h>

#define EINTR 4
#define PATIENCE 20
#define S_IFIFO 0010000

/* struct sigaction as the kernel has it */
struct action {
	void (*handler)(int, void *, struct ucontext *);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

/* These are the scene's process' own. */
static struct task *task;
static char pipe_name[32];
static int ticks;
static long pause_us;

/* One signal, after a while that becomes longer: however slow we are, the call comes on. */
static void
set_timer(void)
{
	struct itimerval timer = { .it_value = { 0, pause_us } };

	RAW(__NR_setitimer, 0 /* ITIMER_REAL */, &timer, 0);
	if (pause_us < 100000)
		pause_us += pause_us / 2;
}

/* Whether the signal found the task right behind its call, which ended with EINTR. */
static bool
is_interrupted(const struct ucontext *context)
{
	const char *ip = (const char *)context->uc_mcontext.rip;

	return (ip == raw_call_made || ip == raw_int80_made) &&
	       (int)context->uc_mcontext.rax == -EINTR;
}

static bool
is_behind(const struct ucontext *context)
{
	const char *ip = (const char *)context->uc_mcontext.rip;

	return ip == raw_call_made || ip == raw_int80_made;
}

static void
tick(int signal, void *info, struct ucontext *context)
{
	struct record *r = task->current;
	int returned = task->returned;
	bool interrupted = !returned && is_interrupted(context);

	(void)signal;
	(void)info;
	if (r && !interrupted && (returned || is_behind(context)))
		account_order(r);
	simple_call(task, __NR_access, 33, "d0", 0);
	if (++ticks >= 3)
		simple_call_at(task, __NR_openat, 295, pipe_name, O_RDWR | O_NONBLOCK, 0);
	if (ticks > PATIENCE)
		RAW(__NR_exit_group, 122);
	/* where this handler returns to the call is over */
	if (r && interrupted)
		account_order(r);
	task->current = r;
	task->returned = returned;
	set_timer();
}

static void
listen(bool restarts)
{
	struct action action = { .handler = tick,
				 .flags = SA_SIGINFO | SA_RESTORER |
					  (restarts ? SA_RESTART : 0),
				 .restorer = raw_restorer };
	unsigned long mask = 1ul << (SIGALRM - 1);

	RAW(__NR_rt_sigaction, SIGALRM, &action, 0, sizeof(mask));
	RAW(__NR_rt_sigprocmask, SIG_UNBLOCK, &mask, 0, sizeof(mask));
}

static void
play(void *data)
{
	bool restarts;
	long fd;

	task = data;
	births_begin(task);
	restarts = pick(task, 2);
	put_number(put(pipe_name, "p-"), task->index);
	if (simple_call(task, __NR_mknod, 14, pipe_name, S_IFIFO | 0600) < 0)
		RAW(__NR_exit_group, 4);
	listen(restarts);
	pause_us = 200 + pick(task, 1000);
	set_timer();
	do
		fd = simple_call(task, __NR_open, 5, pipe_name, O_RDONLY);
	while (fd == -EINTR);
	pause_us = 0;
	set_timer();
	simple_call(task, __NR_unlink, 10, pipe_name, 0);
	RAW(__NR_exit_group, 5);
}

static void
sleep_us(long us)
{
	struct timespec time = { 0, us * 1000 };

	RAW(__NR_nanosleep, &time, 0);
}

void
step_interrupted(struct task *t)
{
	int pid;

	/* who may be ended at any moment could leave it stopped */
	if (t->crowded)
		return;
	pid = births_fork(t, play);
	if (pid <= 0)
		return;
	if (pick(t, 2)) {
		sleep_us(pick(t, 800));
		RAW(__NR_kill, pid, SIGSTOP);
		sleep_us(pick(t, 300));
		RAW(__NR_kill, pid, SIGCONT);
	}
	births_wait(t, pid);
}
