/* SPDX-License-Identifier: MIT */
/*
 * Opens files from threads and a child, with signals coming in; for sanitizers.
 *
 *	hazard-files DIR	0 when everything went as it should
 *	hazard-files DIR bug	and then a write behind the end of a block
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define FILES 50

static const char *dir;

static void
on_alarm(int signal)
{
	(void)signal;
	access("/", F_OK);
}

static void *
work(void *number)
{
	char name[4096];
	struct stat st;

	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(name, sizeof(name), "%s/f%d.%d", dir, (int)(long)number, i);
		fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);
		if (fd < 0 || close(fd) < 0 || stat(name, &st) < 0 || unlink(name) < 0)
			_exit(3);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	struct sigaction on = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 5000 }, { 0, 5000 } };
	pthread_t threads[THREADS];
	int status = -1;

	dir = argv[1];
	sigaction(SIGALRM, &on, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	for (long i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	if (fork() == 0) {
		work((void *)(long)THREADS);
		_exit(0);
	}
	while (wait(&status) < 0)
		;
	if (argc > 2) {
		volatile char *volatile block = malloc(10);

		block[atoi("10")] = 1;
		free((void *)block);
	}
	puts("done");
	return WEXITSTATUS(status);
}
