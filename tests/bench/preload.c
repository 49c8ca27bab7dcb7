/* SPDX-License-Identifier: MIT */

/*
 * What a tracer by LD_PRELOAD costs at the least: takes the C library's opens, and nothing
 * else, and writes each to the file that PRELOAD_LOG names.  Blind to static programs, to
 * the loader, to stat, readlink and access; it is here to be compared with.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
tell(const char *path, int result)
{
	static int log = -2;
	char line[4200];
	int len, error = errno;

	if (log == -2)
		log = (int)syscall(257, AT_FDCWD, getenv("PRELOAD_LOG"),
				   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	len = snprintf(line, sizeof(line), "%d %s %d\n", (int)getpid(), path, result);
	if (log >= 0 && len > 0 && write(log, line, (size_t)len) < 0)
		log = -1;
	errno = error;
}

#define MODE(last)                           \
	mode_t mode = 0;                     \
	va_list args;                        \
	va_start(args, last);                \
	if (flags & (O_CREAT | O_TMPFILE))   \
		mode = va_arg(args, mode_t); \
	va_end(args)

#define OPEN(name)                                                                       \
	int name(const char *path, int flags, ...)                                       \
	{                                                                                \
		static int (*real)(const char *, int, ...);                              \
		int fd;                                                                  \
		MODE(flags);                                                             \
		if (!real)                                                               \
			real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name); \
		fd = real(path, flags, mode);                                            \
		tell(path, fd);                                                          \
		return fd;                                                               \
	}

#define OPENAT(name)                                                                  \
	int name(int dir, const char *path, int flags, ...)                           \
	{                                                                             \
		static int (*real)(int, const char *, int, ...);                      \
		int fd;                                                               \
		MODE(flags);                                                          \
		if (!real)                                                            \
			real = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, \
									   #name);    \
		fd = real(dir, path, flags, mode);                                    \
		tell(path, fd);                                                       \
		return fd;                                                            \
	}

#define FOPEN(name)                                                     \
	FILE *name(const char *path, const char *mode)                  \
	{                                                               \
		static FILE *(*real)(const char *, const char *);       \
		FILE *file;                                             \
		if (!real)                                              \
			real = (FILE * (*)(const char *, const char *)) \
				dlsym(RTLD_NEXT, #name);                \
		file = real(path, mode);                                \
		tell(path, file ? 0 : -1);                              \
		return file;                                            \
	}

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
FOPEN(fopen)
FOPEN(fopen64)
