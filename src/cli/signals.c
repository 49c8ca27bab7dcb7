/* SPDX-License-Identifier: MIT */
#include "cli/signals.h"

#include "base/compiler.h"
#include "base/fdio.h"
#include "trace/ending.h"
#include "trace/loop.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <time.h>

/* Those that ask a program to end: the record is not of a whole run then. */
static const int ending[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };

/*
 * Those that are not handed on: about ourselves (our own faults, our children,
 * our logs), or about us and the command alike (the terminal's stops, which the
 * loop follows when the command has stopped).
 */
static const int kept[] = { SIGKILL, SIGSTOP, SIGCONT, SIGCHLD, SIGSEGV, SIGBUS,
			    SIGILL,  SIGFPE,  SIGTRAP, SIGSYS,	SIGABRT, SIGPIPE,
			    SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU };

/* These go away unnoticed: a log's reader that left, a log's limit, a terminal. */
static const int ignored[] = { SIGPIPE, SIGXFSZ, SIGTSTP, SIGTTIN, SIGTTOU };

/* What our own timers' signals carry: the loop's only interrupts a wait. */
#define LEAVE_NOW 1

/* When we have been told to leave, how often the loop is told again. */
#define REMIND_NS (20 * 1000 * 1000)

static volatile sig_atomic_t first;
static volatile time_t first_time;
static enum signals_mode mode;
static uint64_t log_patience;

static bool
is_one_of(int signal, const int *set, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (set[i] == signal)
			return true;
	return false;
}

/* Another one to end, later: whoever is left has had its chance. */
static void
on_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	/* timeout(1) sends to us and to our group at once: that is still one */
	if (now.tv_sec - first_time >= 1)
		ending_kill_all();
}

static void
on_ending(int signal, bool from_kernel)
{
	struct timespec now;

	if (first) {
		if (!from_kernel)
			on_second();
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	first_time = now.tv_sec;
	first = signal;
	fdio_hurry((uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
		   log_patience);
	ending_asked();
	/* what comes from the terminal has reached the command without us */
	if (!from_kernel)
		ending_forward(signal);
}

static void
on_signal_without_command(int signal, const siginfo_t *info)
{
	bool timer = signal == SIGALRM && info->si_code == SI_TIMER;

	if (is_one_of(signal, ending, ARRAY_SIZE(ending)) ||
	    (timer && info->si_value.sival_int == LEAVE_NOW))
		loop_leave();
}

/* Async-signal-safe throughout (signal-safety(7)). */
static void
on_signal(int signal, siginfo_t *info, void *context)
{
	bool from_kernel = info->si_code == SI_KERNEL;
	int saved = errno;

	(void)context;
	if (mode == SIGNALS_TO_LEAVE)
		on_signal_without_command(signal, info);
	else if (is_one_of(signal, ending, ARRAY_SIZE(ending)))
		on_ending(signal, from_kernel);
	else if (signal == SIGALRM && info->si_code == SI_TIMER)
		; /* our own timer (struct kernel, interrupt_every and wake_at): it only interrupts */
	else if (!from_kernel || signal == SIGALRM || signal == SIGVTALRM ||
		 signal == SIGPROF)
		/* an alarm that was set before our program began is the command's */
		ending_forward(signal);
	errno = saved;
}

void
signals_install(enum signals_mode how, uint64_t patience)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO, .sa_sigaction = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;

	mode = how;
	log_patience = patience;
	sigfillset(&action.sa_mask);
	for (int signal = 1; signal <= SIGRTMAX; signal++) {
		if (is_one_of(signal, kept, ARRAY_SIZE(kept)))
			continue;
		/* nohup(1) and shells' background jobs ignore some: that stays */
		if (sigaction(signal, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(signal, &action, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		sigaction(ignored[i], &ignore, NULL);
	/* our own timer, also where the command's parent ignores alarms */
	sigaction(SIGALRM, &action, NULL);
}

void
signals_leave_after(uint64_t nanoseconds)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL,
				  .sigev_signo = SIGALRM,
				  .sigev_value.sival_int = LEAVE_NOW };
	const struct itimerspec after = {
		.it_value = { (time_t)(nanoseconds / 1000000000),
			      (long)(nanoseconds % 1000000000) },
		.it_interval = { 0, REMIND_NS },
	};
	timer_t timer;

	/* refused only where so many signals are pending already (timer_create(2)) */
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &after, NULL);
}

int
signals_received(void)
{
	return (int)first;
}

void
signals_restore(int signal)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t set;

	sigaction(signal, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, signal);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}
