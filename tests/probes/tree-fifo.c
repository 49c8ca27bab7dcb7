/* SPDX-License-Identifier: MIT */
/*
 * An open that signals interrupt, twenty times, before somebody opens the other
 * end.  Prints how often it came back with EINTR.
 *
 *	restart   the handler has SA_RESTART: the program sees one call
 *	fail      it has not: each interruption is a call that failed, made again
 *	apart     likewise, with another call in between
 *	handler   restart, and the handler looks at a file
 *	stack     handler, on a stack above the interrupted call's
 *	inner     restart, and the handler opens a FIFO and is interrupted in it
 *	both      inner, but the outer call comes back with EINTR, as with apart
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMES 20

static struct {
	volatile int outer, inner; /* signals that were handled */
	volatile bool in_inner;
} * shared;

static bool looks, nests;

static void
on_outer(int signal)
{
	(void)signal;
	if (looks)
		syscall(SYS_access, "/whatfiles-probe/handler", F_OK);
	if (nests && !shared->in_inner) {
		shared->in_inner = true;
		close((int)syscall(SYS_open, "inner", O_RDONLY));
	}
	shared->outer++;
}

static void
on_inner(int signal)
{
	(void)signal;
	shared->inner++;
}

static void
wait_for(volatile int *counter, int value)
{
	while (*counter < value)
		usleep(100);
}

/* The other process: sends the signals, then opens the other end. */
static void
disturb(pid_t victim)
{
	for (int i = 0; i < TIMES; i++) {
		/* time to get into the call; were it not enough, nothing is interrupted */
		usleep(2000);
		kill(victim, SIGUSR1);
		if (nests && i == 0) {
			usleep(4000);
			kill(victim, SIGUSR2);
			wait_for(&shared->inner, 1);
			close(open("inner", O_WRONLY));
		}
		wait_for(&shared->outer, i + 1);
	}
	usleep(2000);
	close(open("fifo", O_WRONLY));
	_exit(0);
}

static void
handle(int signal, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	if (sigaction(signal, &action, NULL))
		exit(91);
}

/* Not inlined: its frame is below that of main, where the other stack is. */
__attribute__((noinline)) static int
open_until_it_works(bool apart)
{
	int failed = 0;

	while (syscall(SYS_open, "fifo", O_RDONLY) < 0) {
		if (errno != EINTR)
			exit(92);
		failed++;
		if (apart)
			syscall(SYS_access, "/whatfiles-probe/apart", F_OK);
	}
	return failed;
}

int
main(int argc, char **argv)
{
	char other[64 * 1024];
	const char *mode = argc > 1 ? argv[1] : "";
	bool both = !strcmp(mode, "both"), apart = both || !strcmp(mode, "apart");
	bool above = !strcmp(mode, "stack");
	stack_t stack = { .ss_sp = other, .ss_size = sizeof(other) };
	int flags = SA_RESTART, status, failed;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || mkfifo("fifo", 0600) || mkfifo("inner", 0600))
		return 90;
	looks = above || !strcmp(mode, "handler");
	nests = both || !strcmp(mode, "inner");
	if (apart || !strcmp(mode, "fail"))
		flags = 0;
	if (above && sigaltstack(&stack, NULL))
		return 93;
	handle(SIGUSR1, on_outer, flags | (above ? SA_ONSTACK : 0));
	handle(SIGUSR2, on_inner, SA_RESTART);
	pid = fork();
	if (!pid)
		disturb(getppid());
	failed = open_until_it_works(apart);
	if (waitpid(pid, &status, 0) != pid || status)
		return 94;
	printf("%d\n", failed);
	return 0;
}
