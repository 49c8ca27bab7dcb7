/* SPDX-License-Identifier: MIT */
/*
 * scale-threads COUNT: so many threads that live at once and each open /dev/null.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_barrier_t all_there;

static void *
thread(void *arg)
{
	pthread_barrier_wait(&all_there);
	close(open("/dev/null", O_RDONLY | O_CLOEXEC));
	return arg;
}

int
main(int argc, char **argv)
{
	unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 1;
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t small;

	if (!threads || pthread_attr_init(&small) ||
	    pthread_attr_setstacksize(&small, 64 * 1024) ||
	    pthread_barrier_init(&all_there, NULL, count))
		return 2;
	for (unsigned i = 0; i < count; i++)
		if (pthread_create(&threads[i], &small, thread, NULL)) {
			fprintf(stderr, "only %u threads\n", i);
			return 2;
		}
	for (unsigned i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("threads=%u\n", count);
	return 0;
}
