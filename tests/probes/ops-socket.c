/* SPDX-License-Identifier: MIT */
/* Shows that unix sockets with a path are accesses, and other addresses are none. */

#include "ops-expect.h"
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static int
sock(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

static struct sockaddr_un
address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	strncpy(a.sun_path, path, sizeof(a.sun_path) - 1);
	return a;
}

TEST(relative)
{
	struct sockaddr_un a = address("socket"), none = address("none");
	int server = sock();

	begin();
	CALL("bind", in("socket"), NULL, bind, server, &a, sizeof(a));
	if (listen(server, 5))
		fail("listen");
	CALL("connect", in("socket"), NULL, connect, sock(), &a, sizeof(a));
	CALL("connect", in("none"), NULL, connect, sock(), &none, sizeof(none));
	CALL("bind", in("socket"), NULL, bind, sock(), &a, sizeof(a));
	CALL("delete", in("socket"), NULL, unlink, "socket");
}

/* The length tells where the path ends, with a NUL or without. */
TEST(lengths)
{
	struct sockaddr_un a = address("socket-and-more");
	const socklen_t head = offsetof(struct sockaddr_un, sun_path);

	begin();
	CALL("bind", in("socket"), NULL, bind, sock(), &a, head + 6);
	CALL("bind", in("socket-and-more"), NULL, bind, sock(), &a, head + 15);
	memset(a.sun_path, 'x', sizeof(a.sun_path));
	CALL("bind", in(strndup(a.sun_path, sizeof(a.sun_path))), NULL, bind, sock(), &a,
	     sizeof(a));
}

TEST(absolute)
{
	char path[32] = "/tmp/whatfiles-XXXXXX";
	struct sockaddr_un a;

	if (!mkdtemp(path))
		fail("mkdtemp");
	strcat(path, "/s");
	a = address(path);
	begin();
	CALL("bind", path, NULL, bind, sock(), &a, sizeof(a));
	CALL("delete", path, NULL, unlink, path);
	*strrchr(path, '/') = '\0';
	CALL("rmdir", path, NULL, rmdir, path);
}

TEST(others_are_no_accesses)
{
	struct sockaddr_un abstract = { .sun_family = AF_UNIX,
					.sun_path = "\0whatfiles-probe" };
	struct sockaddr_in inet = { .sin_family = AF_INET,
				    .sin_port = htons(1),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr off = { .sa_family = AF_UNSPEC };
	int server = sock();

	make("f");
	begin();
	RAW(SYS_bind, server, &abstract, offsetof(struct sockaddr_un, sun_path) + 16);
	listen(server, 5);
	RAW(SYS_connect, sock(), &abstract, offsetof(struct sockaddr_un, sun_path) + 16);
	RAW(SYS_bind, sock(), &abstract, sizeof(sa_family_t));
	RAW(SYS_connect, socket(AF_INET, SOCK_STREAM, 0), &inet, sizeof(inet));
	RAW(SYS_connect, socket(AF_INET, SOCK_DGRAM, 0), &off, sizeof(off));
	RAW(SYS_connect, sock(), (void *)8, sizeof(abstract));
	RAW(SYS_connect, sock(), &abstract, 0);
	CALL("read", in("f"), NULL, open, "f", O_RDONLY);
}
