/* SPDX-License-Identifier: MIT */
#include "trace/maps.h"

#include "base/compiler.h"
#include "trace/proc.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

/* A line has a path of PATH_MAX bytes at most, each of which may be escaped by four. */
#define CHUNK 32768

bool
maps_parse(const char *line, struct mapping *ret)
{
	unsigned long start, end, offset, inode;
	char perms[5];
	unsigned major, minor;
	int name = 0;

	if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %n", &start, &end, perms, &offset,
		   &major, &minor, &inode, &name) < 7 ||
	    strlen(perms) != 4)
		return false;
	*ret = (struct mapping){
		.start = start,
		.end = end,
		.offset = offset,
		.inode = inode,
		.major = major,
		.minor = minor,
		.writable = perms[1] == 'w',
		.executable = perms[2] == 'x',
		.shared = perms[3] == 's',
		.is_vdso = name && strncmp(line + name, "[vdso]", 6) == 0,
	};
	return true;
}

static int
maps_open(pid_t tid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/maps", (int)tid);
	fd = openat(proc_dir(), path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int
maps_read(pid_t tid, struct mapping *ret, size_t max)
{
	char text[CHUNK + 1], *line = text, *end;
	_cleanup_fd_ int fd = maps_open(tid);
	int count = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, CHUNK);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (; (end = strchr(line, '\n')) && (size_t)count < max; line = end + 1)
		if (maps_parse(line, &ret[count]))
			count++;
	return count;
}

/* Searches the whole lines of @text; what is left of the last one is moved to its start. */
static int
search(char *text, size_t *len, uint64_t addr, struct mapping *ret)
{
	char *line = text, *end;

	while ((end = memchr(line, '\n', *len - (size_t)(line - text)))) {
		*end = '\0';
		if (maps_parse(line, ret) && addr < ret->end)
			return addr >= ret->start ? 0 : -ENOENT;
		line = end + 1;
	}
	*len -= (size_t)(line - text);
	memmove(text, line, *len);
	return 1;
}

int
maps_find(pid_t tid, uint64_t addr, struct mapping *ret)
{
	_cleanup_fd_ int fd = maps_open(tid);
	char text[CHUNK + 1];
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return fd;
	while (len < CHUNK && (n = read(fd, text + len, CHUNK - len)) > 0) {
		int r;

		len += (size_t)n;
		r = search(text, &len, addr, ret);
		if (r <= 0)
			return r;
	}
	return -ENOENT;
}
