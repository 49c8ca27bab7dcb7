/* SPDX-License-Identifier: MIT */
/*
 * A little of everything that a tracer has to follow, one thing after the other, always the same
 *
 *	errand		makes "begun" first; prints "done" and ends with status 7
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* What went wrong natively already, by line. */
#define MUST(truth) ((truth) ? (void)0 : fail(__LINE__))

static void
fail(int line)
{
	printf("! line %d: %s\n", line, strerror(errno));
	exit(1);
}

static void
make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	MUST(fd >= 0);
	MUST(write(fd, "#!/bin/sh\n", 10) == 10);
	close(fd);
}

static void
names(void)
{
	struct stat st;
	char link_to[64];
	DIR *dir;
	int fd;

	MUST(mkdir("d", 0700) == 0);
	make("d/a");
	MUST(rename("d/a", "d/b") == 0);
	MUST(link("d/b", "d/c") == 0);
	MUST(symlink("b", "d/s") == 0);
	MUST(readlink("d/s", link_to, sizeof(link_to)) == 1);
	MUST(stat("d/s", &st) == 0);
	MUST(access("d/none", F_OK) < 0);
	MUST(chmod("d/b", 0755) == 0);
	dir = opendir("d");
	MUST(dir);
	while (readdir(dir))
		;
	fd = openat(dirfd(dir), "b", O_RDONLY | O_CLOEXEC);
	MUST(fd >= 0);
	close(fd);
	closedir(dir);
	MUST(chdir("d") == 0);
	MUST(access("c", R_OK) == 0);
	MUST(unlink("c") == 0);
	MUST(chdir("..") == 0);
}

static void
end_of(pid_t pid, int wanted)
{
	int status;

	MUST(pid > 0);
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

static void
children(void)
{
	char *const script[] = { "./d/b", NULL };
	pid_t pid = fork();

	if (!pid) {
		MUST(chdir("d") == 0);
		MUST(access("b", R_OK) == 0);
		_exit(3);
	}
	end_of(pid, 3);
	MUST(access("d/b", R_OK) == 0);
	pid = vfork();
	if (!pid) {
		access("in-vfork", F_OK);
		_exit(4);
	}
	end_of(pid, 4);
	MUST(access("after-vfork", F_OK) < 0);
	MUST(posix_spawn(&pid, script[0], NULL, NULL, script, environ) == 0);
	end_of(pid, 0);
}

static void *
thread(void *data)
{
	for (int i = 0; i < 3; i++)
		MUST(access(data, F_OK) < 0);
	return NULL;
}

static void
on_signal(int signal)
{
	(void)signal;
	access("in-handler", F_OK);
}

static void *
exec_thread(void *data)
{
	execl("/proc/self/exe", "errand", "last", NULL);
	return data;
}

int
main(int argc, char **argv)
{
	pthread_t t;

	(void)argv;
	if (argc > 1) {
		MUST(access("last", F_OK) < 0);
		puts("done");
		return 7;
	}
	make("begun");
	names();
	children();
	MUST(pthread_create(&t, NULL, thread, "in-thread") == 0);
	MUST(pthread_join(t, NULL) == 0);
	signal(SIGUSR1, on_signal);
	raise(SIGUSR1);
	MUST(access("after-handler", F_OK) < 0);
	MUST(pthread_create(&t, NULL, exec_thread, NULL) == 0);
	pthread_join(t, NULL);
	return 1;
}
