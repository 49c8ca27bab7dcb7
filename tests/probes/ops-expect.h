/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the ops probes share: calls that say what the log must hold of them
 *
 *	TEST(renames)
 *	{
 *		make("a");
 *		begin();
 *		CALL("rename", in("a"), in("b"), rename, "a", "b");
 *	}
 *
 * The probe runs one test, named by its argument, in the directory that it is
 * started in.  For each CALL it prints a JSON object with the access that this
 * call is.  Two access(2) calls of names that exist nowhere mark the begin and
 * the end: between them the log holds these accesses, in this order, and
 * nothing else.  Names are printed in hexadecimal: they may be any bytes.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* newer than Debian 12's headers; the same number on every architecture */
#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif
#ifndef SYS_file_getattr
#define SYS_file_getattr 468
#define SYS_file_setattr 469
#endif

#define PAGE 4096
#define BEGIN "/whatfiles-probe/begin"
#define END "/whatfiles-probe/end"

struct ops_test {
	const char *name;
	void (*run)(void);
};

#define TEST(name_)                                                          \
	static void test_##name_(void);                                      \
	static const struct ops_test ops_##name_ = { #name_, test_##name_ }; \
	static const struct ops_test *const ops_ptr_##name_                  \
		__attribute__((section("ops_tests"), used)) = &ops_##name_;  \
	static void test_##name_(void)

extern const struct ops_test *const __start_ops_tests[], *const __stop_ops_tests[];

static char ops_here[PATH_MAX]; /* where the test was started */
static char *ops_out;		/* what is to be printed, when all is over */
static size_t ops_len, ops_room;

/* Ends the probe: the test could not be set up. */
__attribute__((noreturn, unused)) static void
fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	_exit(90);
}

/* The result of a call, a negative errno when it failed. */
#define RAW(...) ops_raw(syscall(__VA_ARGS__))

__attribute__((unused)) static long
ops_raw(long result)
{
	return result == -1 ? -errno : result;
}

static void
ops_add(const char *text)
{
	size_t len = strlen(text);

	if (ops_len + len + 1 > ops_room) {
		ops_room = 2 * (ops_room + len + 1);
		ops_out = realloc(ops_out, ops_room);
		if (!ops_out)
			fail("realloc");
	}
	memcpy(ops_out + ops_len, text, len + 1);
	ops_len += len;
}

static void
ops_add_name(const char *key, const char *name)
{
	char byte[4];

	ops_add(", \"");
	ops_add(key);
	ops_add("\": ");
	if (!name) {
		ops_add("null");
		return;
	}
	ops_add("\"");
	for (; *name; name++) {
		snprintf(byte, sizeof(byte), "%02x", (unsigned char)*name);
		ops_add(byte);
	}
	ops_add("\"");
}

/* Tells that the log must hold this access; @result as RAW() has it. */
__attribute__((unused)) static long
expect(const char *op, const char *path, const char *to, const char *call, long result)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"op\": \"%s\", \"call\": \"%s\", \"result\": %ld",
		 op, call, result);
	ops_add(text);
	ops_add_name("path", path);
	ops_add_name("to", to);
	ops_add("}\n");
	return result;
}

/* CALL(op, path, to, name of the call, its arguments): makes it and tells of it. */
#define CALL(op, path, to, call, ...) \
	expect(op, path, to, #call, RAW(SYS_##call, ##__VA_ARGS__))

/* @name in the test's directory, absolute; memory that is never freed. */
__attribute__((unused)) static char *
in(const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", ops_here, *name ? "/" : "", name) < 0)
		fail("asprintf");
	return path;
}

/* What stands at @rest below this process's own directory of /proc. */
__attribute__((unused)) static char *
own(const char *rest)
{
	char *path;

	if (asprintf(&path, "/proc/%d%s", (int)getpid(), rest) < 0)
		fail("asprintf");
	return path;
}

/* Makes a file that holds @name. */
__attribute__((unused)) static void
make(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, name, strlen(name)) < 0 || close(fd))
		fail(name);
}

__attribute__((unused)) static void
make_dir(const char *name)
{
	if (mkdir(name, 0755))
		fail(name);
}

__attribute__((unused)) static int
open_as(const char *name, int flags)
{
	int fd = open(name, flags, 0644);

	if (fd < 0)
		fail(name);
	return fd;
}

/* From here on everything is told. */
__attribute__((unused)) static void
begin(void)
{
	syscall(SYS_access, BEGIN, F_OK);
}

/*
 * Two pages, the second of which is not there; @text with its NUL ends exactly
 * at the end of the first.
 */
__attribute__((unused)) static char *
at_page_end(const char *text, size_t len)
{
	size_t room = (len + PAGE - 1) / PAGE * PAGE;
	char *pages = mmap(NULL, room + PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || munmap(pages + room, PAGE))
		fail("mmap");
	return memcpy(pages + room - len, text, len);
}

int
main(int argc, char **argv)
{
	const struct ops_test *const *t;

	if (argc < 2 || !getcwd(ops_here, sizeof(ops_here)))
		return 91;
	for (t = __start_ops_tests; t < __stop_ops_tests; t++) {
		if (strcmp((*t)->name, argv[1]) != 0)
			continue;
		(*t)->run();
		syscall(SYS_access, END, F_OK);
		for (size_t at = 0; at < ops_len;) {
			ssize_t n = write(STDOUT_FILENO, ops_out + at, ops_len - at);

			if (n < 0)
				fail("write");
			at += (size_t)n;
		}
		return 0;
	}
	return 92;
}
