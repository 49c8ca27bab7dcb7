/* SPDX-License-Identifier: MIT */
/* An ordinary little program in plain libc calls, for every compiler and every libc. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
need(int ok, const char *what)
{
	if (!ok) {
		perror(what);
		exit(1);
	}
}

int
main(void)
{
	struct stat st;
	int status;
	pid_t pid;
	FILE *f;
	DIR *d;

	need(mkdir("d", 0755) == 0, "mkdir");
	f = fopen("d/new", "w");
	need(f && fputs("x", f) >= 0 && fclose(f) == 0, "fopen");
	need(stat("d/new", &st) == 0 && st.st_size == 1, "stat");
	need(access("d/none", F_OK) < 0, "access");
	need(rename("d/new", "d/other") == 0, "rename");
	need(chdir("d") == 0, "chdir");
	f = fopen("other", "r");
	need(f && fgetc(f) == 'x' && fclose(f) == 0, "fopen");
	d = opendir(".");
	need(d && readdir(d) && closedir(d) == 0, "opendir");
	pid = fork();
	if (!pid)
		_exit(unlink("other") == 0 ? 7 : 8);
	need(waitpid(pid, &status, 0) == pid && status == 7 << 8, "fork");
	need(chdir("..") == 0 && rmdir("d") == 0, "rmdir");
	return 5;
}
