/* SPDX-License-Identifier: MIT */
/*
 * Shows calls whose name, or whose descriptor, is changed by another thread while
 * they are on their way.
 *
 *	path-race open PREFIX	opens PREFIX.A or PREFIX.B, and prints which it was
 *	path-race unlink PREFIX	tries to remove them
 *	path-race dup FILE OTHER	opens FILE, while a thread puts OTHER in its place
 *	path-race moved DIR	opens DIR/f, while a thread moves it to and fro
 *	path-race quiet DIR	opens files of DIR in many ways, and nobody changes any
 */

#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROUNDS 1500

static volatile char name[4096];
static volatile size_t last;
static atomic_bool over;
static int other;

static void *
flip(void *unused)
{
	(void)unused;
	while (!over) {
		name[last] ^= 'A' ^ 'B';
		for (volatile int i = 0; i < 50; i++)
			;
	}
	return NULL;
}

static void *
put_over(void *unused)
{
	(void)unused;
	while (!over)
		dup2(other, 100);
	return NULL;
}

static void *
move(void *unused)
{
	(void)unused;
	while (!over) {
		rename("f", "g");
		rename("g", "f");
	}
	return NULL;
}

static void *
idle(void *unused)
{
	(void)unused;
	while (!over)
		usleep(1000);
	return NULL;
}

static void
open_either(void)
{
	struct stat a, st;
	char first[4096];
	int fd;

	memcpy(first, (char *)name, sizeof(first));
	first[last] = 'A';
	stat(first, &a);
	for (int i = 0; i < ROUNDS; i++) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
		if (fd < 0 || fstat(fd, &st))
			exit(1);
		putchar(st.st_ino == a.st_ino ? 'A' : 'B');
		close(fd);
	}
}

static void
unlink_either(void)
{
	for (int i = 0; i < ROUNDS; i++)
		syscall(SYS_rmdir, name);
}

static void
open_at_100(const char *file)
{
	for (int i = 3; i < 100; i++)
		if (fcntl(i, F_GETFD) < 0)
			dup2(other, i);
	for (int i = 0; i < ROUNDS; i++) {
		int fd;

		close(100);
		fd = open(file, O_RDONLY);
		if (fd != 100 && fd >= 0)
			close(fd);
	}
}

static void
open_moved(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		int fd = open("f", O_RDONLY);

		if (fd >= 0)
			close(fd);
	}
}

static void
must(int fd)
{
	if (fd < 0) {
		perror("open");
		exit(1);
	}
}

static void
open_many_ways(void)
{
	struct open_how in_root = { .resolve = RESOLVE_IN_ROOT };
	char text[64], here[4096];
	int dir, fd;

	must(mkdir("d", 0755));
	must(fd = open("d/f", O_RDWR | O_CREAT, 0644));
	must(symlink("d", "link"));
	must(symlink("d/f", "file-link"));
	must(symlink("/d", "d/up"));
	must(symlink("/proc/self/status", "own"));
	must(dir = open("d", O_RDONLY | O_DIRECTORY));
	must(open("link/f", O_RDONLY));
	must(open("file-link", O_RDONLY));
	must(open("link/../d/f", O_RDONLY));
	must(open("d/../link/./f", O_RDONLY));
	must(open("file-link", O_PATH | O_NOFOLLOW));
	must(openat(dir, "f", O_RDONLY));
	must(openat(dir, "../file-link", O_RDONLY));
	must(open("d/new", O_RDWR | O_CREAT | O_EXCL, 0644));
	must(open("d", O_TMPFILE | O_RDWR, 0600));
	must((int)syscall(SYS_openat2, dir, "/f", &in_root, sizeof(in_root)));
	must(open("own", O_RDONLY));
	must(open("/etc/mtab", O_RDONLY));
	must(open("/proc/self/status", O_RDONLY));
	must(open("/proc/thread-self/status", O_RDONLY));
	must(open("/dev/null", O_RDWR));
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	must(open(text, O_RDONLY));
	snprintf(text, sizeof(text), "/dev/fd/%d", fd);
	must(open(text, O_RDONLY));
	must(getcwd(here, sizeof(here)) ? 0 : -1);
	strcat(here, "/link/f");
	must(open(here, O_RDONLY));
	must(chdir("link"));
	must(open("f", O_RDONLY));
	must(open("../file-link", O_RDONLY));
	must(unlink("f"));
	must(access("new", F_OK));
}

static void *
open_in_thread(void *unused)
{
	(void)unused;
	open_many_ways();
	return NULL;
}

int
main(int argc, char **argv)
{
	void *(*what)(void *) = flip;
	pthread_t thread, second;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "dup")) {
		other = open(argv[3], O_RDONLY);
		what = put_over;
	} else if (!strcmp(argv[1], "moved") || !strcmp(argv[1], "quiet")) {
		if (chdir(argv[2]))
			return 3;
		what = argv[1][0] == 'm' ? move : idle;
	} else {
		snprintf((char *)name, sizeof(name), "%s.A", argv[2]);
		last = strlen((char *)name) - 1;
	}
	pthread_create(&thread, NULL, what, NULL);
	if (!strcmp(argv[1], "open"))
		open_either();
	else if (!strcmp(argv[1], "unlink"))
		unlink_either();
	else if (!strcmp(argv[1], "dup"))
		open_at_100(argv[2]);
	else if (!strcmp(argv[1], "moved"))
		open_moved();
	else if (pthread_create(&second, NULL, open_in_thread, NULL) == 0)
		pthread_join(second, NULL);
	over = true;
	pthread_join(thread, NULL);
	return 0;
}
