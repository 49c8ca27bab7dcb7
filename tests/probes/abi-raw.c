/* SPDX-License-Identifier: MIT */
/*
 * A program without any libc: it opens a file by a syscall instruction of its
 * own and ends.  For gcc -static -nostdlib.
 */

#include <fcntl.h>
#include <sys/syscall.h>

static long
call(long nr, const void *a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}

__attribute__((noreturn)) void
_start(void)
{
	long fd = call(SYS_open, "made", O_WRONLY | O_CREAT, 0644);

	call(SYS_exit_group, (const void *)(fd >= 0 ? 5L : 6L), 0, 0);
	__builtin_unreachable();
}
