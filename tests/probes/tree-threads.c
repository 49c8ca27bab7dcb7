/* SPDX-License-Identifier: MIT */
/*
 * Threads that leave the common working directory by unshare(CLONE_FS), and the
 * threads and children that these make: each opens a name of its own, relative.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 8

static void
open_name(const char *what, int i)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-%d", what, i);
	syscall(SYS_open, name, O_RDONLY);
}

static void *
inner(void *arg)
{
	open_name("inner", (int)(intptr_t)arg);
	return NULL;
}

/* The odd ones go their own way. */
static void *
outer(void *arg)
{
	int i = (int)(intptr_t)arg, status;
	pthread_t thread;
	char dir[16];
	pid_t pid;

	snprintf(dir, sizeof(dir), "dir-%d", i);
	if (i % 2 && (unshare(CLONE_FS) || chdir(dir)))
		exit(90);
	open_name("outer", i);
	if (pthread_create(&thread, NULL, inner, arg) || pthread_join(thread, NULL))
		exit(91);
	pid = fork();
	if (!pid) {
		open_name("child", i);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(92);
	return NULL;
}

int
main(void)
{
	pthread_t threads[COUNT];

	for (intptr_t i = 0; i < COUNT; i++)
		if (pthread_create(&threads[i], NULL, outer, (void *)i))
			return 93;
	for (int i = 0; i < COUNT; i++)
		pthread_join(threads[i], NULL);
	open_name("main", 0);
	if (chdir("dir-0"))
		return 94;
	open_name("main", 1);
	return 0;
}
