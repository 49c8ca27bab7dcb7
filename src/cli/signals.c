/* SPDX-License-Identifier: MIT */
#include "cli/signals.h"

#include "base/compiler.h"
#include "trace/loop.h"
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int handled[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };

static volatile sig_atomic_t first;
static volatile time_t first_time;

/* Async-signal-safe throughout (signal-safety(7)). */
static void
on_signal(int signal, siginfo_t *info, void *context)
{
	/* the kernel sends it to everybody at the terminal; the command has got it */
	bool from_terminal = info->si_code == SI_KERNEL;
	int saved = errno;
	struct timespec now;

	(void)context;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!first) {
		first = signal;
		first_time = now.tv_sec;
		if (!from_terminal)
			loop_forward(signal);
	} else if (!from_terminal && now.tv_sec - first_time >= 1) {
		/* timeout(1) sends to us and to our group at once: that is still one */
		loop_kill_all();
	}
	errno = saved;
}

/* Only interrupts the loop's wait (struct kernel, interrupt_every). */
static void
on_alarm(int signal)
{
	(void)signal;
}

void
signals_install(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	struct sigaction tick = { .sa_handler = on_alarm };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction old;

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++)
		sigaddset(&action.sa_mask, handled[i]);
	action.sa_sigaction = on_signal;
	for (size_t i = 0; i < ARRAY_SIZE(handled); i++) {
		/* nohup(1) and shells' background jobs ignore some: that stays */
		sigaction(handled[i], NULL, &old);
		if (old.sa_handler != SIG_IGN)
			sigaction(handled[i], &action, NULL);
	}
	sigaction(SIGALRM, &tick, NULL);
	/* a reader of our log that goes away must not end the command with us */
	sigaction(SIGPIPE, &ignore, NULL);
	sigaction(SIGXFSZ, &ignore, NULL);
	/* Ctrl-Z is the command's: the loop stops us when the command has stopped */
	sigaction(SIGTSTP, &ignore, NULL);
	sigaction(SIGTTOU, &ignore, NULL);
	sigaction(SIGTTIN, &ignore, NULL);
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
