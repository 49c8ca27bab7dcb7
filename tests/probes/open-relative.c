/* SPDX-License-Identifier: MIT */
/*
 * Names files relative to the working directory, to a descriptor, and to both
 * after they moved; every call succeeds.
 *
 * open-relative DIR: an empty directory, which is not the working directory.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int
sure(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(1);
	}
	return result;
}

static void
make(int dir, const char *name)
{
	close(sure(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600), name));
}

int
main(int argc, char *argv[])
{
	int top, sub;

	if (argc != 2)
		return 2;
	top = sure(open(argv[1], O_RDONLY | O_DIRECTORY), "open");
	sure(mkdirat(top, "sub", 0700), "mkdirat");
	sub = sure(openat(top, "sub", O_RDONLY | O_DIRECTORY), "openat");
	make(top, "by-dirfd");
	make(sub, "../by-dirfd-dotdot");
	sure(chdir(argv[1]), "chdir");
	make(AT_FDCWD, "after-chdir");
	make(AT_FDCWD, "./sub//after-chdir-sub");
	sure(chdir("sub"), "chdir");
	make(AT_FDCWD, "after-chdir-twice");
	sure(fchdir(top), "fchdir");
	make(AT_FDCWD, "after-fchdir");
	sure(renameat(top, "after-fchdir", sub, "moved"), "renameat");
	sure(unlinkat(sub, "moved", 0), "unlinkat");
	/* a child has its own working directory, and takes nothing back with it */
	if (!fork()) {
		sure(fchdir(sub), "fchdir");
		make(AT_FDCWD, "in-child");
		_exit(0);
	}
	wait(NULL);
	make(AT_FDCWD, "in-parent");
	return 0;
}
