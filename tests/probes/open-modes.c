/* SPDX-License-Identifier: MIT */
/*
 * Opens one file in each way that flags and permission can say, all with
 * permissions that look like access modes: the mode must come from the flags.
 *
 * open-modes DIR: DIR has "there"; the other files are not there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void
try(const char *name, int flags, mode_t mode)
{
	int fd = open(name, flags, mode);

	if (fd < 0) {
		perror(name);
		exit(1);
	}
	close(fd);
}

int
main(int argc, char *argv[])
{
	if (argc != 2 || chdir(argv[1]) < 0)
		return 2;
	try("there", O_RDONLY, 0);
	try("there", O_WRONLY, 0);
	try("there", O_RDWR, 0);
	try("there", O_WRONLY | O_APPEND, 0);
	try("there", O_WRONLY | O_TRUNC, 0);
	/* read, write, read and write, create, says the old tool of these */
	try("made-0", O_WRONLY | O_CREAT, 0);
	try("made-1", O_WRONLY | O_CREAT, 01);
	try("made-2", O_RDWR | O_CREAT, 02);
	try("made-644", O_WRONLY | O_CREAT, 0644);
	try("made-755", O_WRONLY | O_CREAT | O_EXCL, 0755);
	close(creat("made-by-creat", 0666));
	return 0;
}
