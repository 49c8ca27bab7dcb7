/* SPDX-License-Identifier: MIT */
#include "base/fdio.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

/* How often somebody who waits for room looks whether there is a hurry by now. */
#define LOOK_MS 100

static _Atomic uint64_t hurry_from = UINT64_MAX, hurry_patience;

void
fdio_hurry(uint64_t from, uint64_t patience)
{
	if (from >= atomic_load(&hurry_from))
		return;
	atomic_store(&hurry_patience, patience);
	atomic_store(&hurry_from, from);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* False when it has taken too long since the last byte went out, at @since. */
static bool
wait_for_room(int fd, uint64_t since)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	uint64_t from, begun, now;

	while (poll(&p, 1, LOOK_MS) <= 0) {
		from = atomic_load(&hurry_from);
		begun = MAX(from, since);
		now = now_ns();
		if (now >= begun && now - begun >= atomic_load(&hurry_patience))
			return false;
	}
	return true;
}

/*
 * Into what has no end of its own, such as a pipe, and so may be full.  It may be
 * shared with others, so that it cannot be made non-blocking; only this write can.
 */
static ssize_t
write_at_once(int fd, const void *bytes, size_t len)
{
	const struct iovec part = { (void *)(uintptr_t)bytes, len };
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);

	if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
		return n;
	/* pipes before 6.4, terminals: what is so short finds room when there is any */
	if (poll(&p, 1, 0) == 0) {
		errno = EAGAIN;
		return -1;
	}
	return write(fd, bytes, MIN(len, (size_t)PIPE_BUF));
}

static bool
may_be_full(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode));
}

int
fdio_write_all(int fd, const void *bytes, size_t len, size_t *ret_done)
{
	bool at_once = may_be_full(fd);
	uint64_t since = 0;
	size_t done = 0;
	int error = 0;

	while (done < len && !error) {
		const char *at = (const char *)bytes + done;
		ssize_t n = at_once ? write_at_once(fd, at, len - done)
				    : write(fd, at, len - done);

		if (n > 0) {
			done += (size_t)n;
			since = 0;
		} else if (n == 0) {
			error = -EIO;
		} else if (errno == EAGAIN) {
			since = since ? since : now_ns();
			error = wait_for_room(fd, since) ? 0 : -ETIME;
		} else if (errno != EINTR) {
			error = -errno;
		}
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

void
fdio_hold_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			open("/", O_PATH | O_CLOEXEC);
}
