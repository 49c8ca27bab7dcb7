/* SPDX-License-Identifier: MIT */
/*
 * Sets up an io_uring and prints whether the kernel did it.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(void)
{
	char params[256] = { 0 }; /* struct io_uring_params is smaller, and all zero */
	long fd = syscall(SYS_io_uring_setup, 4, params);

	puts(fd >= 0 ? "a ring" : strerror(errno));
	return 0;
}
