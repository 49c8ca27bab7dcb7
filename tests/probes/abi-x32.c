/* SPDX-License-Identifier: MIT */
/* Shows calls with the x32 bit: most kernels answer ENOSYS, and so must the log. */

#include "ops-expect.h"

#define X32 0x40000000

TEST(calls)
{
	make("f");
	begin();
	expect("read", in("f"), NULL, "open", RAW(X32 | SYS_open, "f", O_RDONLY));
	expect("write", in("f"), NULL, "openat",
	       RAW(X32 | SYS_openat, AT_FDCWD, "f", O_WRONLY));
	expect("stat", in("none"), NULL, "stat", RAW(X32 | SYS_stat, "none", NULL));
	expect("delete", in("none"), NULL, "unlink", RAW(X32 | SYS_unlink, "none"));
}

/* x32 has its own numbers from 512 on, and none for what those replace. */
TEST(own_numbers)
{
	char *argv[] = { "none", NULL };

	begin();
	expect("exec", in("none"), NULL, "execve",
	       RAW(X32 | 520, "none", argv, argv + 1));
	RAW(X32 | SYS_execve, "none", argv, argv + 1);
	RAW(X32 | 1023, "none");
	/* and these numbers without the bit are nobody's */
	RAW(520, "none", argv, argv + 1);
}
