/* SPDX-License-Identifier: MIT */
/*
 * Makes one child in the way that its argument says, and shows what the two
 * share: the child goes to another directory and opens one as descriptor 100,
 * then the parent opens a relative name and one at that descriptor.
 * Prints the child's pid.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STATUS 7
#define DIR_FD 100
#define CLONE3 (1ul << 40)  /* not a flag of the kernel: use clone3 */
#define VFORK (1ul << 41)   /* use vfork */
#define ORPHAN CLONE_PARENT /* not ours to wait for */

static const struct kind {
	const char *name;
	unsigned long flags;
	size_t size; /* of clone3's struct */
} kinds[] = {
	{ "fork", SIGCHLD, 0 },
	{ "vfork", SIGCHLD | VFORK, 0 },
	{ "silent", 0, 0 },
	{ "fs", CLONE_FS | SIGCHLD, 0 },
	{ "files", CLONE_FILES | SIGCHLD, 0 },
	{ "vm", CLONE_VM | SIGCHLD, 0 },
	{ "vm-fs-files", CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD, 0 },
	{ "parent", CLONE_PARENT | SIGCHLD, 0 },
	{ "untraced", CLONE_UNTRACED | SIGCHLD, 0 },
	{ "clone3-64", CLONE3, 64 },
	{ "clone3-88", CLONE3, 88 },
	{ "clone3-4096", CLONE3, 4096 },
	{ "clone3-fs", CLONE3 | CLONE_FS, 64 },
	{ "clone3-files", CLONE3 | CLONE_FILES, 64 },
	{ "clone3-vfork", CLONE3 | CLONE_VFORK, 64 },
};

static char stack[256 * 1024] __attribute__((aligned(16)));
static int ready[2];

static int
child(void *unused)
{
	(void)unused;
	syscall(SYS_access, "/whatfiles-probe/child", F_OK);
	if (syscall(SYS_chdir, "d") ||
	    dup2((int)syscall(SYS_open, "in-d", O_RDONLY | O_DIRECTORY), DIR_FD) < 0)
		_exit(90);
	syscall(SYS_open, "by-child", O_RDONLY);
	_exit(STATUS);
}

static pid_t
start(const struct kind *k)
{
	static uint64_t args[4096 / sizeof(uint64_t)];
	pid_t pid;

	if (k->flags & VFORK) {
		pid = vfork();
	} else if (k->flags & CLONE3) {
		struct clone_args *a = (struct clone_args *)args;

		a->flags = k->flags & ~CLONE3;
		a->exit_signal = SIGCHLD;
		pid = (pid_t)syscall(SYS_clone3, args, k->size);
	} else {
		return clone(child, stack + sizeof(stack), (int)k->flags, NULL);
	}
	if (!pid)
		child(NULL);
	return pid;
}

static void
wait_for(pid_t pid, const struct kind *k)
{
	int status;
	char byte;

	if (k->flags & ORPHAN) {
		/* nobody tells us; the pipe has no writer any more when it has ended */
		close(ready[1]);
		if (read(ready[0], &byte, 1) != 0)
			exit(93);
		return;
	}
	if (waitpid(pid, &status, __WALL) != pid || status != STATUS << 8)
		exit(94);
}

int
main(int argc, char **argv)
{
	const struct kind *k = kinds, *end = kinds + sizeof(kinds) / sizeof(*kinds);
	pid_t pid;

	while (argc > 1 && k < end && strcmp(k->name, argv[1]))
		k++;
	if (k == end || pipe(ready))
		return 91;
	pid = start(k);
	if (pid < 0)
		return 92;
	wait_for(pid, k);
	syscall(SYS_open, "by-parent", O_RDONLY);
	syscall(SYS_openat, DIR_FD, "at-descriptor", O_RDONLY);
	printf("%d\n", (int)pid);
	return 0;
}
