/* SPDX-License-Identifier: MIT */
#include "sink/whole.h"

#include "base/fdio.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

int
whole_write(int fd, const void *bytes, size_t len)
{
	off_t start = lseek(fd, 0, SEEK_CUR);
	struct stat st;
	size_t done;
	int r = fdio_write_all(fd, bytes, len, &done);

	if (start < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode))
		return r;
	/* others may have written behind us where it is not our own file */
	if (r && (start == 0 || st.st_size == start + (off_t)done)) {
		if (ftruncate(fd, start) == 0)
			lseek(fd, start, SEEK_SET);
		return r;
	}
	if (!r && start == 0 && ftruncate(fd, (off_t)len) < 0)
		return -errno;
	return r;
}
