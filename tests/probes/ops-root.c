/* SPDX-License-Identifier: MIT */
/* Shows what only root can do: other roots, mounts, handles, devices. */

#include "ops-expect.h"
#include <linux/mount.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

TEST(other_root)
{
	int out;

	make_dir("jail");
	make_dir("jail/d");
	make("jail/d/f");
	make("out");
	out = open_as(".", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("chroot", in("none"), NULL, chroot, "none");
	CALL("chroot", in("jail"), NULL, chroot, "jail");
	CALL("read", in("jail/d/f"), NULL, open, "/d/f", O_RDONLY);
	CALL("create", in("jail/d/g"), NULL, open, "/d/g", O_WRONLY | O_CREAT, 0644);
	CALL("write", in("jail/d/g"), NULL, open, "/d/g", O_WRONLY | O_CREAT, 0644);
	CALL("read", in("jail/d/f"), NULL, open, "/../../d/f", O_RDONLY);
	/* the working directory is still outside */
	CALL("read", in("out"), NULL, open, "out", O_RDONLY);
	CALL("read", in("jail/d/f"), NULL, open, "jail/d/f", O_RDONLY);
	CALL("read", in("out"), NULL, openat, out, "out", O_RDONLY);
	CALL("chdir", in("jail/d"), NULL, chdir, "/d");
	CALL("read", in("jail/d/f"), NULL, open, "f", O_RDONLY);
	CALL("chdir", in("jail"), NULL, chdir, "..");
	CALL("chdir", in("jail"), NULL, chdir, "..");
	CALL("read", in("jail/d/f"), NULL, open, "d/f", O_RDONLY);
	CALL("rename", in("jail/d"), in("jail/e"), rename, "/d", "/e");
	CALL("read", in("jail/e/f"), NULL, open, "e/f", O_RDONLY);
	/* and out of it again, by the descriptor */
	CALL("chdir", in(""), NULL, fchdir, out);
	CALL("chroot", in(""), NULL, chroot, ".");
	CALL("read", in("out"), NULL, open, "/out", O_RDONLY);
	CALL("read", in("jail/e/f"), NULL, open, "/jail/e/f", O_RDONLY);
}

/* In another root an absolute link leads to other files than outside. */
TEST(links_in_another_root)
{
	make_dir("jail");
	make_dir("jail/d");
	make("jail/d/f");
	if (symlink("/d/f", "jail/there") || symlink("/d/new", "jail/dangling") ||
	    symlink("/etc/passwd", "jail/outside"))
		fail("symlink");
	begin();
	CALL("chroot", in("jail"), NULL, chroot, "jail");
	CALL("chdir", in("jail"), NULL, chdir, "/");
	CALL("write", in("jail/there"), NULL, open, "/there", O_WRONLY | O_CREAT, 0644);
	CALL("write", in("jail/there"), NULL, open, "there", O_WRONLY | O_CREAT, 0644);
	CALL("create", in("jail/dangling"), NULL, open, "/dangling", O_WRONLY | O_CREAT,
	     0644);
	CALL("mkdir", in("jail/etc"), NULL, mkdir, "/etc", 0755);
	CALL("create", in("jail/outside"), NULL, open, "outside", O_WRONLY | O_CREAT,
	     0644);
}

TEST(mounts)
{
	int tree;

	make_dir("m");
	make_dir("d");
	make("d/f");
	begin();
	expect("namespace", "", NULL, "unshare", RAW(SYS_unshare, CLONE_NEWNS));
	CALL("mount", "/", "none", mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	CALL("mount", in("m"), "a word", mount, "a word", "m", "tmpfs", 0, NULL);
	CALL("create", in("m/f"), NULL, open, "m/f", O_WRONLY | O_CREAT, 0644);
	CALL("umount", in("m"), NULL, umount2, "m", MNT_DETACH);
	CALL("mount", in("m"), "d", mount, "d", "m", NULL, MS_BIND, NULL);
	CALL("read", in("m/f"), NULL, open, "m/f", O_RDONLY);
	CALL("umount", in("m"), NULL, umount2, "m", 0);
	CALL("umount", in("m"), NULL, umount2, "m", 0);
	CALL("mount", in("none"), "none", mount, "none", "none", "tmpfs", 0, NULL);
	tree = (int)CALL("mount", in("d"), NULL, open_tree, AT_FDCWD, "d",
			 OPEN_TREE_CLONE);
	if (tree < 0)
		return;
	CALL("mount", "/", in("m"), move_mount, tree, "", AT_FDCWD, "m",
	     MOVE_MOUNT_F_EMPTY_PATH);
	CALL("read", in("m/f"), NULL, open, "m/f", O_RDONLY);
	CALL("umount", in("m"), NULL, umount2, in("m"), 0);
}

/* The working directory is below a mount; names are those of this namespace. */
TEST(inside_a_mount)
{
	make_dir("m");
	begin();
	expect("namespace", "", NULL, "unshare", RAW(SYS_unshare, CLONE_NEWNS));
	CALL("mount", "/", "none", mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	CALL("mount", in("m"), "x", mount, "x", "m", "tmpfs", 0, NULL);
	CALL("chdir", in("m"), NULL, chdir, "m");
	CALL("create", in("m/f"), NULL, open, "f", O_WRONLY | O_CREAT, 0644);
	CALL("chdir", in(""), NULL, chdir, in(""));
	CALL("umount", in("m"), NULL, umount2, "m", 0);
}

TEST(files_by_handle)
{
	struct {
		struct file_handle head;
		char bytes[MAX_HANDLE_SZ];
	} h = { .head.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, dir;

	make("f");
	dir = open_as(".", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("stat", in("f"), NULL, name_to_handle_at, AT_FDCWD, "f", &h, &mount_id, 0);
	CALL("read", in("f"), NULL, open_by_handle_at, dir, &h, O_RDONLY);
	CALL("rdwr", in("f"), NULL, open_by_handle_at, dir, &h, O_RDWR);
	CALL("delete", in("f"), NULL, unlink, "f");
	CALL("opath", "", NULL, open_by_handle_at, -1, &h, O_PATH);
}

TEST(devices)
{
	begin();
	CALL("mknod", in("null"), NULL, mknod, "null", S_IFCHR | 0600, makedev(1, 3));
	CALL("write", in("null"), NULL, open, "null", O_WRONLY | O_CREAT, 0644);
}
