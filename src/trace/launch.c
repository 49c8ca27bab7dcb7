/* SPDX-License-Identifier: MIT */
#include "trace/launch.h"

#include "base/compiler.h"
#include "trace/filter.h"
#include "trace/kernel.h"
#include "trace/privilege.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the child writes when it fails: small enough to be written whole (pipe(7)). */
struct report {
	int32_t stage;
	int32_t error;
};

static long
install(const struct filter *filter)
{
	struct sock_fprog program = { .len = filter->len, .filter = filter->code };
	long r;

	/* else old kernels slow the whole job down against speculation (seccomp(2)) */
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		    &program);
	if (r < 0 && errno == EINVAL)
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	return r;
}

static _noreturn_ void
fail(int to, enum launch_stage stage)
{
	struct report report = { .stage = stage, .error = errno };
	ssize_t ignored = write(to, &report, sizeof(report));

	(void)ignored;
	_exit(127);
}

/*
 * The child's side.  no_new_privs would change what set-uid programs below do,
 * so it is set only where the kernel demands it, and before the filter.
 */
static _noreturn_ void
child(char *const argv[], const struct filter *filter, bool privileged, int go,
      int report)
{
	char byte;

	/* an end of file means that whatfiles gave up, or is gone */
	if (read(go, &byte, 1) != 1)
		_exit(127);
	if (!privileged && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(report, LAUNCH_FILTER);
	if (install(filter) < 0)
		fail(report, LAUNCH_FILTER);
	execvp(argv[0], argv);
	fail(report, LAUNCH_EXEC);
}

/* Ends a child that must not run, without waiting for longer than it takes to die. */
static void
give_up(struct launch *l)
{
	kill(l->pid, SIGKILL);
	waitpid(l->pid, NULL, __WALL);
	close(l->report);
	l->report = -1;
}

static int
seize_and_go(struct launch *l, int go, enum launch_stage *ret_stage)
{
	int r = kernel_seize(l->pid, true);

	if (r < 0) {
		*ret_stage = LAUNCH_SEIZE;
		give_up(l);
		return r;
	}
	if (write(go, "", 1) != 1) {
		r = -errno;
		give_up(l);
		return r;
	}
	return 0;
}

int
launch_start(struct launch *l, char *const argv[], const struct filter *filter,
	     enum launch_stage *ret_stage)
{
	bool privileged = privilege_is_admin();
	int go[2], report[2], r;

	*ret_stage = 0;
	l->report = -1;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(report, O_CLOEXEC) < 0) {
		r = -errno;
		close(go[0]);
		close(go[1]);
		return r;
	}
	l->pid = fork();
	r = -errno;
	if (l->pid == 0) {
		close(go[1]);
		child(argv, filter, privileged, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	l->report = report[0];
	if (l->pid > 0)
		r = seize_and_go(l, go[1], ret_stage);
	else
		close(l->report);
	close(go[1]);
	return r;
}

int
launch_failure(struct launch *l, enum launch_stage *ret_stage)
{
	struct report report;
	ssize_t n = read(l->report, &report, sizeof(report));

	close(l->report);
	l->report = -1;
	if (n != sizeof(report))
		return 0;
	*ret_stage = (enum launch_stage)report.stage;
	return -report.error;
}
