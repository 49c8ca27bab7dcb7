/* SPDX-License-Identifier: MIT */
/*
 * Takes 1,000 queued signals while it opens files all the time; prints how many
 * came, and how many different ones.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 1000

static volatile sig_atomic_t came;
static volatile bool seen[COUNT];

static void
on_signal(int signal, siginfo_t *info, void *context)
{
	int i = info->si_value.sival_int;

	(void)signal;
	(void)context;
	came = came + 1;
	if (i >= 0 && i < COUNT)
		seen[i] = true;
}

static void
send_all(pid_t to)
{
	for (int i = 0; i < COUNT; i++) {
		union sigval value = { .sival_int = i };

		while (sigqueue(to, SIGRTMIN, value))
			if (errno != EAGAIN)
				_exit(90);
	}
	_exit(0);
}

int
main(void)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_RESTART };
	int status, different = 0;
	bool ended = false;
	pid_t pid;

	if (sigaction(SIGRTMIN, &action, NULL))
		return 91;
	pid = fork();
	if (!pid)
		send_all(getppid());
	/* all were queued once the sender has ended: the next call takes the last of them */
	for (int more = 10; more; more -= ended) {
		close((int)syscall(SYS_open, "/dev/null", O_RDONLY));
		if (!ended && waitpid(pid, &status, WNOHANG) == pid)
			ended = true;
	}
	for (int i = 0; i < COUNT; i++)
		different += seen[i];
	printf("%d %d\n", (int)came, different);
	return status;
}
