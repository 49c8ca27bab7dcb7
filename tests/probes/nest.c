/* SPDX-License-Identifier: MIT */
/*
 * A tracer: traces children of its own in the way that its argument names and prints
 * what ptrace(2) and the waits answer, without numbers that differ from run to run.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/elf.h>
#include <linux/ptrace.h>

#define FILE_NAME "/etc/hostname"

static volatile long word = 0x1234567890abcdef;
static volatile int *shared;

static long
say(const char *what, long result)
{
	if (result < 0)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else
		printf("%s: ok\n", what);
	return result;
}

#define SAY(request, ...) say(#request, ptrace(request, __VA_ARGS__))

/* A status in words. */
static void
say_status(const char *who, int status)
{
	if (WIFEXITED(status))
		printf("%s: exited %d\n", who, WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		printf("%s: killed by %d\n", who, WTERMSIG(status));
	else
		printf("%s: stopped by %d event %d\n", who, WSTOPSIG(status),
		       status >> 16);
}

static int
await(const char *who, pid_t pid)
{
	int status = 0;
	pid_t got = waitpid(pid, &status, __WALL);

	if (got != pid)
		printf("%s: wait %s\n", who,
		       got < 0 ? strerrorname_np(errno) : "another");
	else
		say_status(who, status);
	return status;
}

/* A child that opens files until it is told to end. */
static pid_t
worker(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	while (!*shared) {
		int fd = open(FILE_NAME, O_RDONLY);

		if (fd < 0)
			_exit(errno);
		close(fd);
	}
	_exit(7);
}

static void
look_at(pid_t pid)
{
	struct user_regs_struct regs;
	struct iovec iov = { &regs, sizeof(regs) };
	uint64_t mask = 0;
	siginfo_t info;

	SAY(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov);
	printf("registers: %zu\n", iov.iov_len);
	SAY(PTRACE_GETREGS, pid, 0, &regs);
	SAY(PTRACE_SETREGS, pid, 0, &regs);
	SAY(PTRACE_GETSIGINFO, pid, 0, &info);
	printf("signal: %d\n", info.si_signo);
	SAY(PTRACE_GETSIGMASK, pid, sizeof(mask), &mask);
	errno = 0;
	printf("word: %d\n", ptrace(PTRACE_PEEKDATA, pid, &word, 0) == word && !errno);
	SAY(PTRACE_POKEDATA, pid, &word, 99);
	printf("word: %ld\n", ptrace(PTRACE_PEEKDATA, pid, &word, 0));
	errno = 0;
	ptrace(PTRACE_PEEKDATA, pid, 8, 0);
	printf("nothing: %s\n", strerrorname_np(errno));
}

static void
case_attach(void)
{
	pid_t pid = worker();

	SAY(PTRACE_ATTACH, pid, 0, 0);
	await("worker", pid);
	SAY(PTRACE_ATTACH, pid, 0, 0);
	look_at(pid);
	SAY(PTRACE_CONT, pid, 0, 0);
	SAY(PTRACE_GETREGS, pid, 0, &word);
	SAY(PTRACE_LISTEN, pid, 0, 0);
	kill(pid, SIGUSR1);
	await("worker", pid);
	SAY(PTRACE_DETACH, pid, 0, 0);
	SAY(PTRACE_DETACH, pid, 0, 0);
	*shared = 1;
	await("worker", pid);
}

static void
case_traceme(void)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		SAY(PTRACE_TRACEME, 0, 0, 0);
		fflush(stdout);
		raise(SIGUSR1);
		raise(SIGSTOP);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	await("child", pid);
	SAY(PTRACE_CONT, pid, 0, 0);
	await("child", pid);
	SAY(PTRACE_CONT, pid, 0, 0);
	await("child", pid);
	printf("nothing: %d\n", waitpid(pid, &status, WNOHANG));
	SAY(PTRACE_CONT, pid, 0, 999);
	SAY(PTRACE_CONT, pid, 0, SIGTERM);
	await("child", pid);
	await("nobody", pid);
}

static void
case_seize(void)
{
	pid_t pid = worker();

	SAY(PTRACE_SEIZE, pid, 1, 0);
	SAY(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD);
	SAY(PTRACE_INTERRUPT, pid, 0, 0);
	await("worker", pid);
	SAY(PTRACE_CONT, pid, 0, 0);
	kill(pid, SIGSTOP);
	await("worker", pid);
	SAY(PTRACE_CONT, pid, 0, SIGSTOP);
	await("worker", pid);
	SAY(PTRACE_LISTEN, pid, 0, 0);
	kill(pid, SIGCONT);
	await("worker", pid);
	SAY(PTRACE_CONT, pid, 0, 0);
	await("worker", pid);
	SAY(PTRACE_KILL, pid, 0, 0);
	await("worker", pid);
}

/* Each call of a child that makes a few, and what they answer. */
static void
case_syscall(void)
{
	struct ptrace_syscall_info info;
	pid_t pid = fork();
	int status;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		syscall(SYS_getppid);
		syscall(SYS_openat, AT_FDCWD, "/whatfiles-probe/none", O_RDONLY);
		syscall(SYS_openat, AT_FDCWD, FILE_NAME, O_RDONLY);
		syscall(SYS_exit_group, 3);
	}
	await("child", pid);
	SAY(PTRACE_SETOPTIONS, pid, 0, 1 << 30);
	SAY(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		waitpid(pid, &status, 0);
		if (!WIFSTOPPED(status))
			break;
		memset(&info, 0, sizeof(info));
		printf("stop %#x, information: %d, ", WSTOPSIG(status),
		       ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0);
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			printf("entry of %d\n", (int)info.entry.nr);
		else
			printf("result %d\n",
			       info.exit.rval > 200 ? 200 : (int)info.exit.rval);
	}
	say_status("child", status);
}

/* Code of which each instruction is known: sixteen of one byte, and a call. */
static void
case_step(void)
{
	uint64_t before = 0, after;
	pid_t pid = fork();
	int status, steps = 0;

	if (!pid) {
		long r = SYS_getppid, path = (long)FILE_NAME;

		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		__asm__ volatile("int3; nop; nop; nop; nop; syscall; nop; mov $2, %%eax; "
				 "xor %%esi, %%esi; syscall; nop; nop; int3"
				 : "+a"(r)
				 : "D"(path)
				 : "rcx", "r11", "rsi", "memory");
		_exit(r < 0);
	}
	await("child", pid);
	ptrace(PTRACE_CONT, pid, 0, 0);
	await("child", pid);
	do {
		before = (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
					  offsetof(struct user, regs.rip), 0);
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		waitpid(pid, &status, 0);
		after = (uint64_t)ptrace(PTRACE_PEEKUSER, pid,
					 offsetof(struct user, regs.rip), 0);
		printf("step of %d, signal %d\n", (int)(after - before),
		       WSTOPSIG(status));
	} while (++steps < 12);
	ptrace(PTRACE_CONT, pid, 0, 0);
	await("child", pid);
}

static void *
thread(void *arg)
{
	close(open(FILE_NAME, O_RDONLY));
	return arg;
}

static void
make_everybody(void)
{
	pthread_t t;
	pid_t pid = fork();

	if (!pid) {
		close(open(FILE_NAME, O_RDONLY));
		_exit(4);
	}
	waitpid(pid, NULL, 0);
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	pid = vfork();
	if (!pid)
		_exit(5);
	waitpid(pid, NULL, 0);
	execl("/bin/true", "true", NULL);
}

/* Everybody whom a child makes, each with the events of its own. */
static void
case_follow(void)
{
	long options = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
		       PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_TRACEVFORKDONE;
	pid_t root = fork(), pid;
	char lines[16][256] = { 0 };
	pid_t pids[16] = { 0 };
	int status, n;

	if (!root) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		make_everybody();
		_exit(1);
	}
	await("child", root);
	SAY(PTRACE_SETOPTIONS, root, 0, options);
	ptrace(PTRACE_CONT, root, 0, 0);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		int event = status >> 16, sig = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;

		for (n = 0; pids[n] && pids[n] != pid; n++)
			;
		pids[n] = pid;
		snprintf(lines[n] + strlen(lines[n]), 24, " %#x", status);
		if (sig)
			ptrace(PTRACE_CONT, pid, 0,
			       event || sig == SIGTRAP || sig == SIGSTOP ? 0 : sig);
	}
	/* in whatever order they come */
	for (n = 0; pids[n]; n++)
		printf("%s:%s\n", pids[n] == root ? "child" : "below", lines[n]);
	printf("at the end: %s\n", strerrorname_np(errno));
}

/* By way of waitid, and the tracer no parent: a child traces its sibling. */
static void
case_sibling(void)
{
	pid_t pid = worker(), tracer = fork();
	siginfo_t info = { 0 };

	if (!tracer) {
		SAY(PTRACE_SEIZE, pid, 0, 0);
		printf("nothing: %d\n", waitpid(pid, NULL, WNOHANG | __WALL));
		SAY(PTRACE_INTERRUPT, pid, 0, 0);
		printf("waitid: %d", waitid(P_PID, (id_t)pid, &info, WSTOPPED | WNOWAIT));
		printf(" code %d status %#x pid %d\n", info.si_code, info.si_status,
		       info.si_pid == pid);
		printf("again: %d\n", waitid(P_ALL, 0, &info, WSTOPPED));
		SAY(PTRACE_CONT, pid, 0, 0);
		*shared = 1;
		await("sibling", pid);
		await("nobody", pid);
		fflush(stdout);
		_exit(0);
	}
	await("tracer", tracer);
	await("worker", pid);
}

/* The tracer ends first: whoever it traced goes on, or dies if it wanted that. */
static void
case_leave(void)
{
	for (int kill_it = 0; kill_it < 2; kill_it++) {
		pid_t pid = worker(), tracer = fork();

		if (!tracer) {
			SAY(PTRACE_ATTACH, pid, 0, 0);
			await("worker", pid);
			SAY(PTRACE_SETOPTIONS, pid, 0, kill_it ? PTRACE_O_EXITKILL : 0);
			fflush(stdout);
			_exit(0);
		}
		await("tracer", tracer);
		if (!kill_it) {
			usleep(20000);
			*shared = 1;
		}
		await("worker", pid);
		*shared = 0;
	}
}

/* What the kernel refuses. */
static void *
own_thread(void *arg)
{
	(void)arg;
	SAY(PTRACE_ATTACH, getpid(), 0, 0);
	return NULL;
}

static void
case_refused(void)
{
	pthread_t t;
	pid_t pid = worker();

	pthread_create(&t, NULL, own_thread, NULL);
	pthread_join(t, NULL);
	SAY(PTRACE_ATTACH, getpid(), 0, 0);
	SAY(PTRACE_ATTACH, 4000000, 0, 0);
	SAY(PTRACE_GETREGS, pid, 0, &word);
	SAY(PTRACE_SEIZE, pid, 0, 1 << 30);
	SAY(PTRACE_ATTACH, pid, 0, 0);
	await("worker", pid);
	say("request 12345", ptrace(12345, pid, 0, 0));
	SAY(PTRACE_GETREGS, pid, 0, 8);
	SAY(PTRACE_INTERRUPT, pid, 0, 0);
	SAY(PTRACE_DETACH, pid, 0, 0);
	*shared = 1;
	await("worker", pid);
}

/* Another user's process, which only root may trace. */
static void
case_other_user(void)
{
	pid_t pid = worker(), tracer = fork();

	if (!tracer) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(99);
		SAY(PTRACE_ATTACH, pid, 0, 0);
		fflush(stdout);
		_exit(0);
	}
	await("tracer", tracer);
	*shared = 1;
	await("worker", pid);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "attach", case_attach },   { "traceme", case_traceme },
		{ "seize", case_seize },     { "syscall", case_syscall },
		{ "step", case_step },	     { "follow", case_follow },
		{ "sibling", case_sibling }, { "leave", case_leave },
		{ "refused", case_refused }, { "other-user", case_other_user },
	};

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[1], cases[i].name))
			continue;
		cases[i].run();
		return 0;
	}
	return 90;
}
