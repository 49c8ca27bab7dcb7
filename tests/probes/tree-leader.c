/* SPDX-License-Identifier: MIT */
/*
 * The first thread ends with status 7 while another goes on: it opens relative
 * names, then ends the process with 5 ("group"), or only itself with 9 ("last").
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool group;

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
go_on(void *unused)
{
	int dir;

	(void)unused;
	while (!leader_is_gone())
		usleep(200);
	syscall(SYS_open, "before", O_RDONLY);
	dir = (int)syscall(SYS_open, "d", O_RDONLY | O_DIRECTORY);
	syscall(SYS_openat, dir, "at", O_RDONLY);
	if (syscall(SYS_chdir, "d"))
		_exit(93);
	syscall(SYS_open, "new", O_WRONLY | O_CREAT, 0644);
	syscall(group ? SYS_exit_group : SYS_exit, group ? 5 : 9);
	return NULL;
}

int
main(int argc, char **argv)
{
	pthread_t thread;

	group = argc > 1 && !strcmp(argv[1], "group");
	if (pthread_create(&thread, NULL, go_on, NULL))
		return 91;
	syscall(SYS_exit, 7);
	return 94;
}
