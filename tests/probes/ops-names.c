/* SPDX-License-Identifier: MIT */
/* Shows the calls that make, remove and move names, with both names and the result. */

#include "ops-expect.h"
#include <linux/fs.h>

TEST(renames)
{
	int d, e;

	make("a");
	make_dir("d");
	make_dir("e");
	d = open_as("d", O_RDONLY | O_DIRECTORY);
	e = open_as("e", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("rename", in("a"), in("b"), rename, "a", "b");
	CALL("rename", in("b"), in("d/c"), renameat, AT_FDCWD, "b", d, "c");
	CALL("rename", in("d/c"), in("e/f"), renameat, d, "c", e, "f");
	CALL("rename", in("e/f"), in("g"), renameat2, e, "f", AT_FDCWD, "g", 0);
	CALL("rename", in("g"), in("h"), renameat2, e, in("g"), d, in("h"), 0);
	CALL("rename", in("none"), in("b"), rename, "none", "b");
	CALL("rename", in("d"), in("d/sub"), rename, "d", "d/sub");
	CALL("rename", in("d"), in("d2"), rename, "d/", "d2/");
}

TEST(renames_with_flags)
{
	make("a");
	make("b");
	make_dir("d");
	begin();
	CALL("exchange", in("a"), in("b"), renameat2, AT_FDCWD, "a", AT_FDCWD, "b",
	     RENAME_EXCHANGE);
	CALL("exchange", in("a"), in("d"), renameat2, AT_FDCWD, "a", AT_FDCWD, "d",
	     RENAME_EXCHANGE);
	CALL("exchange", in("a"), in("none"), renameat2, AT_FDCWD, "a", AT_FDCWD, "none",
	     RENAME_EXCHANGE);
	CALL("rename", in("d"), in("b"), renameat2, AT_FDCWD, "d", AT_FDCWD, "b",
	     RENAME_NOREPLACE);
	CALL("rename", in("d"), in("c"), renameat2, AT_FDCWD, "d", AT_FDCWD, "c",
	     RENAME_NOREPLACE);
}

TEST(links)
{
	int dir, file;

	make("a");
	make_dir("d");
	if (symlink("a", "sym"))
		fail("symlink");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	file = open_as("a", O_RDONLY);
	begin();
	CALL("link", in("a"), in("b"), link, "a", "b");
	CALL("link", in("a"), in("b"), link, "a", "b");
	CALL("link", in("none"), in("c"), link, "none", "c");
	CALL("link", in("a"), in("d/a"), linkat, AT_FDCWD, "a", dir, "a", 0);
	CALL("link", in("d/a"), in("d/b"), linkat, dir, "a", dir, "b", 0);
	CALL("link", in("sym"), in("d/c"), linkat, AT_FDCWD, "sym", dir, "c",
	     AT_SYMLINK_FOLLOW);
	/* the descriptor itself, where the caller may */
	if (CALL("link", in("a"), in("d/d"), linkat, file, "", dir, "d", AT_EMPTY_PATH) <
	    0)
		fail("linkat of a descriptor");
}

/* It failed, but which file was to get the name is known all the same. */
TEST(links_a_descriptor_in_vain)
{
	int file;

	make("a");
	make("b");
	file = open_as("a", O_RDONLY);
	begin();
	CALL("link", in("a"), in("b"), linkat, file, "", AT_FDCWD, "b", AT_EMPTY_PATH);
}

TEST(symlinks)
{
	int dir;

	make_dir("d");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("symlink", in("a"), "any text//at ../all", symlink, "any text//at ../all",
	     "a");
	CALL("symlink", in("a"), "x", symlink, "x", "a");
	CALL("symlink", in("d/b"), "/etc/passwd", symlinkat, "/etc/passwd", dir, "b");
	CALL("symlink", in("d/c"), "", symlinkat, "", dir, "c");
}

TEST(removes)
{
	int dir;

	make("a");
	make("b");
	make_dir("d");
	make("d/f");
	make_dir("d/e");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("delete", in("a"), NULL, unlink, "a");
	CALL("delete", in("a"), NULL, unlink, "a");
	CALL("delete", in("d"), NULL, unlink, "d");
	CALL("delete", in("b"), NULL, unlinkat, AT_FDCWD, "b", 0);
	CALL("rmdir", in("d"), NULL, rmdir, "d");
	CALL("rmdir", in("d/e"), NULL, unlinkat, dir, "e", AT_REMOVEDIR);
	CALL("rmdir", in("d/f"), NULL, unlinkat, dir, "f", AT_REMOVEDIR);
	CALL("delete", in("d/f"), NULL, unlinkat, dir, "f", 0);
	CALL("rmdir", in("d"), NULL, rmdir, "d/");
	/* the directory of the descriptor is gone by now */
	CALL("mkdir", in("e"), NULL, mkdir, "e", 0755);
	CALL("rmdir", in("e"), NULL, unlinkat, AT_FDCWD, "e", AT_REMOVEDIR);
}

TEST(makes)
{
	int dir;

	begin();
	CALL("mkdir", in("d"), NULL, mkdir, "d", 0755);
	CALL("mkdir", in("d"), NULL, mkdir, "d", 0755);
	dir = (int)CALL("read", in("d"), NULL, open, "d", O_RDONLY | O_DIRECTORY);
	CALL("mkdir", in("d/e"), NULL, mkdirat, dir, "e", 0755);
	CALL("mkdir", in("d/e/f"), NULL, mkdirat, AT_FDCWD, "d/e/f/", 0755);
	CALL("mknod", in("fifo"), NULL, mknod, "fifo", S_IFIFO | 0600, 0);
	CALL("mknod", in("d/fifo"), NULL, mknodat, dir, "fifo", S_IFIFO | 0600, 0);
	CALL("mknod", in("d/file"), NULL, mknodat, dir, "file", S_IFREG | 0600, 0);
	CALL("mknod", in("fifo"), NULL, mknod, "fifo", S_IFIFO | 0600, 0);
}
