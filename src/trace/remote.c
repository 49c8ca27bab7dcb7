/* SPDX-License-Identifier: MIT */
#include "trace/remote.h"

#include "base/compiler.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096

/* The slow way, for kernels and containers that refuse process_vm_readv(2). */
static ssize_t
read_by_file(pid_t tid, uint64_t addr, void *to, size_t len)
{
	_cleanup_fd_ int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, to, len, (off_t)addr);
	if (n < 0)
		return errno == EIO ? -EFAULT : -errno;
	return n ? n : -EFAULT;
}

ssize_t
remote_read(pid_t tid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { .iov_base = to, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	int error = errno;

	if (n >= 0)
		return n ? n : -EFAULT;
	if (error != EPERM && error != ENOSYS)
		return -error;
	n = read_by_file(tid, addr, to, len);
	/* of two refusals the first one says more */
	return error == EPERM && n < 0 && n != -EFAULT ? -error : n;
}

int
remote_write(pid_t tid, uint64_t addr, const void *bytes, size_t len)
{
	struct iovec local = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n = process_vm_writev(tid, &local, 1, &remote, 1, 0);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int
remote_string(pid_t tid, uint64_t addr, char *to, size_t cap, size_t *ret_len)
{
	size_t have = 0;

	while (have < cap) {
		size_t want = MIN(cap - have, PAGE - (size_t)((addr + have) % PAGE));
		ssize_t n = remote_read(tid, addr + have, to + have, want);
		char *end;

		if (n < 0)
			return (int)n;
		end = memchr(to + have, '\0', (size_t)n);
		if (end) {
			*ret_len = (size_t)(end - to);
			return REMOTE_OK;
		}
		have += (size_t)n;
	}
	*ret_len = have;
	return REMOTE_CUT;
}
