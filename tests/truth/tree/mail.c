/* SPDX-License-Identifier: MIT */
/* Descriptors sent to whoever takes them, with what the sender knew of them. */
#include "place.h"
#include "steps.h"
#include <asm/unistd.h>

#define MSG_DONTWAIT 0x40
#define SOL_SOCKET 1
#define SCM_RIGHTS 1

/* struct msghdr and cmsghdr as the kernel has them; <linux/socket.h> does not. */
struct message {
	void *name;
	int name_len;
	struct {
		void *data;
		size_t len;
	} * vector;
	size_t vector_len;
	void *control;
	size_t control_len;
	unsigned flags;
};

struct rights {
	size_t len;
	int level;
	int type;
	int fd;
};

struct letter {
	struct {
		void *data;
		size_t len;
	} vector;
	struct rights rights;
	struct where where;
};

static long
pass(struct letter *l, long nr, int fd)
{
	struct message m = { .vector_len = 1,
			     .control = &l->rights,
			     .control_len = sizeof(l->rights) };

	l->vector.data = &l->where;
	l->vector.len = sizeof(l->where);
	m.vector = (void *)&l->vector;
	return RAW(nr, fd, &m, MSG_DONTWAIT);
}

void
step_send(struct task *t)
{
	const struct own_fd *own = &t->fds[pick(t, FDS_MAX)];
	struct letter l = { .where = own->where };

	if (own->fd < 0)
		return;
	l.rights = (struct rights){ offsetof(struct rights, fd) + sizeof(int), SOL_SOCKET,
				    SCM_RIGHTS, own->fd };
	pass(&l, __NR_sendmsg, MAIL_FD);
}

void
step_receive(struct task *t)
{
	struct letter l = { .rights = { .fd = -1 } };

	if (pass(&l, __NR_recvmsg, MAIL_FD + 1) > 0 && l.rights.fd >= 0)
		own_fd_add(t, l.rights.fd, false, &l.where);
}
