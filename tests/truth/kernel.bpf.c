/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own account: the raw syscall tracepoints of one process tree
 *
 * Raw tracepoints see every ABI, give the full name and put everything into one
 * ring in the order in which it happened; what finds no room there is counted.
 * Tasks are told apart by the kernel's address of them: a thread that executes
 * a program takes over another thread's number, but stays the same task.
 */
#include "kernel.h"

#include <asm/ptrace.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>

/* behind <linux/bpf.h>, whose types it uses */
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#define TS_COMPAT 2 /* thread_info.status: this call is an i386 one */
#define X32_BIT 0x40000000
#define AF_UNIX 1
#define SUN_PATH_MAX 108
#define SA_HANDLER_MAX 1 /* SIG_DFL and SIG_IGN */

struct thread_info {
	__u32 status;
} __attribute__((preserve_access_index));

struct task_struct {
	struct thread_info thread_info;
	int pid;
} __attribute__((preserve_access_index));

/* A call that has begun. */
struct pending {
	__u64 addr1;
	__u64 addr2;
	__u32 nr;
	__u8 abi;
	__u8 flags;
	__u8 active;
	__u8 unused;
};

struct scratch {
	struct event event;
	char names[3 * NAME_MAX_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 3 * NUMBERS);
	__type(key, __u32);
	__type(value, struct row);
} rows SEC(".maps");

/* The tree that is watched. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct pending);
} tasks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20); /* the loader says how much */
} ring SEC(".maps");

/* [0] is the tracer's pid, set by the loader; [1] counts what was lost. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} state SEC(".maps");

static __always_inline void
count_lost(void)
{
	__u32 key = 1;
	__u64 *lost = bpf_map_lookup_elem(&state, &key);

	if (lost)
		__sync_fetch_and_add(lost, 1);
}

static __always_inline bool
is_tracer(__u32 pid)
{
	__u32 key = 0;
	__u64 *tracer = bpf_map_lookup_elem(&state, &key);

	return tracer && *tracer == pid;
}

static __always_inline struct scratch *
begin(enum event_type type, __u64 task)
{
	__u32 key = 0;
	struct scratch *s = bpf_map_lookup_elem(&scratches, &key);
	__u64 id = bpf_get_current_pid_tgid();

	if (!s)
		return NULL;
	__builtin_memset(&s->event, 0, sizeof(s->event));
	s->event.ns = bpf_ktime_get_ns();
	s->event.task = task;
	s->event.pid = id >> 32;
	s->event.tid = (__u32)id;
	s->event.type = type;
	return s;
}

static __always_inline void
send(struct scratch *s)
{
	__u32 size = sizeof(s->event) + s->event.len1 + s->event.len2;

	if (size > sizeof(*s) || bpf_ringbuf_output(&ring, s, size, BPF_RB_NO_WAKEUP) < 0)
		count_lost();
}

/* Reads both names, as many as there are and are not known yet. */
static __always_inline void
read_names(struct scratch *s, __u64 addr1, __u64 addr2)
{
	long len = 0;

	s->event.len1 = 0;
	s->event.len2 = 0;
	if (addr1) {
		len = bpf_probe_read_user_str(s->names, NAME_MAX_LEN, (void *)addr1);
		if (len < 0 || len > NAME_MAX_LEN) {
			s->event.flags |= FLAG_BAD1;
			len = 0;
		}
		s->event.len1 = len;
	}
	if (addr2) {
		long len2;

		len &= 2 * NAME_MAX_LEN - 1;
		len2 = bpf_probe_read_user_str(s->names + len, NAME_MAX_LEN,
					       (void *)addr2);
		if (len2 < 0 || len2 > NAME_MAX_LEN) {
			s->event.flags |= FLAG_BAD2;
			len2 = 0;
		}
		s->event.len2 = len2;
	}
}

/* The path of a unix socket's address; false where it is none. */
static __always_inline bool
read_sockaddr(struct scratch *s, __u64 addr, __u64 size)
{
	__u16 family = 0;

	if (size <= sizeof(family) ||
	    bpf_probe_read_user(&family, sizeof(family), (void *)addr) < 0 ||
	    family != AF_UNIX)
		return false;
	size -= sizeof(family);
	if (size > SUN_PATH_MAX)
		size = SUN_PATH_MAX;
	if (bpf_probe_read_user(s->names, size, (void *)(addr + sizeof(family))) < 0)
		return false;
	s->event.len1 = size;
	/* an abstract name begins with a NUL */
	return s->names[0] != '\0';
}

static __always_inline __u64
pick(const __u64 *args, __u8 index)
{
	switch (index) {
	case 1:
		return args[0];
	case 2:
		return args[1];
	case 3:
		return args[2];
	case 4:
		return args[3];
	case 5:
		return args[4];
	case 6:
		return args[5];
	default:
		return 0;
	}
}

static __always_inline void
get_args(const struct pt_regs *regs, bool compat, __u64 *args)
{
	if (compat) {
		args[0] = (__u32)regs->rbx;
		args[1] = (__u32)regs->rcx;
		args[2] = (__u32)regs->rdx;
		args[3] = (__u32)regs->rsi;
		args[4] = (__u32)regs->rdi;
		args[5] = (__u32)regs->rbp;
	} else {
		args[0] = regs->rdi;
		args[1] = regs->rsi;
		args[2] = regs->rdx;
		args[3] = regs->r10;
		args[4] = regs->r8;
		args[5] = regs->r9;
	}
}

static __always_inline bool
is_compat(struct task_struct *task)
{
	return BPF_CORE_READ(task, thread_info.status) & TS_COMPAT;
}

/* Fills in the names of the call; false where its arguments make it no file call. */
static __always_inline bool
take_names(struct scratch *s, struct pending *p, const struct row *row, __u64 *args)
{
	__u32 inner[3] = { 0 };

	if (row->shape == ROW_SOCKADDR)
		return read_sockaddr(s, args[1], (__u32)args[2]);
	if (row->shape == ROW_SOCKETCALL) {
		if ((args[0] != 2 && args[0] != 3) ||
		    bpf_probe_read_user(inner, sizeof(inner), (void *)args[1]) < 0)
			return false;
		return read_sockaddr(s, inner[1], inner[2]);
	}
	p->addr1 = pick(args, row->path);
	p->addr2 = pick(args, row->path2);
	if (row->shape == ROW_FSCONFIG && (__u32)args[1] != 3 && (__u32)args[1] != 4)
		return false;
	if (row->shape == ROW_BPF) {
		if ((__u32)args[0] != 6 && (__u32)args[0] != 7)
			return false;
		bpf_probe_read_user(&p->addr1, sizeof(p->addr1), (void *)args[1]);
	}
	if (row->path && !p->addr1)
		s->event.flags |= FLAG_NULL1;
	if (row->path2 && !p->addr2)
		s->event.flags |= FLAG_NULL2;
	read_names(s, p->addr1, p->addr2);
	return true;
}

/* The row for a call, and which call it is; NULL where nobody is interested. */
static __always_inline struct row *
find_row(struct task_struct *task, __u32 number, __u32 *nr, __u32 *abi)
{
	__u32 key;
	struct row *row;

	*nr = number & ~X32_BIT;
	*abi = 0;
	if (is_compat(task))
		*abi = 1;
	else if (number & X32_BIT)
		*abi = 2;
	if (*nr >= NUMBERS)
		return NULL;
	key = *abi * NUMBERS + *nr;
	row = bpf_map_lookup_elem(&rows, &key);
	return row && row->wanted ? row : NULL;
}

/* Begins the event of a call and reads its names; NULL where it is no file call. */
static __always_inline struct scratch *
begin_call(enum event_type type, __u64 task, struct pending *p, const struct row *row,
	   __u32 nr, __u32 abi, const struct pt_regs *regs)
{
	struct scratch *s = begin(type, task);
	__u64 args[6];

	if (!s) {
		count_lost();
		return NULL;
	}
	s->event.nr = nr;
	s->event.abi = abi;
	s->event.ip = regs->rip;
	s->event.sp = regs->rsp;
	get_args(regs, abi == 1, args);
	p->addr1 = 0;
	p->addr2 = 0;
	if (!take_names(s, p, row, args))
		return NULL;
	p->nr = nr;
	p->abi = abi;
	p->flags = s->event.flags;
	return s;
}

SEC("raw_tp/sys_enter")
int
on_enter(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 key = (__u64)task;
	struct pending *p = bpf_map_lookup_elem(&tasks, &key);
	struct pt_regs regs;
	struct scratch *s;
	__u32 nr, abi;
	struct row *row;

	if (!p || is_tracer(bpf_get_current_pid_tgid() >> 32))
		return 0;
	p->active = 0;
	row = find_row(task, (__u32)ctx->args[1], &nr, &abi);
	if (!row)
		return 0;
	if (bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0]) < 0) {
		count_lost();
		return 0;
	}
	s = begin_call(EVENT_ENTER, key, p, row, nr, abi, &regs);
	if (!s)
		return 0;
	p->active = 1;
	send(s);
	return 0;
}

SEC("raw_tp/sys_exit")
int
on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 key = (__u64)task;
	struct pending *p = bpf_map_lookup_elem(&tasks, &key);
	struct pt_regs regs;
	struct scratch *s;
	__u32 nr, abi;
	struct row *row;

	if (!p || is_tracer(bpf_get_current_pid_tgid() >> 32))
		return 0;
	if (bpf_probe_read_kernel(&regs, sizeof(regs), (void *)ctx->args[0]) < 0) {
		count_lost();
		return 0;
	}
	if (!p->active) {
		row = find_row(task, (__u32)regs.orig_rax, &nr, &abi);
		s = row ? begin_call(EVENT_EXIT, key, p, row, nr, abi, &regs) : NULL;
		if (!s)
			return 0;
		s->event.flags |= FLAG_REFUSED;
		s->event.ret = (__s64)ctx->args[1];
		send(s);
		return 0;
	}
	p->active = 0;
	s = begin(EVENT_EXIT, key);
	if (!s) {
		count_lost();
		return 0;
	}
	s->event.nr = p->nr;
	s->event.abi = p->abi;
	s->event.ret = (__s64)ctx->args[1];
	/* where rt_sigreturn goes on to tells how an interrupted call ends */
	s->event.ip = regs.rip;
	s->event.sp = regs.rsp;
	/* The page was not there; now the kernel itself has read from it. */
	if (p->flags & (FLAG_BAD1 | FLAG_BAD2))
		read_names(s, p->addr1, p->addr2);
	send(s);
	return 0;
}

/* Which handler is about to run decides how an interrupted call goes on. */
SEC("raw_tp/signal_deliver")
int
on_signal(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = bpf_get_current_task(), action[2] = { 0 };
	struct scratch *s;

	if (!bpf_map_lookup_elem(&tasks, &key))
		return 0;
	/* struct k_sigaction begins with the handler and its flags */
	if (bpf_probe_read_kernel(action, sizeof(action), (void *)ctx->args[2]) < 0 ||
	    action[0] <= SA_HANDLER_MAX)
		return 0;
	s = begin(EVENT_SIGNAL, key);
	if (!s) {
		count_lost();
		return 0;
	}
	s->event.nr = (int)ctx->args[0];
	s->event.ret = (__s64)action[1];
	send(s);
	return 0;
}

SEC("raw_tp/sched_process_fork")
int
on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 parent = ctx->args[0], child = ctx->args[1];
	struct pending none = { 0 };
	struct scratch *s;

	if (!bpf_map_lookup_elem(&tasks, &parent) &&
	    !is_tracer(bpf_get_current_pid_tgid() >> 32))
		return 0;
	s = begin(EVENT_FORK, child);
	if (!s || bpf_map_update_elem(&tasks, &child, &none, BPF_ANY) < 0) {
		count_lost();
		return 0;
	}
	s->event.nr = BPF_CORE_READ((struct task_struct *)child, pid);
	s->event.ret = (__s64)parent;
	send(s);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int
on_gone(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 key = ctx->args[0];
	struct scratch *s;

	if (!bpf_map_lookup_elem(&tasks, &key))
		return 0;
	bpf_map_delete_elem(&tasks, &key);
	if (is_tracer(bpf_get_current_pid_tgid() >> 32))
		return 0;
	s = begin(EVENT_GONE, key);
	if (s)
		send(s);
	else
		count_lost();
	return 0;
}

/* Helpers that read memory are for programs with a licence that agrees with GPL. */
char LICENSE[] SEC("license") = "Dual MIT/GPL";
