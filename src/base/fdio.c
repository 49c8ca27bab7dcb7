/* SPDX-License-Identifier: MIT */
#include "base/fdio.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

int
fdio_write_all(int fd, const void *bytes, size_t len, size_t *ret_done)
{
	size_t done = 0;
	int error = 0;

	while (done < len && !error) {
		ssize_t n = write(fd, (const char *)bytes + done, len - done);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0)
			error = -EIO;
		else if (errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			error = -errno;
	}
	if (ret_done)
		*ret_done = done;
	return error;
}

static int
read_up_to(int fd, size_t limit, struct buf *out)
{
	/* one more byte than is wanted tells whether there is more */
	size_t end = out->len + limit + 1;

	while (out->len < end) {
		size_t want = MIN(end - out->len, (size_t)4096);
		ssize_t n = read(fd, buf_room(out, want), want);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return FDIO_WHOLE;
		if (n > 0)
			out->len += (size_t)n;
	}
	out->len--;
	return FDIO_CUT;
}

int
fdio_read_whole(int dirfd, const char *path, size_t limit, struct buf *out)
{
	_cleanup_fd_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t start = out->len;
	int r;

	if (fd < 0)
		return -errno;
	r = read_up_to(fd, limit, out);
	if (r < 0)
		out->len = start;
	buf_str(out);
	return r;
}
