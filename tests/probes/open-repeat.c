/* SPDX-License-Identifier: MIT */
/*
 * Opens one file again and again with nothing in between, and deletes one that
 * is not there as often: equal calls in a row are calls all the same.
 *
 * open-repeat FILE COUNT PROCESSES THREADS: each of PROCESSES times THREADS.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *file;
static int count;

static void *
repeat(void *data)
{
	for (int i = 0; i < count; i++)
		close(open(file, O_RDONLY));
	for (int i = 0; i < count; i++)
		unlink("/nonexistent/name");
	return data;
}

static void
threads(int n)
{
	pthread_t ids[64];

	for (int i = 0; i < n; i++)
		if (pthread_create(&ids[i], NULL, repeat, NULL))
			abort();
	for (int i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
}

int
main(int argc, char *argv[])
{
	int processes, thread_count;

	if (argc != 5)
		return 2;
	file = argv[1];
	count = atoi(argv[2]);
	processes = atoi(argv[3]);
	thread_count = atoi(argv[4]);
	for (int i = 0; i < processes; i++) {
		if (fork())
			continue;
		threads(thread_count);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
