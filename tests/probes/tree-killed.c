/* SPDX-License-Identifier: MIT */
/*
 * Kills processes at any moment of their lives, as often as the second argument
 * says.  What they do meanwhile is the first: "fork" all the time, "open", make
 * "thread"s, "exec" themselves again.
 */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4

static char **self;

static void
work_fork(void)
{
	for (;;) {
		if (!fork()) {
			syscall(SYS_access, "/whatfiles-probe/orphan", F_OK);
			_exit(0);
		}
		/* a few at once, so that the machine does not fill */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

static void
work_open(void)
{
	for (;;)
		close((int)syscall(SYS_open, "made", O_WRONLY | O_CREAT, 0644));
}

static void *
thread(void *unused)
{
	syscall(SYS_access, "/whatfiles-probe/thread", F_OK);
	return unused;
}

static void
work_thread(void)
{
	pthread_t t[4];

	for (;;) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&t[i], NULL, thread, NULL))
				_exit(92);
		for (int i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
	}
}

static void
work_exec(void)
{
	execl("/proc/self/exe", self[0], "exec", "again", NULL);
	_exit(93);
}

static void
work(const char *what)
{
	if (!strcmp(what, "fork"))
		work_fork();
	if (!strcmp(what, "open"))
		work_open();
	if (!strcmp(what, "thread"))
		work_thread();
	work_exec();
}

static pid_t
start(const char *what)
{
	pid_t pid = fork();

	if (pid < 0)
		exit(94);
	if (!pid)
		work(what);
	return pid;
}

int
main(int argc, char **argv)
{
	pid_t workers[WORKERS];
	unsigned seed = 1;

	self = argv;
	if (argc < 3)
		return 90;
	if (!strcmp(argv[2], "again"))
		work_exec();
	/* orphans come to us: none may be left behind */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 91;
	for (int i = 0; i < WORKERS; i++)
		workers[i] = start(argv[1]);
	for (int i = 0; i < atoi(argv[2]); i++) {
		int victim = rand_r(&seed) % WORKERS, status;

		usleep((unsigned)rand_r(&seed) % 1500);
		kill(workers[victim], SIGKILL);
		if (waitpid(workers[victim], &status, 0) < 0 || !WIFSIGNALED(status))
			return 95;
		workers[victim] = start(argv[1]);
	}
	for (int i = 0; i < WORKERS; i++)
		kill(workers[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	return 0;
}
