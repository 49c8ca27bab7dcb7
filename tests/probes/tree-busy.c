/* SPDX-License-Identifier: MIT */
/*
 * A process with 50 threads, all opening files, ends by exit_group(3).  Its
 * parent prints for each thread its id and how many of its calls had returned.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT 50
#define ENOUGH 20

static volatile struct {
	pid_t tid;
	unsigned returned;
} * threads;

static void *
busy(void *arg)
{
	int i = (int)(intptr_t)arg;

	threads[i].tid = (pid_t)syscall(SYS_gettid);
	for (;;) {
		syscall(SYS_open, "/whatfiles-probe/busy", O_RDONLY);
		threads[i].returned++;
	}
	return NULL;
}

static void
work(void)
{
	pthread_t thread;

	for (intptr_t i = 0; i < COUNT; i++)
		if (pthread_create(&thread, NULL, busy, (void *)i))
			_exit(91);
	for (int i = 0; i < COUNT; i++)
		while (threads[i].returned < ENOUGH)
			usleep(100);
	syscall(SYS_exit_group, 3);
}

int
main(void)
{
	int status;
	pid_t pid;

	threads = mmap(NULL, COUNT * sizeof(*threads), PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (threads == MAP_FAILED)
		return 90;
	pid = fork();
	if (!pid)
		work();
	if (waitpid(pid, &status, 0) != pid || status != 3 << 8)
		return 92;
	for (int i = 0; i < COUNT; i++)
		printf("%d %u\n", (int)threads[i].tid, threads[i].returned);
	return 0;
}
