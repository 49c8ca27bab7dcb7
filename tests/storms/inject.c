/* SPDX-License-Identifier: MIT */
/*
 * Lets system calls of one program fail: of it and its threads, never of its children
 *
 *	inject STATS [NUMBER:REQUEST:ERROR:FIRST:STEP]... -- PROGRAM [ARGUMENT]...
 *
 * Call NUMBER with the REQUEST (see request_of) fails with ERROR when it is made for the
 * FIRST time, counted from 1, and then each STEP times (0: only once).  ERROR 0 lets a
 * write take half of what it is given.  It counts from the program's first getuid(2) on:
 * before that it is the loader's.  STATS gets a line "NUMBER REQUEST COUNT" for each call
 * that was made, then "faults N" and "status S" as waitpid(2) gave it.
 *
 * strace can inject, too, but follows either no thread or the children as well.  Children
 * of fork are left alone because only PTRACE_O_TRACECLONE is set.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define CALLS 512
#define REQUESTS 64
#define PLANS 16
#define TIDS 32

struct plan {
	unsigned nr, request;
	int error;
	unsigned long first, step;
};

static struct plan plans[PLANS];
static unsigned plan_count;
static unsigned long counts[CALLS][REQUESTS], faults;
static bool begun;

/* What is put into a register when a call returns, by thread. */
static struct {
	pid_t tid;
	size_t offset;
	uint64_t value;
} failing[TIDS];

/* What a call is about, where calls of one number differ much: below REQUESTS. */
static unsigned
request_of(uint64_t nr, const uint64_t args[6])
{
	if (nr == SYS_ptrace)
		return args[0] < 32 ? (unsigned)args[0] : (unsigned)(args[0] % 32) + 32;
	if (nr == SYS_futex)
		return args[1] & 15;
	if (nr == SYS_fcntl)
		return args[1] < REQUESTS ? (unsigned)args[1] : REQUESTS - 1;
	return 0;
}

static const struct plan *
plan_for(unsigned nr, unsigned request, unsigned long n)
{
	for (unsigned i = 0; i < plan_count; i++) {
		const struct plan *p = &plans[i];

		if (p->nr != nr || p->request != request || n < p->first)
			continue;
		if (n == p->first || (p->step && (n - p->first) % p->step == 0))
			return p;
	}
	return NULL;
}

static void
poke(pid_t tid, size_t offset, uint64_t value)
{
	ptrace(PTRACE_POKEUSER, tid, offset, value);
}

#define REG(name) offsetof(struct user, regs.name)

static void
at_return(pid_t tid, size_t offset, uint64_t value)
{
	for (unsigned i = 0; i < TIDS; i++)
		if (!failing[i].tid) {
			failing[i].tid = tid;
			failing[i].offset = offset;
			failing[i].value = value;
			return;
		}
}

/* Another argument, for the time of the call: programs find theirs unchanged. */
static void
with_argument(pid_t tid, size_t offset, uint64_t instead, uint64_t own)
{
	poke(tid, offset, instead);
	at_return(tid, offset, own);
}

static void
let_fail(pid_t tid, int error)
{
	poke(tid, REG(orig_rax), (uint64_t)-1);
	at_return(tid, REG(rax), (uint64_t)-error);
}

static void
on_entry(pid_t tid, const struct ptrace_syscall_info *info)
{
	const uint64_t *args = (const uint64_t *)info->entry.args;
	uint64_t nr = info->entry.nr;
	const struct plan *p;
	unsigned request;

	begun |= nr == SYS_getuid;
	if (!begun || nr >= CALLS)
		return;
	request = request_of(nr, args);
	p = plan_for((unsigned)nr, request, ++counts[nr][request]);
	if (!p)
		return;
	faults++;
	if (!p->error)
		with_argument(tid, REG(rdx), args[2] - args[2] / 2, args[2]);
	else if (nr == SYS_brk)
		/* it fails by giving back what was */
		with_argument(tid, REG(rdi), 0, args[0]);
	else
		let_fail(tid, p->error);
}

static void
on_return(pid_t tid)
{
	for (unsigned i = 0; i < TIDS; i++)
		if (failing[i].tid == tid) {
			failing[i].tid = 0;
			poke(tid, failing[i].offset, failing[i].value);
		}
}

static void
on_stop(pid_t tid, int status)
{
	enum __ptrace_request how = PTRACE_SYSCALL;
	struct ptrace_syscall_info info;
	int signal = WSTOPSIG(status);

	if (signal == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
			return;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			on_entry(tid, &info);
		else
			on_return(tid);
		signal = 0;
	} else if (status >> 16) {
		if (status >> 16 == PTRACE_EVENT_STOP && signal != SIGTRAP)
			how = PTRACE_LISTEN;
		signal = 0;
	}
	ptrace(how, tid, NULL, (unsigned long)signal);
}

static void
write_stats(const char *name, int status)
{
	FILE *f = fopen(name, "w");

	if (!f)
		exit(99);
	for (unsigned nr = 0; nr < CALLS; nr++)
		for (unsigned r = 0; r < REQUESTS; r++)
			if (counts[nr][r])
				fprintf(f, "%u %u %lu\n", nr, r, counts[nr][r]);
	fprintf(f, "faults %lu\nstatus %d\n", faults, status);
	fclose(f);
}

static pid_t
start(char **words)
{
	int go[2];
	char byte;
	pid_t pid;

	if (pipe(go) || (pid = fork()) < 0)
		exit(99);
	if (!pid) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(99);
		close(go[0]);
		execv(words[0], words);
		_exit(99);
	}
	close(go[0]);
	if (ptrace(PTRACE_SEIZE, pid, NULL,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL) ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL))
		exit(99);
	/* the stop comes first: from it on every call is seen */
	waitpid(pid, NULL, __WALL);
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	if (write(go[1], "", 1) != 1)
		exit(99);
	close(go[1]);
	return pid;
}

int
main(int argc, char **argv)
{
	int status, last = -1, i = 2;
	pid_t program, tid;

	for (; i < argc && strcmp(argv[i], "--") && plan_count < PLANS; i++) {
		struct plan *p = &plans[plan_count++];

		if (sscanf(argv[i], "%u:%u:%d:%lu:%lu", &p->nr, &p->request, &p->error,
			   &p->first, &p->step) != 5)
			return 98;
	}
	if (i + 1 >= argc)
		return 98;
	program = start(argv + i + 1);
	while ((tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR)
		if (tid > 0 && WIFSTOPPED(status))
			on_stop(tid, status);
		else if (tid == program)
			last = status;
	write_stats(argv[1], last);
	return 0;
}
