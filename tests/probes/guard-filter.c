/* SPDX-License-Identifier: MIT */
/*
 * A program with a seccomp filter of its own, which answers each openat before
 * ours is asked.  Prints what openat returned, or how often.
 *
 *	errno trap kill log trace notify    what the filter does with openat
 *	prctl      errno, installed by prctl
 *	child      errno, and a child that inherits it makes the call
 *	exec       errno, and a program that is executed makes the call (argv[3])
 *	tsync      errno for all threads at once, one of which opens all the time
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *mode;
	unsigned action;
} actions[] = {
	{ "errno", SECCOMP_RET_ERRNO | EPERM },	 { "trap", SECCOMP_RET_TRAP },
	{ "kill", SECCOMP_RET_KILL_PROCESS },	 { "log", SECCOMP_RET_LOG },
	{ "trace", SECCOMP_RET_TRACE | 0x1234 }, { "notify", SECCOMP_RET_USER_NOTIF },
};

static int listener;
static atomic_int turns, stop;

static long
try_open(const char *name)
{
	return syscall(SYS_openat, AT_FDCWD, name, O_RDONLY);
}

/* Lets every call go on as if there were no filter. */
static void *
supervise(void *unused)
{
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp answer = {
			.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE,
		};

		memset(&call, 0, sizeof(call));
		if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call))
			return unused;
		answer.id = call.id;
		ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

static void *
open_for_ever(void *name)
{
	while (!stop) {
		try_open(name);
		turns++;
	}
	return NULL;
}

static long
install(const char *mode, unsigned flags)
{
	unsigned action = SECCOMP_RET_ERRNO | EPERM;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };

	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (!strcmp(actions[i].mode, mode))
			action = actions[i].action;
	code[2].k = action;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (!strcmp(mode, "prctl"))
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	if (!strcmp(mode, "notify"))
		flags |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static void
on_sigsys(int signal)
{
	static const char text[] = "SIGSYS\n";

	(void)signal;
	if (write(STDOUT_FILENO, text, sizeof(text) - 1) < 0)
		_exit(92);
}

static int
tsync(char *name)
{
	pthread_t thread;
	int before;

	pthread_create(&thread, NULL, open_for_ever, name);
	while (turns < 100)
		;
	if (install("errno", SECCOMP_FILTER_FLAG_TSYNC))
		return 91;
	before = turns;
	while (turns < before + 100)
		;
	stop = 1;
	pthread_join(thread, NULL);
	printf("%d\n", turns);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 2 ? argv[1] : "";
	pthread_t thread;
	long fd;

	signal(SIGSYS, on_sigsys);
	if (!strcmp(mode, "tsync"))
		return tsync(argv[2]);
	fd = install(mode, 0);
	if (fd < 0)
		return 90;
	listener = (int)fd;
	if (!strcmp(mode, "notify"))
		pthread_create(&thread, NULL, supervise, NULL);
	if (!strcmp(mode, "exec") && argc > 3)
		execl(argv[3], argv[3], argv[2], NULL);
	if (!strcmp(mode, "child") && fork()) {
		wait(NULL);
		return 0;
	}
	fd = try_open(argv[2]);
	printf("%s\n", fd >= 0 ? "opened" : strerror(errno));
	fflush(stdout);
	_exit(0);
}
