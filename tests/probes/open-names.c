/* SPDX-License-Identifier: MIT */
/*
 * Opens names that are not there, each of them another, so that each call is a
 * line of any log.
 *
 * open-names COUNT [WAIT]: prints "done"; with WAIT, then reads until it is told to go on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	int count = argc > 1 ? atoi(argv[1]) : 0;
	char name[64], byte;

	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "/nonexistent/name-%d", i);
		if (open(name, O_RDONLY) != -1 || errno != ENOENT)
			return 1;
	}
	if (write(STDOUT_FILENO, "done\n", 5) != 5)
		return 1;
	if (argc > 2)
		return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 1;
	return 0;
}
