/* SPDX-License-Identifier: MIT */

/*
 * Where an argument decides whether a call is traced: one statement of it, which
 * the filter makes into BPF and the loop evaluates for processes that stop at
 * every call.
 */

#include "base/compiler.h"
#include "model/syscalls.h"
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/mount.h>
#include <linux/net.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/mman.h>

#ifndef __O_TMPFILE
#define __O_TMPFILE 020000000
#endif

/* What of mmap's flags says that a file is mapped, and how (MAP_TYPE of <linux/mman.h>). */
#define FILE_MAP_MASK (0xfu | MAP_ANONYMOUS)

/* syscall_open_classes() as tests; an open may pass several of them. */
static unsigned
open_tests(unsigned arg, unsigned classes, struct syscall_test *ret)
{
	static const struct {
		uint32_t mask, value;
		unsigned classes;
	} ways[] = {
		{ O_PATH, O_PATH, CLASS_PROBE },
		{ O_PATH | O_ACCMODE, O_RDONLY, CLASS_READ },
		{ O_PATH | O_ACCMODE, O_WRONLY, CLASS_WRITE },
		{ O_PATH | O_ACCMODE, O_RDWR, CLASS_READ | CLASS_WRITE },
		{ O_PATH | O_ACCMODE, O_ACCMODE, CLASS_READ | CLASS_WRITE },
		{ O_PATH | O_TRUNC, O_TRUNC, CLASS_WRITE },
		{ O_PATH | O_CREAT, O_CREAT, CLASS_NAME },
		{ O_PATH | __O_TMPFILE, __O_TMPFILE, CLASS_NAME },
	};
	unsigned count = 0;

	_Static_assert(ARRAY_SIZE(ways) <= SYSCALL_TESTS_MAX, "room for every way");
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].classes & classes)
			ret[count++] =
				(struct syscall_test){ arg, ways[i].mask, ways[i].value };
	}
	return count;
}

/* connect always: it may be to a service that works for others. */
static unsigned
socketcall_tests(unsigned classes, struct syscall_test *ret)
{
	static const struct {
		uint32_t call;
		unsigned classes;
	} calls[] = {
		{ SYS_CONNECT, CLASS_PROCESS },
		{ SYS_BIND, CLASS_SOCKET },
		{ SYS_RECVMSG, CLASS_AUDIT },
		{ SYS_RECVMMSG, CLASS_AUDIT },
	};
	unsigned count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		if (calls[i].classes & (classes | CLASS_PROCESS))
			ret[count++] =
				(struct syscall_test){ 0, UINT32_MAX, calls[i].call };
	return count;
}

static unsigned
value_tests(unsigned arg, uint32_t a, uint32_t b, struct syscall_test *ret)
{
	ret[0] = (struct syscall_test){ arg, UINT32_MAX, a };
	ret[1] = (struct syscall_test){ arg, UINT32_MAX, b };
	return 2;
}

unsigned
syscall_tests(const struct syscall_row *row, unsigned classes,
	      struct syscall_test ret[SYSCALL_TESTS_MAX])
{
	switch (row->shape) {
	case SHAPE_OPEN:
		if ((classes & CLASS_OPEN) == CLASS_OPEN)
			return 0;
		return open_tests(row->flags - A0, classes, ret);
	case SHAPE_BPF:
		return value_tests(0, BPF_OBJ_PIN, BPF_OBJ_GET, ret);
	case SHAPE_FSCONFIG:
		return value_tests(1, FSCONFIG_SET_PATH, FSCONFIG_SET_PATH_EMPTY, ret);
	case SHAPE_SOCKETCALL:
		return socketcall_tests(classes, ret);
	case SHAPE_PRCTL:
		ret[2] = (struct syscall_test){ 0, UINT32_MAX,
						PR_SET_SYSCALL_USER_DISPATCH };
		return 1 + value_tests(0, PR_SET_SECCOMP, PR_GET_SECCOMP, ret);
	case SHAPE_MMAP:
		ret[0] = (struct syscall_test){ 3, FILE_MAP_MASK, MAP_SHARED };
		ret[1] = (struct syscall_test){ 3, FILE_MAP_MASK, MAP_SHARED_VALIDATE };
		return 2;
	case SHAPE_CLONE:
		ret[0] = (struct syscall_test){ 0, CLONE_UNTRACED, CLONE_UNTRACED };
		return 1;
	default:
		return 0;
	}
}

bool
syscall_is_file_map(uint32_t flags)
{
	flags &= FILE_MAP_MASK;
	return flags == MAP_SHARED || flags == MAP_SHARED_VALIDATE;
}

bool
syscall_wanted(const struct syscall_row *row, unsigned classes, const uint64_t args[6])
{
	struct syscall_test tests[SYSCALL_TESTS_MAX];
	unsigned count;

	if (!syscall_chosen(row, classes))
		return false;
	count = syscall_tests(row, classes, tests);
	for (unsigned i = 0; i < count; i++)
		if (((uint32_t)args[tests[i].arg] & tests[i].mask) == tests[i].value)
			return true;
	return !count;
}
