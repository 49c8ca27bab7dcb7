/* SPDX-License-Identifier: MIT */
/* Shows that relative names are told from the directory that they start in, as it is then. */

#include "ops-expect.h"
#include <linux/fs.h>
#include <sched.h>

static void
tree(void)
{
	make_dir("d");
	make_dir("d/e");
	make("d/e/f");
}

TEST(after_chdir)
{
	int dir, other;

	tree();
	make_dir("g");
	other = open_as("g", O_PATH | O_DIRECTORY);
	begin();
	CALL("chdir", in("d"), NULL, chdir, "d");
	CALL("read", in("d/e/f"), NULL, open, "e/f", O_RDONLY);
	dir = (int)CALL("read", in("d/e"), NULL, open, "e", O_RDONLY | O_DIRECTORY);
	CALL("chdir", in("d/e"), NULL, fchdir, dir);
	CALL("read", in("d/e/f"), NULL, open, "f", O_RDONLY);
	CALL("chdir", in("d"), NULL, chdir, "..");
	CALL("read", in("d/e/f"), NULL, open, "e/f", O_RDONLY);
	CALL("chdir", in(""), NULL, chdir, in(""));
	CALL("chdir", in("g"), NULL, fchdir, other);
	CALL("create", in("g/new"), NULL, open, "new", O_CREAT | O_WRONLY, 0644);
}

TEST(after_a_chdir_that_failed)
{
	tree();
	begin();
	CALL("chdir", in("none"), NULL, chdir, "none");
	CALL("chdir", in("d/e/f"), NULL, chdir, "d/e/f");
	CALL("read", in("d/e/f"), NULL, open, "d/e/f", O_RDONLY);
}

/* The working directory is the one that the link leads to. */
TEST(after_chdir_by_a_link)
{
	tree();
	if (symlink("d/e", "link"))
		fail("symlink");
	begin();
	CALL("chdir", in("link"), NULL, chdir, "link");
	CALL("read", in("d/e/f"), NULL, open, "f", O_RDONLY);
	CALL("read", in("d/x"), NULL, open, "../x", O_RDONLY);
}

TEST(dots_and_slashes)
{
	tree();
	begin();
	CALL("read", in("d/e/f"), NULL, open, "d//e/./f", O_RDONLY);
	CALL("read", in("d/e/f"), NULL, open, ".//./d/e//f", O_RDONLY);
	CALL("read", in("d/e/f"), NULL, open, in("/d/.//e///f"), O_RDONLY);
	CALL("read", in("d/e"), NULL, open, "d/e//", O_RDONLY);
}

/* Leading ".." are exact, for the kernel names the directory; later ones may follow a link. */
TEST(leading_dots)
{
	tree();
	if (chdir("d/e"))
		fail("chdir");
	begin();
	CALL("read", in("d/e/f"), NULL, open, "../e/f", O_RDONLY);
	CALL("read", in("d/e/f"), NULL, open, "./.././../d/e/f", O_RDONLY);
	CALL("read", in("d"), NULL, open, "..", O_RDONLY);
	CALL("read", in("d"), NULL, open, "../", O_RDONLY);
	CALL("read", in("d/e/../e/f"), NULL, open, "../e/../e/f", O_RDONLY);
	CALL("read", "/etc/passwd", NULL, open, "/../../etc/passwd", O_RDONLY);
	CALL("read", "/", NULL, open, "/..", O_RDONLY | O_DIRECTORY);
	CALL("read", "/", NULL, open, "/", O_RDONLY | O_DIRECTORY);
	CALL("read", "/", NULL, open,
	     "../../../../../../../../../../../../../../../../..",
	     O_RDONLY | O_DIRECTORY);
}

TEST(directory_renamed_while_in_it)
{
	tree();
	if (chdir("d/e"))
		fail("chdir");
	begin();
	CALL("rename", in("d"), in("moved"), rename, in("d"), in("moved"));
	CALL("read", in("moved/e/f"), NULL, open, "f", O_RDONLY);
	CALL("rename", in("moved/e"), in("moved/g"), rename, "../e", "../g");
	CALL("read", in("moved/g/f"), NULL, open, "f", O_RDONLY);
}

/* The name of the rename is not the one that the kernel has for the directory. */
TEST(directory_renamed_by_a_link)
{
	tree();
	if (symlink("d", "link") || chdir("d/e"))
		fail("set up");
	begin();
	CALL("rename", in("link/e"), in("link/g"), rename, in("link/e"), in("link/g"));
	CALL("read", in("d/g/f"), NULL, open, "f", O_RDONLY);
}

TEST(directory_renamed_with_dots)
{
	tree();
	if (chdir("d/e"))
		fail("chdir");
	begin();
	CALL("rename", in("d/../d/e"), in("d/../g"), rename, in("d/../d/e"),
	     in("d/../g"));
	CALL("read", in("g/f"), NULL, open, "f", O_RDONLY);
}

TEST(directories_exchanged)
{
	tree();
	make_dir("x");
	make_dir("x/y");
	make("x/y/z");
	if (chdir("d/e"))
		fail("chdir");
	begin();
	CALL("exchange", in("d"), in("x"), renameat2, AT_FDCWD, in("d"), AT_FDCWD,
	     in("x"), RENAME_EXCHANGE);
	CALL("read", in("x/e/f"), NULL, open, "f", O_RDONLY);
	CALL("read", in("d/y/z"), NULL, open, "../../d/y/z", O_RDONLY);
}

/* A name that only begins like the directory's is another one. */
TEST(neighbour_renamed)
{
	tree();
	make_dir("d/e2");
	make("d2");
	if (chdir("d/e"))
		fail("chdir");
	begin();
	CALL("rename", in("d/e2"), in("d/x"), rename, in("d/e2"), in("d/x"));
	CALL("rename", in("d2"), in("y"), rename, in("d2"), in("y"));
	CALL("read", in("d/e/f"), NULL, open, "f", O_RDONLY);
}

TEST(directory_removed_while_in_it)
{
	make_dir("d");
	if (chdir("d"))
		fail("chdir");
	begin();
	CALL("rmdir", in("d"), NULL, rmdir, in("d"));
	CALL("create", in("d/f"), NULL, open, "f", O_CREAT | O_WRONLY, 0644);
	CALL("chdir", in(""), NULL, chdir, "..");
	CALL("create", in("f"), NULL, open, "f", O_CREAT | O_WRONLY, 0644);
}

TEST(own_directory_after_unshare)
{
	tree();
	begin();
	expect("namespace", "", NULL, "unshare", RAW(SYS_unshare, CLONE_FS));
	CALL("chdir", in("d"), NULL, chdir, "d");
	CALL("read", in("d/e/f"), NULL, open, "e/f", O_RDONLY);
}

/* Deeper than any name that the kernel can tell: each step is PATH_MAX below the last. */
TEST(deeper_than_path_max)
{
	char step[201], *path = in("");
	struct stat st;

	memset(step, 'n', 200);
	step[200] = '\0';
	begin();
	for (int i = 0; i < 30; i++) {
		if (asprintf(&path, "%s/%s", path, step) < 0)
			fail("asprintf");
		CALL("mkdir", path, NULL, mkdir, step, 0755);
		CALL("chdir", path, NULL, chdir, step);
	}
	if (asprintf(&path, "%s/f", path) < 0)
		fail("asprintf");
	CALL("create", path, NULL, open, "f", O_CREAT | O_WRONLY, 0644);
	CALL("stat", path, NULL, stat, "f", &st);
}
