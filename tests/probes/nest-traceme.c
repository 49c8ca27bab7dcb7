/* SPDX-License-Identifier: MIT */
/*
 * A child that wants to be traced by its parent: prints what it is told.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(void)
{
	pid_t pid = fork();

	if (!pid) {
		long r = ptrace(PTRACE_TRACEME, 0, 0, 0);

		printf("%s\n", r < 0 ? strerrorname_np(errno) : "traced");
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}
