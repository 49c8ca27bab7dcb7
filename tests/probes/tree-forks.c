/* SPDX-License-Identifier: MIT */
/*
 * Several processes at once (first argument) that each make many children
 * (second): child I of process F looks at /whatfiles-probe/F-I and ends with
 * status I % 200.  With a third argument children are made by vfork, and each
 * tenth executes that program.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 8

static char *program[] = { NULL, "as", "child", NULL };

static void
child(int f, int i)
{
	char name[64];

	snprintf(name, sizeof(name), "/whatfiles-probe/%d-%d", f, i);
	syscall(SYS_access, name, F_OK);
	if (program[0] && i % 10 == 0)
		execv(program[0], program);
	_exit(i % 200);
}

static pid_t
start(int f, int i)
{
	pid_t pid = program[0] ? vfork() : fork();

	if (!pid)
		child(f, i);
	return pid;
}

static void
forker(int f, int count)
{
	int alive = 0;

	for (int i = 0; i < count; i++) {
		if (start(f, i) < 0)
			_exit(90);
		if (++alive == AT_ONCE && wait(NULL) > 0)
			alive--;
	}
	while (wait(NULL) > 0)
		;
	_exit(0);
}

int
main(int argc, char **argv)
{
	int status, result = 0;

	if (argc < 3)
		return 91;
	program[0] = argc > 3 ? argv[3] : NULL;
	for (int f = 0; f < atoi(argv[1]); f++) {
		pid_t pid = fork();

		if (pid < 0)
			return 92;
		if (!pid)
			forker(f, atoi(argv[2]));
	}
	while (wait(&status) > 0)
		result |= status;
	return result ? 93 : 0;
}
