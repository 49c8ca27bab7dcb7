/* SPDX-License-Identifier: MIT */
/* Shows how descriptors come from others, and files into memory: for --audit. */

#include "ops-expect.h"
#include <sys/mman.h>
#include <sys/socket.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#define SYS_pidfd_getfd 438
#endif

#define MAX 4 /* descriptors in one message here */

static int ends[2];

static void
begin_with_sockets(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		fail("socketpair");
	begin();
}

/* Sends files as open descriptors, in one message. */
static void
send_files(unsigned count, char *names[])
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(MAX * sizeof(int))];
	} control = { 0 };
	struct iovec text = { "x", 1 };
	struct msghdr m = { .msg_iov = &text, .msg_iovlen = 1 };
	int fds[MAX];

	for (unsigned i = 0; i < count; i++)
		fds[i] = (int)CALL("rdwr", in(names[i]), NULL, open, names[i], O_RDWR);
	if (count) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	if (sendmsg(ends[0], &m, 0) != 1)
		fail("sendmsg");
	for (unsigned i = 0; i < count; i++)
		close(fds[i]);
}

/* Tells of each descriptor in @m that it was received; @names in their order. */
static void
expect_received(struct msghdr *m, const char *call, char *names[])
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		unsigned count = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		int fds[MAX];

		if (c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		for (unsigned i = 0; i < count; i++) {
			expect("receive", in(names[i]), NULL, call, fds[i]);
			close(fds[i]);
		}
	}
}

static char text[16], control[512] __attribute__((aligned(16)));
static struct iovec into = { text, sizeof(text) };

static struct msghdr
empty(size_t room)
{
	return (struct msghdr){ .msg_iov = &into,
				.msg_iovlen = 1,
				.msg_control = room ? control : NULL,
				.msg_controllen = room };
}

static void
receive(size_t room, int flags, char *names[])
{
	struct msghdr m = empty(room);

	if (RAW(SYS_recvmsg, ends[1], &m, flags) != 1)
		fail("recvmsg");
	expect_received(&m, "recvmsg", names);
}

TEST(one_message)
{
	char *names[] = { "a", "b", "c" };

	for (int i = 0; i < 3; i++)
		make(names[i]);
	begin_with_sockets();
	send_files(3, names);
	receive(sizeof(control), 0, names);
}

/* The kernel gives as many as there is room for, and the others are closed. */
TEST(room_for_some)
{
	char *names[] = { "a", "b" };

	make("a");
	make("b");
	begin_with_sockets();
	send_files(2, names);
	receive(CMSG_LEN(sizeof(int)), 0, names);
	send_files(2, names);
	receive(0, 0, names);
}

/* Looking at a message makes descriptors as taking it does. */
TEST(looked_at_and_taken)
{
	char *names[] = { "a" };

	make("a");
	begin_with_sockets();
	send_files(1, names);
	receive(sizeof(control), MSG_PEEK, names);
	receive(sizeof(control), 0, names);
}

/* Other control messages stand before the one with the descriptors. */
TEST(among_others)
{
	char *names[] = { "a", "b" };
	int on = 1;

	make("a");
	make("b");
	begin_with_sockets();
	setsockopt(ends[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	send_files(2, names);
	receive(sizeof(control), 0, names);
}

TEST(nothing_but_text)
{
	begin_with_sockets();
	send_files(0, NULL);
	receive(sizeof(control), 0, NULL);
	/* nothing there, no message, no socket */
	struct msghdr m = empty(sizeof(control));
	RAW(SYS_recvmsg, ends[1], &m, MSG_DONTWAIT);
	RAW(SYS_recvmsg, ends[1], 8, 0);
	RAW(SYS_recvmsg, -1, &m, 0);
}

TEST(several_messages)
{
	char *names[] = { "a", "b" };
	static char rooms[3][128] __attribute__((aligned(16)));
	struct mmsghdr m[3];

	make("a");
	make("b");
	begin_with_sockets();
	send_files(1, names);
	send_files(0, NULL);
	send_files(1, names + 1);
	for (int i = 0; i < 3; i++) {
		m[i].msg_hdr = empty(sizeof(rooms[i]));
		m[i].msg_hdr.msg_control = rooms[i];
	}
	if (RAW(SYS_recvmmsg, ends[1], m, 3, MSG_DONTWAIT, NULL) != 3)
		fail("recvmmsg");
	expect_received(&m[0].msg_hdr, "recvmmsg", names);
	expect_received(&m[2].msg_hdr, "recvmmsg", names + 1);
}

TEST(pidfd_getfd)
{
	int file, pidfd;

	make("f");
	file = open_as("f", O_RDONLY);
	pidfd = (int)RAW(SYS_pidfd_open, getpid(), 0);
	begin();
	CALL("receive", in("f"), NULL, pidfd_getfd, pidfd, file, 0);
	CALL("receive", "", NULL, pidfd_getfd, pidfd, 1000, 0);
	CALL("receive", "", NULL, pidfd_getfd, -1, file, 0);
}

#ifndef SYS_mmap2
TEST(shared_maps)
{
	const int both = PROT_READ | PROT_WRITE;
	int reads, writes;
	long map;

	make("f");
	if (truncate("f", PAGE))
		fail("truncate");
	reads = open_as("f", O_RDONLY);
	writes = open_as("f", O_RDWR);
	begin();
	CALL("map", in("f"), NULL, mmap, 0, PAGE, both, MAP_SHARED, writes, 0);
	CALL("map", in("f"), NULL, mmap, 0, PAGE, both, MAP_SHARED_VALIDATE, writes, 0);
	/* now it cannot be written; an mprotect is enough to change that */
	map = CALL("map", in("f"), NULL, mmap, 0, PAGE, PROT_READ, MAP_SHARED, writes, 0);
	if (mprotect((void *)map, PAGE, both))
		fail("mprotect");
	CALL("map", in("f"), NULL, mmap, 0, PAGE, both, MAP_SHARED, reads, 0);
	/* these change no file, ever */
	RAW(SYS_mmap, 0, PAGE, PROT_READ, MAP_SHARED, reads, 0);
	RAW(SYS_mmap, 0, PAGE, both, MAP_PRIVATE, writes, 0);
	RAW(SYS_mmap, 0, PAGE, both, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CALL("map", "", NULL, mmap, 0, PAGE, both, MAP_SHARED, -1, 0);
}
#endif
