/* SPDX-License-Identifier: MIT */
/* Shows changes of mode, owner, times and extended attributes, by name and by descriptor. */

#include "ops-expect.h"
#include <linux/fs.h>
#include <sys/time.h>

/* From <linux/xattr.h> and <linux/fs.h> of newer kernels. */
struct new_xattr_args {
	uint64_t value;
	uint32_t size, flags;
};

struct new_file_attr {
	uint64_t xflags;
	uint32_t extsize, nextents, projid, cowextsize;
};

static int dir, file;

static void
set_up(void)
{
	make_dir("d");
	make("d/f");
	if (symlink("d/f", "link"))
		fail("symlink");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	file = open_as("d/f", O_RDWR);
	begin();
}

TEST(modes)
{
	set_up();
	CALL("chmod", in("d/f"), NULL, chmod, "d/f", 0600);
	CALL("chmod", in("none"), NULL, chmod, "none", 0600);
	CALL("chmod", in("d/f"), NULL, fchmod, file, 0640);
	CALL("chmod", in("d/f"), NULL, fchmodat, dir, "f", 0644);
	CALL("chmod", in("d/f"), NULL, fchmodat2, dir, "f", 0644, 0);
	CALL("chmod", in("link"), NULL, fchmodat2, AT_FDCWD, "link", 0644,
	     AT_SYMLINK_NOFOLLOW);
	if (CALL("chmod", in("d/f"), NULL, fchmodat2, file, "", 0644, AT_EMPTY_PATH) < 0)
		return; /* older kernel: nothing to be known of it */
}

TEST(owners)
{
	set_up();
	CALL("chown", in("d/f"), NULL, chown, "d/f", -1, -1);
	CALL("chown", in("link"), NULL, lchown, "link", -1, -1);
	CALL("chown", in("d/f"), NULL, fchown, file, -1, -1);
	CALL("chown", in("d/f"), NULL, fchownat, dir, "f", -1, -1, 0);
	CALL("chown", in("d/f"), NULL, fchownat, file, "", -1, -1, AT_EMPTY_PATH);
	CALL("chown", in("none"), NULL, fchownat, AT_FDCWD, "none", -1, -1, 0);
}

TEST(times)
{
	set_up();
	CALL("utime", in("d/f"), NULL, utime, "d/f", NULL);
	CALL("utime", in("d/f"), NULL, utimes, "d/f", NULL);
	CALL("utime", in("d/f"), NULL, futimesat, dir, "f", NULL);
	CALL("utime", in("d/f"), NULL, futimesat, file, NULL, NULL);
	CALL("utime", in("d/f"), NULL, utimensat, dir, "f", NULL, 0);
	CALL("utime", in("link"), NULL, utimensat, AT_FDCWD, "link", NULL,
	     AT_SYMLINK_NOFOLLOW);
	CALL("utime", in("d/f"), NULL, utimensat, file, NULL, NULL, 0);
	CALL("utime", in("d/f"), NULL, utimensat, file, "", NULL, AT_EMPTY_PATH);
	CALL("utime", in("none"), NULL, utimensat, AT_FDCWD, "none", NULL, 0);
}

TEST(attributes_by_name)
{
	char value[64];

	set_up();
	CALL("setxattr", in("d/f"), NULL, setxattr, "d/f", "user.a", "v", 1, 0);
	CALL("setxattr", in("link"), NULL, lsetxattr, "link", "user.a", "v", 1, 0);
	CALL("getxattr", in("d/f"), NULL, getxattr, "d/f", "user.a", value,
	     sizeof(value));
	CALL("getxattr", in("link"), NULL, lgetxattr, "link", "user.a", value,
	     sizeof(value));
	CALL("getxattr", in("d/f"), NULL, listxattr, "d/f", value, sizeof(value));
	CALL("getxattr", in("link"), NULL, llistxattr, "link", value, sizeof(value));
	CALL("setxattr", in("d/f"), NULL, removexattr, "d/f", "user.a");
	CALL("setxattr", in("link"), NULL, lremovexattr, "link", "user.a");
	CALL("getxattr", in("d/f"), NULL, getxattr, "d/f", "user.a", value,
	     sizeof(value));
}

TEST(attributes_by_descriptor)
{
	char value[64];

	set_up();
	CALL("setxattr", in("d/f"), NULL, fsetxattr, file, "user.a", "v", 1, 0);
	CALL("getxattr", in("d/f"), NULL, fgetxattr, file, "user.a", value,
	     sizeof(value));
	CALL("getxattr", in("d/f"), NULL, flistxattr, file, value, sizeof(value));
	CALL("setxattr", in("d/f"), NULL, fremovexattr, file, "user.a");
	/* nothing to read any more, but the file is known */
	CALL("getxattr", in("d/f"), NULL, fgetxattr, file, "user.a", value,
	     sizeof(value));
}

TEST(attributes_at)
{
	char value[64];
	struct new_xattr_args set = { (uintptr_t) "v", 1, 0 };
	struct new_xattr_args get = { (uintptr_t)value, sizeof(value), 0 };

	set_up();
	CALL("setxattr", in("d/f"), NULL, setxattrat, dir, "f", 0, "user.a", &set,
	     sizeof(set));
	CALL("getxattr", in("d/f"), NULL, getxattrat, dir, "f", 0, "user.a", &get,
	     sizeof(get));
	CALL("getxattr", in("d/f"), NULL, listxattrat, dir, "f", 0, value, sizeof(value));
	CALL("setxattr", in("d/f"), NULL, removexattrat, dir, "f", 0, "user.a");
}

/* By an empty name, and by none at all. */
TEST(attributes_at_descriptors)
{
	char value[64];
	struct new_xattr_args set = { (uintptr_t) "v", 1, 0 };
	struct new_xattr_args get = { (uintptr_t)value, sizeof(value), 0 };

	set_up();
	CALL("setxattr", in("d/f"), NULL, setxattrat, file, "", AT_EMPTY_PATH, "user.a",
	     &set, sizeof(set));
	CALL("getxattr", in("d/f"), NULL, getxattrat, file, NULL, AT_EMPTY_PATH, "user.a",
	     &get, sizeof(get));
	CALL("getxattr", in("d/f"), NULL, listxattrat, file, "", AT_EMPTY_PATH, value,
	     sizeof(value));
	CALL("setxattr", in("d/f"), NULL, removexattrat, file, "", AT_EMPTY_PATH,
	     "user.a");
	/* gone by now: ENODATA, of a file that is known all the same */
	CALL("setxattr", in("d/f"), NULL, removexattrat, file, "", AT_EMPTY_PATH,
	     "user.a");
}

TEST(file_attributes)
{
	struct new_file_attr attr = { 0 };

	set_up();
	CALL("getattr", in("d/f"), NULL, file_getattr, dir, "f", &attr, sizeof(attr), 0);
	CALL("setattr", in("d/f"), NULL, file_setattr, dir, "f", &attr, sizeof(attr), 0);
	CALL("getattr", in("none"), NULL, file_getattr, AT_FDCWD, "none", &attr,
	     sizeof(attr), 0);
}

TEST(file_attributes_at_descriptors)
{
	struct new_file_attr attr = { 0 };

	set_up();
	CALL("getattr", in("d/f"), NULL, file_getattr, file, "", &attr, sizeof(attr),
	     AT_EMPTY_PATH);
	CALL("setattr", in("d/f"), NULL, file_setattr, file, "", &attr, sizeof(attr),
	     AT_EMPTY_PATH);
}
