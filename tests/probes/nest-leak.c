/* SPDX-License-Identifier: MIT */
/*
 * For LeakSanitizer, which stops all threads when the program ends: four of them open
 * files all the time, and with an argument something has leaked.  Ends with 77 when an
 * open fails.  "waits N" sleeps so many milliseconds first.
 */

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *
open_files(void *arg)
{
	for (;;) {
		int fd = open("/etc/hostname", O_RDONLY);

		if (fd < 0)
			_exit(77);
		close(fd);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	pthread_t threads[4];
	volatile char *lost;

	if (argc > 2)
		usleep((useconds_t)atoi(argv[2]) * 1000);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, open_files, NULL);
	usleep(2000);
	if (argc > 1 && !strcmp(argv[1], "leaks")) {
		lost = malloc(77);
		lost[0] = 1;
		lost = NULL;
	}
	puts("done");
	return 0;
}
