/* SPDX-License-Identifier: MIT */
/*
 * Executes its arguments from the second on in a thread that is not the leader,
 * while others are busy opening files.  First argument: "plain", or "gone": the
 * leader has ended before.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINNERS 4

static bool leader_goes;
static char **program;
static pthread_barrier_t all_run;

static void *
spin(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&all_run);
	for (;;)
		syscall(SYS_open, "/whatfiles-probe/spin", O_RDONLY);
	return NULL;
}

static bool
leader_is_gone(void)
{
	char stat[256] = { 0 };
	int fd = open("/proc/self/stat", O_RDONLY);
	const char *state;

	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) <= 0)
		_exit(92);
	close(fd);
	state = strrchr(stat, ')');
	return state && state[2] == 'Z';
}

static void *
run(void *unused)
{
	(void)unused;
	pthread_barrier_wait(&all_run);
	while (leader_goes && !leader_is_gone())
		usleep(200);
	execv(program[0], program);
	_exit(93);
}

int
main(int argc, char **argv)
{
	pthread_t thread;

	if (argc < 3)
		return 90;
	leader_goes = !strcmp(argv[1], "gone");
	program = argv + 2;
	pthread_barrier_init(&all_run, NULL, SPINNERS + 2);
	for (int i = 0; i < SPINNERS; i++)
		if (pthread_create(&thread, NULL, spin, NULL))
			return 91;
	if (pthread_create(&thread, NULL, run, NULL))
		return 91;
	pthread_barrier_wait(&all_run);
	if (leader_goes)
		syscall(SYS_exit, 0);
	pause();
	return 94;
}
