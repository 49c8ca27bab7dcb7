/* SPDX-License-Identifier: MIT */
/* Shows the calls that only i386 has; for gcc -m32. */

#include "ops-expect.h"
#include <sys/socket.h>
#include <sys/un.h>

#ifndef __i386__
#error "for i386 only"
#endif

static int dir, file;
static char room[4096];

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

TEST(looks)
{
	set_up();
	CALL("stat", in("d/f"), NULL, stat64, "d/f", room);
	CALL("stat", in("link"), NULL, lstat64, "link", room);
	CALL("stat", in("d/f"), NULL, fstatat64, dir, "f", room, 0);
	CALL("stat", in("d/f"), NULL, fstatat64, file, "", room, AT_EMPTY_PATH);
	CALL("stat", in("d/f"), NULL, oldstat, "d/f", room);
	CALL("stat", in("link"), NULL, oldlstat, "link", room);
	CALL("statfs", in("d/f"), NULL, statfs64, "d/f", 84, room);
	CALL("list", in("d"), NULL, readdir, dir, room, 1);
	CALL("list", in("d"), NULL, getdents, dir, room, sizeof(room));
}

TEST(changes)
{
	set_up();
	CALL("truncate", in("d/f"), NULL, truncate64, "d/f", 5, 0);
	CALL("truncate", in("d/f"), NULL, ftruncate64, file, 0, 0);
	CALL("chown", in("d/f"), NULL, chown32, "d/f", -1, -1);
	CALL("chown", in("link"), NULL, lchown32, "link", -1, -1);
	CALL("chown", in("d/f"), NULL, fchown32, file, -1, -1);
	CALL("chown", in("d/f"), NULL, chown, "d/f", -1, -1);
	CALL("utime", in("d/f"), NULL, utimensat_time64, dir, "f", NULL, 0);
	CALL("utime", in("d/f"), NULL, utimensat_time64, file, NULL, NULL, 0);
	CALL("umount", in("d"), NULL, umount, "d");
}

TEST(sockets)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "socket" };
	long server = socket(AF_UNIX, SOCK_STREAM, 0),
	     client = socket(AF_UNIX, SOCK_STREAM, 0);
	long at_server[] = { server, (long)&a, sizeof(a) };
	long at_client[] = { client, (long)&a, sizeof(a) };

	begin();
	CALL("bind", in("socket"), NULL, socketcall, 2, at_server);
	listen((int)server, 5);
	CALL("connect", in("socket"), NULL, socketcall, 3, at_client);
	CALL("delete", in("socket"), NULL, unlink, "socket");
	CALL("connect", in("socket"), NULL, connect, client, &a, sizeof(a));
}
