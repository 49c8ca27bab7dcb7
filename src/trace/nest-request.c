/* SPDX-License-Identifier: MIT */
#include "trace/nest-request.h"

#include "base/compiler.h"
#include "trace/nest.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/stop.h"
#include "trace/tracee.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>

/* behind <sys/ptrace.h>, whose names it repeats */
#include <linux/ptrace.h>

/* The largest register set: what AMX makes of xsave. */
#define REGSET_MAX (16 * 1024)

#define SIGINFO_SIZE 128

/* One request on its way. */
struct asked {
	const struct kernel *kernel;
	const struct nested *n;
	int request;
	pid_t tid;    /* of whom */
	pid_t tracer; /* by whom */
	uint64_t addr, data;
};

static int64_t
ask(const struct asked *a, uint64_t addr, void *data)
{
	return a->kernel->request(a->request, a->tid, addr, data);
}

static int64_t
give(const struct asked *a, uint64_t to, const void *bytes, size_t len)
{
	return remote_write(a->tracer, to, bytes, len);
}

static int64_t
take(const struct asked *a, uint64_t from, void *bytes, size_t len)
{
	ssize_t n = remote_read(a->tracer, from, bytes, len);

	return n == (ssize_t)len ? 0 : -EFAULT;
}

/* The raw call stores the word, which the C library's returns (ptrace(2), "C library/kernel differences"). */
static int64_t
peek(const struct asked *a)
{
	unsigned long word;
	int64_t r = ask(a, a->addr, &word);

	return r < 0 ? r : give(a, a->data, &word, sizeof(word));
}

static int64_t
poke(const struct asked *a)
{
	return ask(a, a->addr, (void *)(uintptr_t)a->data);
}

/* What is read or written is all at @data, and this much. */
static size_t
size_of(const struct asked *a)
{
	switch (a->request) {
	case PTRACE_GETREGS:
	case PTRACE_SETREGS:
		return sizeof(struct user_regs_struct);
	case PTRACE_GETFPREGS:
	case PTRACE_SETFPREGS:
		return sizeof(struct user_fpregs_struct);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return sizeof(uint64_t);
	default:
		return SIGINFO_SIZE;
	}
}

static int64_t
get(const struct asked *a)
{
	uint64_t bytes[sizeof(struct user_fpregs_struct) / 8];
	int64_t r = ask(a, a->addr, bytes);

	return r < 0 ? r : give(a, a->data, bytes, size_of(a));
}

static int64_t
set(const struct asked *a)
{
	uint64_t bytes[sizeof(struct user_fpregs_struct) / 8];
	int64_t r = take(a, a->data, bytes, size_of(a));

	/* what is told of a stop of our making is made up, too */
	if (r == 0 && !(a->request == PTRACE_SETSIGINFO && a->n->artificial))
		r = ask(a, a->addr, bytes);
	return r;
}

static int64_t
regset(const struct asked *a)
{
	bool sets = a->request == PTRACE_SETREGSET;
	static uint64_t
		bytes[REGSET_MAX / 8]; /* too much for a stack, and there is one loop */
	struct iovec theirs, ours;
	int64_t r = take(a, a->data, &theirs, sizeof(theirs));

	if (r < 0)
		return r;
	ours.iov_base = bytes;
	ours.iov_len = MIN(theirs.iov_len, sizeof(bytes));
	if (sets)
		r = take(a, (uintptr_t)theirs.iov_base, bytes, ours.iov_len);
	if (r == 0)
		r = ask(a, a->addr, &ours);
	if (r == 0 && !sets)
		r = give(a, (uintptr_t)theirs.iov_base, bytes, ours.iov_len);
	theirs.iov_len = ours.iov_len;
	return r < 0 ? r : give(a, a->data, &theirs, sizeof(theirs));
}

/*
 * A stop that is no signal's has no siginfo for whoever did not seize: debuggers tell a
 * group-stop by that (ptrace(2), "Group-stop").
 */
static int64_t
siginfo(const struct asked *a)
{
	int sig = stop_signal(a->n->status);
	siginfo_t info = { .si_signo = sig, .si_code = SI_KERNEL };
	bool group = stop_kind(a->n->task->status) == STOP_GROUP;

	if (!a->n->artificial && group && !a->n->seized)
		return -EINVAL;
	if (!a->n->artificial)
		return get(a);
	if (a->n->seized)
		info.si_code = PTRACE_EVENT_STOP << 8 | sig;
	return give(a, a->data, &info, sizeof(info));
}

static int64_t
message(const struct asked *a)
{
	unsigned long value;
	int64_t r = ask(a, 0, &value);
	enum stop_kind kind = stop_kind(a->n->task->status);

	if (r < 0)
		return r;
	if (kind == STOP_FORK || kind == STOP_EXEC)
		value = (unsigned long)nest_id(a->tracer, (pid_t)value);
	return give(a, a->data, &value, sizeof(value));
}

static int64_t
syscall_info(const struct asked *a)
{
	struct ptrace_syscall_info info;
	int64_t r, n = ask(a, sizeof(info), &info);

	if (n < 0)
		return n;
	r = give(a, a->data, &info, MIN((size_t)a->addr, (size_t)n));
	return r < 0 ? r : n;
}

static const struct {
	int request;
	int64_t (*make)(const struct asked *a);
} requests[] = {
	{ PTRACE_PEEKTEXT, peek },	 { PTRACE_PEEKDATA, peek },
	{ PTRACE_PEEKUSER, peek },	 { PTRACE_POKETEXT, poke },
	{ PTRACE_POKEDATA, poke },	 { PTRACE_POKEUSER, poke },
	{ PTRACE_GETREGS, get },	 { PTRACE_SETREGS, set },
	{ PTRACE_GETFPREGS, get },	 { PTRACE_SETFPREGS, set },
	{ PTRACE_GETSIGMASK, get },	 { PTRACE_SETSIGMASK, set },
	{ PTRACE_GETREGSET, regset },	 { PTRACE_SETREGSET, regset },
	{ PTRACE_GETSIGINFO, siginfo },	 { PTRACE_SETSIGINFO, set },
	{ PTRACE_GETEVENTMSG, message }, { PTRACE_GET_SYSCALL_INFO, syscall_info },
};

int64_t
nest_request(const struct kernel *kernel, const struct nested *n,
	     const struct syscall_stop *stop)
{
	struct asked a = {
		.kernel = kernel,
		.n = n,
		.request = (int)stop->args[0],
		.tid = n->task->tid,
		.tracer = n->tracer->tid,
		.addr = stop->args[2],
		.data = stop->args[3],
	};

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		if (requests[i].request == a.request)
			return requests[i].make(&a);
	return -EIO;
}

/* Which pid namespace the task is in; 0 where nobody can tell. */
static ino_t
namespace_of(pid_t tid)
{
	struct stat st;
	char path[48];

	snprintf(path, sizeof(path), "%d/ns/pid", (int)tid);
	return fstatat(proc_dir(), path, &st, 0) == 0 ? st.st_ino : 0;
}

pid_t
nest_id(pid_t viewer, pid_t tid)
{
	if (!proc_inner_pid(viewer))
		return tid;
	return namespace_of(viewer) == namespace_of(tid) ? proc_inner_pid(tid) : 0;
}
