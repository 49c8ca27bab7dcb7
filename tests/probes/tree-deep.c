/* SPDX-License-Identifier: MIT */
/*
 * Goes by descriptor into a directory whose name is longer than any that the
 * kernel can tell, and makes a file there by a relative name.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(void)
{
	int top = open(".", O_PATH | O_DIRECTORY), deep;
	char step[201];

	memset(step, 'n', 200);
	step[200] = '\0';
	for (int i = 0; i < 30; i++)
		if (mkdir(step, 0755) || chdir(step))
			return 90;
	deep = open(".", O_PATH | O_DIRECTORY);
	if (deep < 0 || fchdir(top) || fchdir(deep))
		return 91;
	return syscall(SYS_open, "made-in-the-deep", O_WRONLY | O_CREAT, 0644) < 0;
}
