/* SPDX-License-Identifier: MIT */
/*
 * Messages with descriptors, in the layouts of 64-bit and of 32-bit programs.
 * The process that received them is this one: its own memory is read.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "trace/descriptors.h"
#include "trace/proc.h"
#include "trace/tracing.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Memory whose addresses fit 32 bits, for headers and control messages. */
static char *low;

static void
put32(size_t at, uint32_t value)
{
	memcpy(low + at, &value, sizeof(value));
}

static void
put64(size_t at, uint64_t value)
{
	memcpy(low + at, &value, sizeof(value));
}

static uint64_t
address(size_t at)
{
	return (uint64_t)(uintptr_t)(low + at);
}

static void
clear(void)
{
	if (!low)
		low = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	memset(low, 0, 8192);
}

/* struct msghdr at @at, with control messages of @len bytes at @control */
static void
header(enum abi abi, size_t at, size_t control, uint64_t len)
{
	if (abi == ABI_X86_64) {
		put64(at + 32, address(control));
		put64(at + 40, len);
	} else {
		put32(at + 16, (uint32_t)address(control));
		put32(at + 20, (uint32_t)len);
	}
}

/* A control message at @at; returns where the next one begins. */
static size_t
control_message(enum abi abi, size_t at, int type, unsigned count, const int *fds)
{
	size_t word = abi == ABI_X86_64 ? 8 : 4, head = word + 8;
	size_t len = head + count * sizeof(int);

	put64(at, 0);
	put32(at, (uint32_t)len);
	put32(at + word, SOL_SOCKET);
	put32(at + word + 4, (uint32_t)type);
	memcpy(low + at + head, fds, count * sizeof(int));
	return at + ((len + word - 1) & ~(word - 1));
}

/* The descriptors that are told after the call, as text. */
static const char *
told(const char *name, enum abi abi, int64_t result, const uint64_t args[2])
{
	struct tracing tr = { .ring = ring_new(0) };
	struct record call = { .size = sizeof(call),
			       .tid = getpid(),
			       .abi = (uint8_t)abi };
	struct record *r = calloc(1, RECORD_MAX);
	static struct buf out;
	size_t size;

	for (size_t i = 0; i < syscall_row_count; i++)
		if (!strcmp(syscall_rows[i].name, name))
			call.row = (uint16_t)i;
	call.result = result;
	memcpy(call.args, args, 2 * sizeof(*args));
	proc_open();
	capture_init(&tr.capture, false);
	descriptors_after(&tr, &call);
	buf_reset(&out);
	while (ring_read(tr.ring, r, &size) == RING_OK) {
		const struct field *f = record_field(r, FIELD_PATH);

		CHECK_INT(r->kind, RECORD_DESCRIPTOR);
		CHECK_INT(r->row, call.row);
		CHECK_INT(!f, !!(r->flags & DESCRIPTOR_UNKNOWN));
		buf_printf(&out, "%d %.*s\n", (int)r->args[0], f ? (int)f->len : 9,
			   f ? f->bytes : "[unknown]");
	}
	capture_done(&tr.capture);
	ring_free(tr.ring);
	free(r);
	return buf_str(&out);
}

#define FD 100
static const int fds[] = { FD, FD + 1, FD + 2 };

static void
open_some(void)
{
	static const char *const names[] = { "/dev/null", "/dev/zero", "/dev/full" };

	for (int i = 0; i < 3; i++)
		dup2(open(names[i], O_RDONLY), fds[i]);
}

static void
check_one(enum abi abi)
{
	const uint64_t args[] = { 3, (clear(), address(0)) };
	size_t end = control_message(abi, 1024, SCM_CREDENTIALS, 3, (int[]){ 1, 2, 3 });

	end = control_message(abi, end, SCM_RIGHTS, 3, fds);
	header(abi, 0, 1024, end - 1024);
	CHECK_STR(told("recvmsg", abi, 1, args),
		  "100 /dev/null\n101 /dev/zero\n102 /dev/full\n");
	CHECK_STR(told("recvmsg", abi, -1, args), "");
	/* of another layout nothing makes sense, and nothing goes wrong */
	told("recvmsg", abi == ABI_X86_64 ? ABI_I386 : ABI_X86_64, 1, args);
	/* a process may change it before it is read: no length is trusted */
	for (uint32_t len = 0; len < 40; len++) {
		put32(1024, len);
		told("recvmsg", abi, 1, args);
	}
	put32(1024, UINT32_MAX);
	CHECK_STR(told("recvmsg", abi, 1, args), "");
	header(abi, 0, 1024, UINT32_MAX);
	told("recvmsg", abi, 1, args);
	header(abi, 0, 1024, 0);
	CHECK_STR(told("recvmsg", abi, 1, args), "");
}

TEST(F14_one_message_in_each_layout)
{
	open_some();
	for (enum abi abi = 0; abi < ABI_COUNT; abi++)
		check_one(abi);
}

TEST(F14_many_messages_in_each_layout)
{
	open_some();
	for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
		const uint64_t args[] = { 3, (clear(), address(0)) };
		size_t size = abi == ABI_X86_64 ? 64 : 32;

		for (unsigned i = 0; i < 3; i++) {
			size_t at = 1024 + i * 64;
			size_t end = control_message(abi, at, SCM_RIGHTS, 1, &fds[i]);

			header(abi, i * size, at, end - at);
		}
		/* only those that the call received */
		CHECK_STR(told("recvmmsg", abi, 2, args),
			  "100 /dev/null\n101 /dev/zero\n");
		CHECK_STR(told("recvmmsg", abi, 3, args),
			  "100 /dev/null\n101 /dev/zero\n102 /dev/full\n");
	}
}

/* i386: the arguments of socketcall stand in memory. */
TEST(F14_socketcall)
{
	size_t end;

	open_some();
	clear();
	end = control_message(ABI_I386, 1024, SCM_RIGHTS, 2, fds);
	header(ABI_I386, 512, 1024, end - 1024);
	put32(0, 3);
	put32(4, (uint32_t)address(512));
	CHECK_STR(told("socketcall", ABI_I386, 1, (uint64_t[]){ 17, address(0) }),
		  "100 /dev/null\n101 /dev/zero\n");
	CHECK_STR(told("socketcall", ABI_I386, 1, (uint64_t[]){ 19, address(0) }),
		  "100 /dev/null\n101 /dev/zero\n");
	CHECK_STR(told("socketcall", ABI_I386, 0, (uint64_t[]){ 3, address(0) }), "");
	CHECK_STR(told("socketcall", ABI_I386, 1, (uint64_t[]){ 17, 8 }), "");
}

/* Another thread was quicker: what it was is not known, and that is told. */
TEST(F14_a_descriptor_that_is_closed)
{
	const uint64_t args[] = { 3, (clear(), address(0)) };
	size_t end = control_message(ABI_X86_64, 1024, SCM_RIGHTS, 1, (int[]){ 900 });

	header(ABI_X86_64, 0, 1024, end - 1024);
	CHECK_STR(told("recvmsg", ABI_X86_64, 1, args), "900 [unknown]\n");
}
