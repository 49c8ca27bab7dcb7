/* SPDX-License-Identifier: MIT */
#include "trace/image.h"

#include "base/compiler.h"
#include "trace/look.h"
#include "trace/proc.h"
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SCRIPT_HEAD 256 /* BINPRM_BUF_SIZE: the kernel looks no further */
#define ELF_HEAD 4096	/* program headers are behind the file's, nearly always */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

size_t
image_shebang(const char *bytes, size_t len, const char **ret_name)
{
	const char *end, *name, *stop;

	if (len < 2 || bytes[0] != '#' || bytes[1] != '!')
		return 0;
	end = memchr(bytes, '\n', len);
	if (!end)
		end = bytes + len;
	for (name = bytes + 2; name < end && is_blank(*name); name++)
		;
	for (stop = name; stop < end && !is_blank(*stop) && *stop; stop++)
		;
	*ret_name = name;
	return (size_t)(stop - name);
}

/* One program header, of either class. */
static bool
is_loader(const uint8_t *at, bool is_64, uint64_t *ret_offset, uint64_t *ret_size)
{
	Elf64_Phdr p64;
	Elf32_Phdr p32;

	memcpy(&p32, at, sizeof(p32));
	if (is_64)
		memcpy(&p64, at, sizeof(p64));
	if ((is_64 ? p64.p_type : p32.p_type) != PT_INTERP)
		return false;
	*ret_offset = is_64 ? p64.p_offset : p32.p_offset;
	*ret_size = is_64 ? p64.p_filesz : p32.p_filesz;
	return true;
}

/* Where the program headers are; false when the file is no ELF file. */
static bool
find_headers(const uint8_t *bytes, size_t len, bool *ret_64, uint64_t *ret_offset,
	     unsigned *ret_count)
{
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;

	if (len < sizeof(e64) || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		return false;
	*ret_64 = bytes[EI_CLASS] == ELFCLASS64;
	if (*ret_64) {
		memcpy(&e64, bytes, sizeof(e64));
		*ret_offset = e64.e_phoff;
		*ret_count = e64.e_phnum;
	} else {
		memcpy(&e32, bytes, sizeof(e32));
		*ret_offset = e32.e_phoff;
		*ret_count = e32.e_phnum;
	}
	return true;
}

bool
image_loader(const uint8_t *bytes, size_t len, uint64_t *ret_offset, uint64_t *ret_size)
{
	uint64_t offset, size;
	unsigned count;
	bool is_64;

	if (!find_headers(bytes, len, &is_64, &offset, &count))
		return false;
	size = is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
	for (; count; count--, offset += size) {
		if (offset > len || len - offset < size)
			return false;
		if (is_loader(bytes + offset, is_64, ret_offset, ret_size))
			return true;
	}
	return false;
}

/* The loader that the file behind /proc/@tid/exe asks for. */
static void
tell_loader(pid_t tid, image_found *found, void *data)
{
	_cleanup_fd_ int fd = -1;
	uint8_t head[ELF_HEAD];
	uint64_t offset, size;
	char path[32], name[PATH_MAX];
	ssize_t n;

	snprintf(path, sizeof(path), "%d/exe", (int)tid);
	fd = openat(proc_dir(), path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return;
	n = pread(fd, head, sizeof(head), 0);
	if (n < 0 || !image_loader(head, (size_t)n, &offset, &size) || size > PATH_MAX ||
	    offset > INT64_MAX)
		return;
	n = pread(fd, name, (size_t)size, (off_t)offset);
	if (n > 1)
		found(name, strnlen(name, (size_t)n), data);
}

void
image_interpreters(pid_t tid, int dirfd, const char *name, image_found *found, void *data)
{
	char head[SCRIPT_HEAD], next[SCRIPT_HEAD];
	const char *interpreter;

	for (int depth = 0; depth < IMAGE_SCRIPTS_MAX; depth++) {
		int fd = look_open(tid, dirfd, name);
		ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));
		size_t len = n > 0 ? image_shebang(head, (size_t)n, &interpreter) : 0;

		if (fd >= 0)
			close(fd);
		if (!len || len >= sizeof(next))
			break;
		memcpy(next, interpreter, len);
		next[len] = '\0';
		found(next, len, data);
		/* a relative interpreter starts in the working directory, like any name */
		name = next;
		dirfd = AT_FDCWD;
	}
	tell_loader(tid, found, data);
}
