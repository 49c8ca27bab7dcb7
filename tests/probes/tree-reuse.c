/* SPDX-License-Identifier: MIT */
/*
 * Makes many children one after the other that all have the same pid: child I
 * looks at /whatfiles-probe/I and ends with status I.  Prints the pid.
 */

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 100

static void
child(int i)
{
	char name[64];

	snprintf(name, sizeof(name), "/whatfiles-probe/%d", i);
	syscall(SYS_access, name, F_OK);
	_exit(i);
}

int
main(void)
{
	struct clone_args args = { .exit_signal = SIGCHLD };
	pid_t pid = 0, want;
	int status;

	for (int i = 0; i < COUNT; i++) {
		if (i) {
			want = pid;
			args.set_tid = (uint64_t)(uintptr_t)&want;
			args.set_tid_size = 1;
		}
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
		if (pid < 0)
			return errno == EPERM || errno == ENOSYS ? 77 : 90;
		if (!pid)
			child(i);
		if (waitpid(pid, &status, 0) != pid || status != i << 8)
			return 91;
	}
	printf("%d\n", (int)pid);
	return 0;
}
