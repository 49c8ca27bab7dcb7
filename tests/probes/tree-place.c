/* SPDX-License-Identifier: MIT */
/*
 * One thread changes the working directory all the time, the other makes children:
 * each opens a relative name.  Prints each child's pid and where it was.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILDREN 100

static volatile int over;
static char places[2][4096];

static void *
wander(void *unused)
{
	for (unsigned i = 0; !over; i++)
		if (chdir(places[i % 2]))
			exit(90);
	return unused;
}

static void
child(void)
{
	char here[4096];

	if (!getcwd(here, sizeof(here)))
		_exit(91);
	open("here", O_RDONLY);
	_exit(!strcmp(here, places[1]));
}

int
main(void)
{
	pthread_t thread;
	char start[4000];
	int status;

	if (!getcwd(start, sizeof(start)))
		return 92;
	for (int i = 0; i < 2; i++) {
		snprintf(places[i], sizeof(places[i]), "%s/%d", start, i);
		if (mkdir(places[i], 0755))
			return 93;
	}
	if (chdir(places[0]) || pthread_create(&thread, NULL, wander, NULL))
		return 94;
	for (int i = 0; i < CHILDREN; i++) {
		pid_t pid = fork();

		if (!pid)
			child();
		if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
			return 95;
		printf("%d %s\n", (int)pid, places[WEXITSTATUS(status)]);
	}
	over = 1;
	return pthread_join(thread, NULL);
}
