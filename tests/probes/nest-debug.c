/* SPDX-License-Identifier: MIT */
/*
 * For a debugger: a function that is called three times, and files that are opened.
 */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int
twice(int x)
{
	return 2 * x;
}

int
main(void)
{
	int sum = 0;

	for (int i = 0; i < 3; i++) {
		sum += twice(i);
		close(open("/etc/hostname", O_RDONLY));
	}
	printf("sum %d\n", sum);
	return sum;
}
