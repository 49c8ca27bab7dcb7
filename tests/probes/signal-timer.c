/* SPDX-License-Identifier: MIT */
/*
 * Counts the SIGALRMs of an interval timer while it opens a file over and over,
 * and ends when it has had ten: each must arrive, and once.
 *
 * signal-timer FILE: prints "10 signals, N opens".
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t got;

static void
on_alarm(int signal)
{
	(void)signal;
	got++;
}

int
main(int argc, char *argv[])
{
	struct itimerval often = { { 0, 10000 }, { 0, 10000 } };
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	long opens = 0;

	if (argc != 2)
		return 2;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	while (got < 10) {
		int fd = open(argv[1], O_RDONLY);

		opens += fd >= 0;
		close(fd);
	}
	often = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &often, NULL);
	printf("%d signals, %ld opens\n", (int)got, opens);
	return 0;
}
