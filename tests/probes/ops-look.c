/* SPDX-License-Identifier: MIT */
/* Shows calls that only look: stat, access, readlink, directories, watches. */

#include "ops-expect.h"
#include <linux/stat.h>
#include <sys/inotify.h>
#include <sys/vfs.h>

static int dir, file;
static char room[32768];

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

TEST(stats)
{
	set_up();
	CALL("stat", in("d/f"), NULL, stat, "d/f", room);
	CALL("stat", in("link"), NULL, lstat, "link", room);
	CALL("stat", in("none"), NULL, stat, "none", room);
	CALL("stat", in("d/f"), NULL, newfstatat, dir, "f", room, 0);
	CALL("stat", in("link"), NULL, newfstatat, AT_FDCWD, "link", room,
	     AT_SYMLINK_NOFOLLOW);
	CALL("stat", in("d/f"), NULL, newfstatat, file, "", room, AT_EMPTY_PATH);
	CALL("stat", in(""), NULL, newfstatat, AT_FDCWD, "", room, AT_EMPTY_PATH);
	CALL("stat", in("d/f"), NULL, statx, dir, "f", 0, STATX_BASIC_STATS, room);
	CALL("stat", in("d/f"), NULL, statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS,
	     room);
	CALL("statfs", in("d/f"), NULL, statfs, "d/f", room);
	CALL("statfs", in("none"), NULL, statfs, "none", room);
}

/* Since 6.11 no name at all does as well as an empty one. */
TEST(stats_without_a_name)
{
	long result;

	set_up();
	result = RAW(SYS_statx, file, NULL, AT_EMPTY_PATH, STATX_BASIC_STATS, room);
	expect("stat", result < 0 ? "" : in("d/f"), NULL, "statx", result);
	result = RAW(SYS_newfstatat, file, NULL, room, AT_EMPTY_PATH);
	expect("stat", result < 0 ? "" : in("d/f"), NULL, "newfstatat", result);
}

/* Bad result memory: the call fails, but what it was about is known. */
TEST(stats_a_descriptor_in_vain)
{
	set_up();
	CALL("stat", in("d/f"), NULL, newfstatat, dir, "f", (void *)8, 0);
	CALL("stat", in("d/f"), NULL, newfstatat, file, "", (void *)8, AT_EMPTY_PATH);
	CALL("stat", in("d/f"), NULL, statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS,
	     (void *)8);
}

TEST(permissions)
{
	set_up();
	CALL("access", in("d/f"), NULL, access, "d/f", R_OK);
	CALL("access", in("none"), NULL, access, "none", F_OK);
	CALL("access", in("d/f"), NULL, faccessat, dir, "f", R_OK);
	CALL("access", in("d/f"), NULL, faccessat2, dir, "f", R_OK, AT_EACCESS);
	CALL("access", in("d/f"), NULL, faccessat2, file, "", R_OK, AT_EMPTY_PATH);
}

TEST(links)
{
	int link;

	set_up();
	link = (int)CALL("opath", in("link"), NULL, open, "link", O_PATH | O_NOFOLLOW);
	CALL("readlink", in("link"), NULL, readlink, "link", room, sizeof(room));
	CALL("readlink", in("link"), NULL, readlink, "link", room, 1);
	CALL("readlink", in("d/f"), NULL, readlink, "d/f", room, sizeof(room));
	CALL("readlink", in("d/none"), NULL, readlinkat, dir, "none", room, sizeof(room));
	/* readlinkat needs no flag for it */
	CALL("readlink", in("link"), NULL, readlinkat, link, "", room, sizeof(room));
}

TEST(lists)
{
	set_up();
	CALL("list", in("d"), NULL, getdents64, dir, room, sizeof(room));
	CALL("list", in("d"), NULL, getdents64, dir, room, sizeof(room));
	CALL("list", in("d"), NULL, getdents, dir, room, sizeof(room));
	CALL("list", in("d/f"), NULL, getdents64, file, room, sizeof(room));
}

TEST(watches)
{
	int watch;

	set_up();
	watch = inotify_init();
	CALL("watch", in("d"), NULL, inotify_add_watch, watch, "d", IN_CREATE);
	CALL("watch", in("none"), NULL, inotify_add_watch, watch, "none", IN_CREATE);
}

TEST(handles)
{
	struct file_handle *handle = (struct file_handle *)room;
	int mount_id;

	set_up();
	handle->handle_bytes = MAX_HANDLE_SZ;
	CALL("stat", in("d/f"), NULL, name_to_handle_at, dir, "f", handle, &mount_id, 0);
	handle->handle_bytes = MAX_HANDLE_SZ;
	CALL("stat", in("d/f"), NULL, name_to_handle_at, file, "", handle, &mount_id,
	     AT_EMPTY_PATH);
	CALL("stat", in("none"), NULL, name_to_handle_at, AT_FDCWD, "none", handle,
	     &mount_id, 0);
}
