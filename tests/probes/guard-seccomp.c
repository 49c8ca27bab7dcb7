/* SPDX-License-Identifier: MIT */
/*
 * What seccomp answers a program, and what filters of its own do; prints it.
 *
 *	get           PR_GET_SECCOMP, before and behind a filter of its own, in a child too
 *	bad           calls of seccomp that must fail, and questions that must not
 *	strict        the strict mode, by seccomp(2)
 *	stack N       N filters on top of each other, then an open
 *	trace         RET_TRACE for getppid, which is no file call, and for openat
 *	no-seccomp    a filter that kills for seccomp(2) and ptrace(2), then seccomp(2)
 *	dispatch      Syscall User Dispatch: each call is a SIGSYS and made by its handler
 *	ring          an io_uring that a supervisor of its own lets go on
 *	clone3        likewise a clone3 with CLONE_UNTRACED, whose child opens a file
 *	speculation   what /proc/self/status says of the mitigations
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif

#define NAME "/whatfiles-probe/secret"

static volatile int listener = -1;

static const char *
answer(long result)
{
	return result >= 0 ? "done" : strerrorname_np(errno);
}

/* Installs a filter that does @action for the calls @a and @b and allows all else. */
static long
install(unsigned a, unsigned b, unsigned action, unsigned flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, a, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, b, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void
get(void)
{
	printf("%d\n", prctl(PR_GET_SECCOMP));
	if (!fork()) {
		printf("child %d\n", prctl(PR_GET_SECCOMP));
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
	printf("filter %s\n", answer(install(1000, 1000, SECCOMP_RET_ALLOW, 0)));
	printf("%d\n", prctl(PR_GET_SECCOMP));
}

static void
bad(void)
{
	unsigned action = SECCOMP_RET_TRACE;
	struct seccomp_notif_sizes sizes;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("no program %s\n",
	       answer(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL)));
	printf("prctl without %s\n",
	       answer(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL)));
	printf("bad flags %s\n",
	       answer(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0xffff0000, NULL)));
	printf("bad operation %s\n", answer(syscall(SYS_seccomp, 77, 0, NULL)));
	printf("action %s\n",
	       answer(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action)));
	printf("sizes %s\n",
	       answer(syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes)));
	printf("open %s\n", answer(open(NAME, O_RDONLY)));
}

static void
stack(int count)
{
	for (int i = 0; i < count; i++)
		if (install(1000, 1001, SECCOMP_RET_ERRNO | EPERM, 0)) {
			printf("%d filters\n", i);
			return;
		}
	printf("%d filters, open %s\n", count, answer(open(NAME, O_RDONLY)));
}

static void
trace(void)
{
	install(SYS_getppid, SYS_openat, SECCOMP_RET_TRACE | 7, 0);
	printf("getppid %s\n", answer(syscall(SYS_getppid)));
	printf("openat %s\n", answer(open(NAME, O_RDONLY)));
	printf("stat %s\n", answer(access(NAME, F_OK)));
}

/* --- syscall user dispatch --------------------------------------------------------- */

static volatile char selector;
static volatile int dispatched;

/* Makes the call that was not made; without the selector it could not even return. */
static void
on_sigsys(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal;
	selector = 0; /* SYSCALL_DISPATCH_FILTER_ALLOW */
	dispatched++;
	regs[REG_RAX] = syscall(info->si_syscall, regs[REG_RDI], regs[REG_RSI],
				regs[REG_RDX], regs[REG_R10]);
	if (regs[REG_RAX] == -1)
		regs[REG_RAX] = -errno;
}

static void
dispatch(void)
{
	struct sigaction action = { .sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO };
	long result;

	sigaction(SIGSYS, &action, NULL);
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, 1, 0, 0, &selector)) {
		printf("no dispatch\n");
		return;
	}
	for (int i = 0; i < 3; i++) {
		selector = 1; /* SYSCALL_DISPATCH_FILTER_BLOCK */
		result = syscall(SYS_openat, AT_FDCWD, NAME, O_RDONLY);
		selector = 0;
		printf("openat %s\n", answer(result));
	}
	printf("%d dispatched\n", dispatched);
}

/* --- a supervisor of its own --------------------------------------------------------- */

/* Lets every call go on as if there were no filter. */
static void *
supervise(void *unused)
{
	while (listener < 0)
		;
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp reply = {
			.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
		};

		memset(&call, 0, sizeof(call));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			return unused;
		reply.id = call.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply);
	}
}

static void
supervised(void)
{
	pthread_t thread;

	/* before the filter, which is for this thread only: its clone3 would wait too */
	if (pthread_create(&thread, NULL, supervise, NULL))
		exit(90);
	listener = (int)install(SYS_io_uring_setup, SYS_clone3, SECCOMP_RET_USER_NOTIF,
				SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (listener < 0)
		exit(91);
}

static void
ring(void)
{
	char params[256] = { 0 };

	supervised();
	printf("ring %s\n", answer(syscall(SYS_io_uring_setup, 4, params)));
}

static void
untraced(void)
{
	struct clone_args args = { .flags = CLONE_UNTRACED, .exit_signal = SIGCHLD };
	long pid;

	supervised();
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0) {
		open(NAME, O_RDONLY);
		_exit(0);
	}
	printf("clone3 %s\n", answer(pid));
	wait(NULL);
}

static void
speculation(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "Specul", 6))
			fputs(line, stdout);
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	setlinebuf(stdout);
	if (!strcmp(mode, "get"))
		get();
	else if (!strcmp(mode, "bad"))
		bad();
	else if (!strcmp(mode, "strict"))
		printf("strict %s\n",
		       answer(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)));
	else if (!strcmp(mode, "stack") && argc > 2)
		stack(atoi(argv[2]));
	else if (!strcmp(mode, "trace"))
		trace();
	else if (!strcmp(mode, "dispatch"))
		dispatch();
	else if (!strcmp(mode, "ring"))
		ring();
	else if (!strcmp(mode, "clone3"))
		untraced();
	else if (!strcmp(mode, "speculation"))
		speculation();
	else if (!strcmp(mode, "no-seccomp")) {
		install(SYS_seccomp, SYS_ptrace, SECCOMP_RET_KILL_PROCESS, 0);
		printf("again %s\n", answer(install(1000, 1000, SECCOMP_RET_ALLOW, 0)));
	}
	fflush(stdout);
	syscall(SYS_exit_group, 0);
}
