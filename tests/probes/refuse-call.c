/* SPDX-License-Identifier: MIT */
/*
 * Runs a command in which one syscall always fails, as in a container that
 * forbids it.
 *
 * refuse-call ptrace|seccomp ERRNO COMMAND...: ERRNO is a number.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int
main(int argc, char *argv[])
{
	if (argc < 4)
		return 2;

	unsigned nr = strcmp(argv[1], "ptrace") == 0 ? SYS_ptrace : SYS_seccomp;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)atoi(argv[2])),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(*code), code };
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);

	if (r < 0 && errno == EACCES) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
	}
	if (r == 0)
		execv(argv[3], argv + 3);
	perror("refuse-call");
	return 99;
}
