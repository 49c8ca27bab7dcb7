/* SPDX-License-Identifier: MIT */
#include "trace/capture.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "model/decode.h"
#include "model/syscalls.h"
#include "trace/image.h"
#include "trace/kernel.h"
#include "trace/link.h"
#include "trace/look.h"
#include "trace/meant.h"
#include "trace/proc.h"
#include "trace/race.h"
#include "trace/remote.h"
#include "trace/tracee.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ARGV_MAX (16 * 1024)

/* <linux/net.h> and <linux/bpf.h>, whose headers clash with libc's or are long */
#define SOCKETCALL_BIND 2
#define SOCKETCALL_CONNECT 3
#define SOCKETCALL_RECVMSG 17
#define SOCKETCALL_RECVMMSG 19

void
capture_init(struct capture *c, bool resolve)
{
	memset(c, 0, sizeof(*c));
	c->resolve = resolve;
	c->mnt_ns = link_mnt_ns(getpid());
	record_builder_init(&c->builder);
	c->name = mem_zero(1, PATH_MAX);
}

void
capture_done(struct capture *c)
{
	record_builder_done(&c->builder);
	buf_done(&c->scratch);
	free(c->name);
}

static uint64_t
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

struct record *
capture_begin(struct capture *c, enum record_kind kind, pid_t tid)
{
	struct record *r = record_begin(&c->builder, kind, tid);

	r->time = now();
	return r;
}

/* Adds the string at @addr; returns its length, 0 when there is none to be had. */
static size_t
add_name(struct capture *c, struct record *r, enum field_kind kind, uint64_t addr)
{
	size_t len;
	int result;

	if (!addr)
		return 0;
	result = remote_string(r->tid, addr, c->name, PATH_MAX, &len);
	if (result < 0) {
		r->flags |= kind == FIELD_PATH ? CALL_UNREADABLE : CALL_UNREADABLE2;
		r->name_error = (uint8_t)-result;
		if (result != -EFAULT)
			r->flags |= CALL_REFUSED;
		return 0;
	}
	/* a name without a NUL in PATH_MAX bytes fails with ENAMETOOLONG (path_resolution(7)) */
	if (result == REMOTE_CUT) {
		r->flags |= kind == FIELD_PATH ? CALL_CUT : CALL_CUT2;
		len = PATH_MAX - 1;
	}
	record_add(&c->builder, kind, c->name, len);
	c->name[len] = '\0';
	return len;
}

bool
capture_add_link(struct capture *c, enum field_kind kind, pid_t tid, const char *name)
{
	bool deleted;

	if (link_read(tid, name, &c->scratch, &deleted) < 0 ||
	    !record_fits(&c->builder, c->scratch.len))
		return false;
	record_add(&c->builder, kind, c->scratch.data, c->scratch.len);
	return deleted;
}

static bool
add_fd(struct capture *c, enum field_kind kind, pid_t tid, uint64_t fd)
{
	char name[32];

	snprintf(name, sizeof(name), "fd/%d", (int)fd);
	return capture_add_link(c, kind, tid, name);
}

/* The mount namespace: 0 says that it is ours. */
static void
add_mnt_ns(struct capture *c, pid_t tid)
{
	uint64_t ns = link_mnt_ns(tid);

	if (!ns)
		return;
	if (ns == c->mnt_ns)
		ns = 0;
	else
		look_expect_other_roots();
	record_add(&c->builder, FIELD_MNT_NS, &ns, sizeof(ns));
}

void
capture_add_place(struct capture *c, pid_t tid)
{
	capture_add_link(c, FIELD_CWD, tid, "cwd");
	if (proc_link(tid, "root", &c->scratch) == 0 &&
	    strcmp(buf_str(&c->scratch), "/") != 0)
		record_add(&c->builder, FIELD_ROOT, c->scratch.data, c->scratch.len);
	add_mnt_ns(c, tid);
}

/* A name and, where it starts there, the directory behind the descriptor. */
static void
add_name_at(struct capture *c, struct record *r, uint8_t dir, uint8_t path,
	    enum field_kind dir_kind, enum field_kind path_kind)
{
	size_t len = add_name(c, r, path_kind, record_arg(r, path));

	if (dir && (int32_t)record_arg(r, dir) != AT_FDCWD &&
	    (!len || c->name[0] != '/' || decode_starts_at_dir(r)) &&
	    add_fd(c, dir_kind, r->tid, record_arg(r, dir)) && !len)
		r->flags |= CALL_DELETED;
}

/* The path of a unix socket's address; false when it has none. */
static bool
add_sockaddr(struct capture *c, const struct record *r, uint64_t addr, uint64_t size)
{
	struct sockaddr_un sun;
	ssize_t n = remote_read(r->tid, addr, &sun, MIN(size, sizeof(sun)));
	size_t len;

	if (n <= (ssize_t)offsetof(struct sockaddr_un, sun_path) ||
	    sun.sun_family != AF_UNIX)
		return false;
	/* the path needs no NUL when it fills the address; an abstract one begins with it */
	len = strnlen(sun.sun_path, (size_t)n - offsetof(struct sockaddr_un, sun_path));
	return len && record_add(&c->builder, FIELD_PATH, sun.sun_path, len);
}

/* i386's socketcall(2): the arguments of bind or connect stand in memory. */
static bool
add_socketcall(struct capture *c, const struct record *r)
{
	uint32_t args[3];

	/* what these receive is known when they return */
	if (r->args[0] == SOCKETCALL_RECVMSG || r->args[0] == SOCKETCALL_RECVMMSG)
		return true;
	if (r->args[0] != SOCKETCALL_BIND && r->args[0] != SOCKETCALL_CONNECT)
		return false;
	if (remote_read(r->tid, r->args[1], args, sizeof(args)) != sizeof(args))
		return false;
	return add_sockaddr(c, r, args[1], args[2]);
}

static void
add_how(struct capture *c, const struct record *r, const struct syscall_row *row)
{
	struct open_how how = { 0 };
	/* its size is the argument behind it (openat2(2)) */
	size_t size = MIN((size_t)record_arg(r, (uint8_t)(row->flags + 1)), sizeof(how));

	if (size &&
	    remote_read(r->tid, record_arg(r, row->flags), &how, size) == (ssize_t)size)
		record_add(&c->builder, FIELD_HOW, &how, sizeof(how));
}

/* bpf(2): the path's address is the first member of the attributes. */
static void
add_bpf(struct capture *c, struct record *r, const struct syscall_row *row)
{
	uint64_t addr;

	if (remote_read(r->tid, record_arg(r, row->path), &addr, sizeof(addr)) ==
	    sizeof(addr))
		add_name(c, r, FIELD_PATH, addr);
	else
		r->flags |= CALL_UNREADABLE;
}

static void
add_names(struct capture *c, struct record *r, const struct syscall_row *row)
{
	if (row->fd && add_fd(c, FIELD_DIR, r->tid, record_arg(r, row->fd)))
		r->flags |= CALL_DELETED;
	/* the second name first: the first one stays in c->name */
	if (row->path2)
		add_name_at(c, r, row->target ? 0 : row->dir2, row->path2, FIELD_DIR2,
			    FIELD_PATH2);
	if (row->path)
		add_name_at(c, r, row->dir, row->path, FIELD_DIR, FIELD_PATH);
}

/* Looks, before the call, whether the file that O_CREAT names is there. */
static void
look_before_create(struct capture *c, struct record *r, const struct syscall_row *row)
{
	uint64_t flags = decode_open_flags(r);
	const struct field *name = record_field(r, FIELD_PATH);
	int dirfd = row->dir ? (int)record_arg(r, row->dir) : AT_FDCWD;
	unsigned how = decode_starts_at_dir(r) ? LOOK_WITHIN : 0;

	if (!(flags & O_CREAT) || flags & O_EXCL || !name || !name->len)
		return;
	switch (look_at(r->tid, dirfd, c->name, how)) {
	case LOOK_REGULAR:
		r->flags |= CALL_EXISTED;
		break;
	case LOOK_DIRECTORY:
	case LOOK_SPECIAL:
		r->flags |= CALL_EXISTED | CALL_SPECIAL;
		break;
	case LOOK_ABSENT:
		r->flags |= CALL_ABSENT;
		break;
	case LOOK_FAILED:
		break;
	}
}

enum capture_result
capture_entry(struct capture *c, struct tracee *tracee, const struct syscall_row *row,
	      int abi, const struct syscall_stop *stop)
{
	struct record *r = record_begin(&c->builder, RECORD_CALL, tracee->tid);

	/* already now: what other threads call meanwhile may be in the new root */
	if (row->op == OP_CHROOT || row->op == OP_NAMESPACE)
		look_expect_other_roots();
	r->row = (uint16_t)syscall_index(row);
	r->abi = (uint8_t)abi;
	memcpy(r->args, stop->args, sizeof(r->args));
	if (row->shape == SHAPE_SOCKADDR) {
		if (!add_sockaddr(c, r, r->args[1], r->args[2]))
			return CAPTURE_IGNORE;
	} else if (row->shape == SHAPE_SOCKETCALL) {
		if (!add_socketcall(c, r))
			return CAPTURE_IGNORE;
	} else if (row->shape == SHAPE_BPF) {
		add_bpf(c, r, row);
	} else {
		if (row->shape == SHAPE_OPENAT2)
			add_how(c, r, row);
		add_names(c, r, row);
	}
	/* when it returns it is somewhere else, and somebody may have told so already */
	if (row->shape == SHAPE_CWD && row->path && !row->path2)
		capture_add_link(c, FIELD_DIR, r->tid, "cwd");
	look_before_create(c, r, row);
	if (c->resolve)
		meant_before(&c->builder);
	pending_set(&tracee->call, r);
	tracee->call.since = (struct timespec){ 0 };
	if (c->resolve || tracees_has_shared_memory(tracee))
		tracee->call.since = race_clock();
	tracee->call.nr = stop->nr;
	tracee->call.ip = stop->ip;
	tracee->call.sp = stop->sp;
	return CAPTURE_FOLLOW;
}

/* Goes on with a record that was begun at another stop. */
static struct record *
take_up(struct capture *c, const struct record *call)
{
	memcpy(c->builder.r, call, call->size);
	c->builder.r->flags &= (uint16_t)~RECORD_TSC;
	c->builder.r->seal = 0;
	c->builder.r->time = now();
	return c->builder.r;
}

const struct record *
capture_exit(struct capture *c, struct tracee *tracee, int64_t result)
{
	const struct syscall_row *row = &syscall_rows[tracee->call.record->row];
	struct record *r;

	tracee->call.record->result = result;
	r = take_up(c, tracee->call.record);
	/* by an entry that was alone nobody noted the time */
	if (tracee->call.since.tv_sec)
		race_compare(&c->builder, &tracee->call.since,
			     tracees_has_shared_memory(tracee));
	if (result < 0)
		return r;
	if (row->shape == SHAPE_CWD)
		capture_add_place(c, r->tid);
	/* open_by_handle_at: what was opened is known by its descriptor only */
	if (row->makes_fd && !row->path && add_fd(c, FIELD_DIR, r->tid, (uint64_t)result))
		r->flags |= CALL_DELETED;
	/* O_CREAT makes regular files only: the look was at something else */
	if (r->flags & CALL_ABSENT && !proc_fd_is_regular(r->tid, (int)result))
		r->flags = (uint16_t)((r->flags & ~CALL_ABSENT) | CALL_EXISTED);
	if (c->resolve)
		meant_after(&c->builder);
	return r;
}

const struct record *
capture_unfinished(struct capture *c, struct record *call, bool left)
{
	struct record *r = take_up(c, call);

	r->flags |= (uint16_t)(CALL_UNFINISHED | (left ? CALL_LEFT : 0));
	return r;
}

const struct record *
capture_again(struct capture *c, const struct record *call)
{
	return take_up(c, call);
}

const struct record *
capture_interrupted(struct capture *c, struct record *call)
{
	struct record *r = take_up(c, call);

	r->result = -EINTR;
	return r;
}

/* An exec whose entry we never saw, as good as /proc tells it. */
static struct record *
exec_from_proc(struct capture *c, pid_t tid)
{
	struct record *r = capture_begin(c, RECORD_EXEC, tid);

	r->row = (uint16_t)syscall_index(syscall_find(ABI_X86_64, 59 /* execve */));
	capture_add_link(c, FIELD_PATH, tid, "exe");
	return r;
}

static void
add_opened(const char *name, size_t len, void *data)
{
	record_add(data, FIELD_OPENED, name, len);
}

/* The interpreter of a script and the loader of a program. */
static void
add_image(struct capture *c, const struct record *r)
{
	const struct syscall_row *row = &syscall_rows[r->row];
	int dirfd = row->dir ? (int)record_arg(r, row->dir) : AT_FDCWD;
	const struct field *name = record_field(r, FIELD_PATH);
	size_t len = name ? MIN((size_t)name->len, (size_t)PATH_MAX - 1) : 0;

	if (len)
		memcpy(c->name, name->bytes, len);
	c->name[len] = '\0';
	image_interpreters(r->tid, dirfd, c->name, add_opened, &c->builder);
}

const struct record *
capture_exec(struct capture *c, struct tracee *tracee, pid_t former)
{
	const struct record *call = tracee->call.record;
	bool cut,
		seen = tracee->call.active && syscall_rows[call->row].shape == SHAPE_EXEC;
	struct record *r = seen ? take_up(c, call) : exec_from_proc(c, tracee->tid);

	r->kind = RECORD_EXEC;
	r->tid = tracee->tid;
	r->result = 0;
	capture_add_link(c, FIELD_EXE, r->tid, "exe");
	if (c->resolve)
		meant_exec(&c->builder);
	add_image(c, r);
	cut = proc_argv(tracee->tid, &c->scratch, ARGV_MAX);
	if (!record_add(&c->builder, FIELD_ARGV, buf_str(&c->scratch), c->scratch.len))
		cut = true;
	/* the first argument was the name's address, the last is used by no exec */
	r->args[5] = cut;
	r->former = former;
	return r;
}

const struct record *
capture_start(struct capture *c, pid_t tid)
{
	struct record *r = capture_begin(c, RECORD_START, tid);

	r->args[0] = (uint64_t)getpid();
	capture_add_place(c, tid);
	return r;
}

const struct record *
capture_place(struct capture *c, pid_t tid)
{
	capture_begin(c, RECORD_PLACE, tid);
	capture_add_place(c, tid);
	return c->builder.r;
}

const struct record *
capture_descriptor(struct capture *c, pid_t tid, int fd, const struct record *call)
{
	struct record *r = capture_begin(c, RECORD_DESCRIPTOR, tid);
	struct fd_info info = { 0 };

	r->row = call ? call->row : (uint16_t)syscall_index(syscall_find(ABI_X86_64, 59));
	r->abi = call ? call->abi : ABI_X86_64;
	r->flags = call ? 0 : DESCRIPTOR_INHERITED;
	if (proc_fd_info(tid, fd, &info) < 0)
		r->flags |= DESCRIPTOR_UNKNOWN;
	r->args[0] = (uint64_t)fd;
	r->args[1] = info.flags;
	r->args[2] = info.mode;
	add_fd(c, FIELD_PATH, tid, (uint64_t)fd);
	return r;
}

const struct record *
capture_fork(struct capture *c, pid_t parent, pid_t child, bool thread, bool guessed,
	     bool look)
{
	struct record *r = capture_begin(c, RECORD_FORK, parent);
	bool shares_fs = proc_shares(parent, child, KCMP_FS, thread);

	r->args[0] = (uint64_t)child;
	r->args[1] = (uint64_t)proc_inner_pid(child);
	r->flags |= thread ? FORK_THREAD : 0;
	r->flags |= guessed ? FORK_GUESSED : 0;
	r->flags |= shares_fs ? FORK_SHARES_FS : 0;
	r->flags |= proc_shares(parent, child, KCMP_VM, thread) ? FORK_SHARES_VM : 0;
	if (look && !shares_fs)
		capture_add_place(c, child);
	else if (!shares_fs)
		add_mnt_ns(c, child);
	return r;
}

const struct record *
capture_gap(struct capture *c, pid_t tid, enum gap gap, const char *example)
{
	struct record *r = capture_begin(c, RECORD_GAP, tid);

	r->args[0] = gap;
	record_add(&c->builder, FIELD_PATH, example, strlen(example));
	return r;
}

const struct record *
capture_end(struct capture *c, pid_t tid, int status, bool known)
{
	struct record *r = capture_begin(c, RECORD_EXIT, tid);

	r->result = status;
	r->flags = known ? 0 : EXIT_UNKNOWN;
	return r;
}
