/* SPDX-License-Identifier: MIT */
/*
 * Makes a child with CLONE_UNTRACED, by the call that its argument names, which
 * opens a file.  Prints what the child found, or why there is none.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define FLAGS (CLONE_UNTRACED | SIGCHLD)

/* clone(2), by hand; *@ret_flags is what stands in the first argument's register then. */
static long
clone_by_hand(unsigned long *ret_flags)
{
	register long r10 __asm__("r10") = 0, r8 __asm__("r8") = 0;
	unsigned long flags = FLAGS;
	long pid;

	__asm__ volatile("syscall"
			 : "=a"(pid), "+D"(flags)
			 : "0"(SYS_clone), "S"(0), "d"(0), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	*ret_flags = flags;
	return pid;
}

int
main(int argc, char **argv)
{
	struct clone_args args = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	unsigned long flags = FLAGS;
	long pid;
	int status;

	if (argc < 2)
		return 90;
	pid = strcmp(argv[1], "clone3") ? clone_by_hand(&flags)
					: syscall(SYS_clone3, &args, sizeof(args));
	if (pid < 0) {
		puts(strerror(errno));
		return 0;
	}
	if (pid == 0)
		_exit(open("/whatfiles-probe/untraced", O_RDONLY) < 0 ? errno : 0);
	waitpid((pid_t)pid, &status, __WALL);
	printf("%s, register %s\n", strerror(WEXITSTATUS(status)),
	       flags == FLAGS ? "kept" : "changed");
	return 0;
}
