/* SPDX-License-Identifier: MIT */
/*
 * The init of a pid namespace runs into a fault of its own.  Argument: "segv",
 * "ill", "fpe", or "caught": there a handler ends it with status 5.  Prints how
 * its parent sees it end.
 */

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void
on_fault(int signal)
{
	(void)signal;
	_exit(5);
}

static void
fault(const char *how)
{
	volatile int zero = 0, one = 1;

	if (!strcmp(how, "caught"))
		signal(SIGSEGV, on_fault);
	open("/whatfiles-probe/init", O_RDONLY);
	if (!strcmp(how, "ill"))
		__builtin_trap();
	if (!strcmp(how, "fpe"))
		zero = one / zero;
	*(volatile int *)8 = zero;
}

int
main(int argc, char **argv)
{
	int status;

	if (argc < 2 || unshare(CLONE_NEWPID))
		return 77;
	if (!fork()) {
		/* which dies with its init */
		if (!fork())
			pause();
		fault(argv[1]);
	}
	wait(&status);
	printf("status %d signal %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1,
	       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return 0;
}
