/* SPDX-License-Identifier: MIT */
#include "trace/descriptors.h"

#include "base/compiler.h"
#include "model/event.h"
#include "model/record.h"
#include "model/syscalls.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/tracing.h"
#include <errno.h>
#include <linux/net.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* More than the kernel gives a message: 253 descriptors and a few words (SCM_MAX_FD). */
#define CONTROL_MAX 8192

/* What recvmmsg takes at once (UIO_MAXIOV). */
#define MESSAGES_MAX 1024

/*
 * Where things stand in struct msghdr, struct mmsghdr and struct cmsghdr.  i386
 * and x32 have the layout of 32-bit programs.
 */
struct layout {
	size_t word; /* of a pointer, of a size, and what control messages align to */
	size_t control, control_len; /* in struct msghdr */
	size_t message, messages;    /* the size of struct msghdr, of struct mmsghdr */
	size_t head;		     /* the size of struct cmsghdr */
};

static const struct layout *
layout_of(const struct record *call)
{
	static const struct layout wide = { 8, 32, 40, 56, 64, 16 },
				   narrow = { 4, 16, 20, 28, 32, 12 };

	return call->abi == ABI_X86_64 ? &wide : &narrow;
}

static uint64_t
word_at(const struct layout *l, const char *bytes)
{
	uint64_t wide;
	uint32_t narrow;

	memcpy(&narrow, bytes, sizeof(narrow));
	if (l->word == sizeof(narrow))
		return narrow;
	memcpy(&wide, bytes, sizeof(wide));
	return wide;
}

static int
int_at(const char *bytes)
{
	int value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static void
tell(struct tracing *tr, const struct record *call, int fd)
{
	tracing_put(tr, capture_descriptor(&tr->capture, call->tid, fd, call));
}

/* Goes through the control messages as CMSG_NXTHDR(3) would in the process. */
static void
tell_control(struct tracing *tr, const struct record *call, const char *control,
	     size_t size)
{
	const struct layout *l = layout_of(call);
	size_t at = 0;

	while (size - at >= l->head) {
		uint64_t len = word_at(l, control + at);
		int level = int_at(control + at + l->word);
		int type = int_at(control + at + l->word + sizeof(int));

		if (len < l->head || len > size - at)
			return;
		if (level == SOL_SOCKET && type == SCM_RIGHTS)
			for (size_t i = l->head; i + sizeof(int) <= len; i += sizeof(int))
				tell(tr, call, int_at(control + at + i));
		len = (len + l->word - 1) & ~(uint64_t)(l->word - 1);
		if (len > size - at)
			return;
		at += len;
	}
}

/* The message whose header stands at @addr; the kernel has set its length. */
static void
tell_message(struct tracing *tr, const struct record *call, uint64_t addr)
{
	const struct layout *l = layout_of(call);
	char header[64], control[CONTROL_MAX];
	uint64_t size;

	if (remote_read(call->tid, addr, header, l->message) != (ssize_t)l->message)
		return;
	size = MIN(word_at(l, header + l->control_len), (uint64_t)sizeof(control));
	if (size < l->head)
		return;
	if (remote_read(call->tid, word_at(l, header + l->control), control, size) ==
	    (ssize_t)size)
		tell_control(tr, call, control, size);
}

static void
tell_messages(struct tracing *tr, const struct record *call, uint64_t addr,
	      uint64_t count)
{
	for (uint64_t i = 0; i < count && i < MESSAGES_MAX; i++)
		tell_message(tr, call, addr + i * layout_of(call)->messages);
}

/* i386's socketcall(2): the second argument of each stands in memory. */
static void
after_socketcall(struct tracing *tr, const struct record *call)
{
	uint32_t args[2];

	if (remote_read(call->tid, call->args[1], args, sizeof(args)) != sizeof(args))
		return;
	if (call->args[0] == SYS_RECVMSG)
		tell_message(tr, call, args[1]);
	else if (call->args[0] == SYS_RECVMMSG)
		tell_messages(tr, call, args[1], (uint64_t)call->result);
}

void
descriptors_after(struct tracing *tr, const struct record *call)
{
	enum shape shape = syscall_rows[call->row].shape;

	if (call->result < 0)
		return;
	if (shape == SHAPE_RECVMSG)
		tell_message(tr, call, call->args[1]);
	else if (shape == SHAPE_RECVMMSG)
		tell_messages(tr, call, call->args[1], (uint64_t)call->result);
	else if (shape == SHAPE_SOCKETCALL)
		after_socketcall(tr, call);
}

struct owner {
	struct tracing *tr;
	pid_t tid;
	bool attached;
};

static bool
is_uring(const struct record *r)
{
	static const char name[] = "anon_inode:[io_uring]";
	const struct field *f = record_field(r, FIELD_PATH);

	return f && f->len == strlen(name) && !memcmp(f->bytes, name, f->len);
}

static void
tell_inherited(int fd, void *data)
{
	const struct owner *o = data;
	struct capture *c = &o->tr->capture;
	const struct record *r = capture_descriptor(c, o->tid, fd, NULL);

	if (o->attached)
		c->builder.r->flags |= DESCRIPTOR_ATTACHED;
	tracing_put(o->tr, r);
	if (o->attached && is_uring(r))
		tracing_put(o->tr, capture_gap(c, o->tid, GAP_URING,
					       "set up before we attached"));
}

/* A set-uid program, for somebody who is not root. */
static void
tell_refused(struct tracing *tr, pid_t tid)
{
	static const char what[] = "the descriptors that the command was started with";
	struct record *r = record_begin(&tr->capture.builder, RECORD_GAP, tid);

	r->args[0] = GAP_UNREADABLE;
	record_add(&tr->capture.builder, FIELD_PATH, what, sizeof(what) - 1);
	tracing_put(tr, r);
}

void
descriptors_inherited(struct tracing *tr, pid_t tid, bool attached)
{
	struct owner owner = { .tr = tr, .tid = tid, .attached = attached };
	int r = proc_fds(tid, tell_inherited, &owner);

	if (r == -EACCES || r == -EPERM)
		tell_refused(tr, tid);
}
