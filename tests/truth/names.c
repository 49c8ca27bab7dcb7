/* SPDX-License-Identifier: MIT */
/*
 * Makes the calls that it is told to, and no other that names a file.
 *
 *   names <CALLS >RESULTS [ANYTHING]    each struct call, then as many names as lengths say
 *   ANYTHING ANYTHING leaf              one access() of its first argument
 *
 * It has no C library, so that not even the start of the program adds a call.
 */
#include <asm/unistd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define NO_ARGUMENT 6
#define EXECUTE 0xffff /* in a child: the first name, with the second one as argument */
#define SOCKET_FD 9
#define RESULTS 16384

struct call {
	unsigned short number;
	unsigned char at[2]; /* which arguments are names, NO_ARGUMENT: none */
	unsigned short len[2];
	unsigned int args[6];
} __attribute__((packed));

static long
call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static _Noreturn void
leave(int status)
{
	for (;;)
		call(__NR_exit_group, status, 0, 0, 0, 0, 0);
}

static long
execute(const char *program, const char *argument)
{
	const char *argv[] = { argument, argument, "leaf", 0 }, *envp[] = { 0 };
	long pid = call(__NR_fork, 0, 0, 0, 0, 0, 0);
	int status = -1;

	if (pid == 0) {
		call(__NR_execve, (long)program, (long)argv, (long)envp, 0, 0, 0);
		leave(127);
	}
	call(__NR_wait4, pid, (long)&status, 0, 0, 0, 0);
	return status;
}

static int
make(const struct call *c)
{
	const char *names[] = { (const char *)(c + 1),
				(const char *)(c + 1) + c->len[0] };
	long args[NO_ARGUMENT + 1], ret;

	if (c->number == EXECUTE)
		return (int)execute(names[0], names[1]);
	for (int i = 0; i < NO_ARGUMENT; i++)
		args[i] = (int)c->args[i];
	for (int i = 0; i < 2; i++)
		args[c->at[i]] = (long)names[i];
	ret = call(c->number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (ret > 2 && (c->number == __NR_open || c->number == __NR_openat))
		call(__NR_close, ret, 0, 0, 0, 0, 0);
	return (int)ret;
}

static void
write_all(const void *data, long size)
{
	while (size > 0) {
		long done = call(__NR_write, 1, (long)data, size, 0, 0, 0);

		if (done <= 0)
			leave(1);
		data = (const char *)data + done;
		size -= done;
	}
}

static void
make_all(const char *at, const char *end)
{
	static int results[RESULTS];
	int n = 0;

	while (at < end) {
		const struct call *c = (const struct call *)at;

		results[n++] = make(c);
		at += sizeof(*c) + c->len[0] + c->len[1];
		if (n == RESULTS || at >= end) {
			write_all(results, n * (long)sizeof(results[0]));
			n = 0;
		}
	}
}

/* @sp: argc, then argv */
_Noreturn void
begin(long *sp)
{
	struct stat st;
	char *calls;
	long fd;

	if (sp[0] == 3)
		leave((int)call(__NR_access, sp[2], 0, 0, 0, 0, 0) & 0x7f);
	fd = call(__NR_socket, AF_UNIX, SOCK_STREAM, 0, 0, 0, 0);
	call(__NR_dup2, fd, SOCKET_FD, 0, 0, 0, 0);
	if (fd < 0 || call(__NR_fstat, 0, (long)&st, 0, 0, 0, 0))
		leave(1);
	calls = (char *)call(__NR_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, 0, 0);
	if ((long)calls < 0 && (long)calls > -4096)
		leave(1);
	make_all(calls, calls + st.st_size);
	leave(0);
}

__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall begin\n");
