/* SPDX-License-Identifier: MIT */
/*
 * One call of each class of --events, on files whose names tell the class, and
 * all of them by raw syscalls, which no libc can turn into others.
 *
 * every-class DIR: DIR has a file "file"; the working directory becomes DIR.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	struct sockaddr_un name = { AF_UNIX, "socket" };
	char room[4096];
	struct stat st;
	long fd, file;

	if (argc != 2 || syscall(SYS_chdir, argv[1]) < 0)
		return 2;
	file = syscall(SYS_openat, AT_FDCWD, "file", O_RDONLY);
	syscall(SYS_openat, AT_FDCWD, "file", O_WRONLY);
	syscall(SYS_mkdir, "name", 0700);
	syscall(SYS_chmod, "file", 0600);
	syscall(SYS_stat, "file", &st);
	fd = syscall(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY);
	syscall(SYS_getdents64, fd, room, sizeof(room));
	/* asks for what a descriptor that was opened for reading does not allow */
	syscall(SYS_mmap, NULL, 4096, PROT_WRITE, MAP_SHARED, file, 0);
	bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&name, sizeof(name));
	if (!fork()) {
		char *args[] = { "true", NULL };

		execve("/bin/true", args, NULL);
		_exit(1);
	}
	wait(NULL);
	return 0;
}
