/* SPDX-License-Identifier: MIT */
/*
 * Signals at every instruction of file calls, those of a recorder in them included
 *
 *	step MODE...
 *
 *	trap      the processor's trap flag: a handler runs behind each instruction
 *	break     what is no instruction, in place of each of the recorder's in turn,
 *	          in a copy of this process's: the handler runs there, and only there
 *	calls     the handler makes file calls
 *	jump      the handler leaves by siglongjmp
 *	small     the handler has a stack of MINSIGSTKSZ
 *
 * Works in the directory that it is started in.  Prints each call that it made with its
 * result: SYSCALL NAME RESULT; how often the handler ran: # handled N.  With "jump"
 * it finds out afterwards whether the call was made.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CODE 0x70000000ul /* recorder/recorder.h */
#define CODE_SIZE 0x40000ul
#define RECORDER 0x70004000ul
#define NO_INSTRUCTION 0x06 /* of x86-64: SIGILL, and the ip stays */
#define DIRECTORY 800	    /* a descriptor */

static struct {
	bool trap, calls, jump, small;
} mode;

static volatile unsigned long handled, all_handled, at_step;
static volatile bool in_handler;
static unsigned handler_calls;
static sigjmp_buf out;

static uint8_t *spoiled, spoiled_byte;

static char text[8 << 20];
static size_t text_len;

static void
say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_len +=
		(size_t)vsnprintf(text + text_len, sizeof(text) - text_len, format, args);
	va_end(args);
}

static void
say_call(const char *syscall, const char *name, long result)
{
	say("%s %s %ld\n", syscall, name, result < 0 ? (long)-errno : result);
}

static void
die(const char *what)
{
	perror(what);
	exit(90);
}

static void
arm(void)
{
	if (mode.trap)
		__asm__ volatile(
			"lea -128(%%rsp),%%rsp\n\tpushfq\n\torq $0x100,(%%rsp)\n\t"
			"popfq\n\tlea 128(%%rsp),%%rsp" ::
				: "memory", "cc");
}

static void
disarm(void)
{
	if (mode.trap)
		__asm__ volatile("lea -128(%%rsp),%%rsp\n\tpushfq\n\t"
				 "andq $0xfffffffffffffeff,(%%rsp)\n\tpopfq\n\t"
				 "lea 128(%%rsp),%%rsp" ::
					 : "memory", "cc");
}

static void
on_trap(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
	handled++;
	all_handled++;
	if (spoiled)
		*spoiled = spoiled_byte;
	if (mode.jump && handled == at_step)
		siglongjmp(out, 1);
	if (mode.calls && !in_handler && handled % 7 == 1) {
		int saved = errno;
		char name[32];

		in_handler = true;
		snprintf(name, sizeof(name), "h%u", handler_calls++);
		say_call("access", name, access(name, F_OK));
		in_handler = false;
		errno = saved;
	}
}

static void
handle(void)
{
	static char stack[64 * 1024];
	stack_t s = { .ss_sp = stack, .ss_size = MINSIGSTKSZ + 2048 };
	struct sigaction a = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO };

	if (mode.small) {
		long least = sysconf(_SC_MINSIGSTKSZ);

		if (least > MINSIGSTKSZ)
			s.ss_size = (size_t)least + 512;
		if (sigaltstack(&s, NULL))
			die("sigaltstack");
		a.sa_flags |= SA_ONSTACK;
	}
	sigaction(SIGTRAP, &a, NULL);
	sigaction(SIGILL, &a, NULL);
}

/* Every kind of work that a recorder does about a call; results must be the kernel's. */
static void
calls(unsigned n)
{
	char dir[32], file[32], none[32], link[64];
	int fd, fd2;
	long r;

	snprintf(dir, sizeof(dir), "d%u", n);
	snprintf(file, sizeof(file), "f%u", n);
	snprintf(none, sizeof(none), "n%u", n);
#define CALL(syscall, name, call)             \
	do {                                  \
		arm();                        \
		errno = 0;                    \
		r = (call);                   \
		disarm();                     \
		say_call(syscall, (name), r); \
	} while (0)
	CALL("mkdir", dir, mkdir(dir, 0700));
	CALL("access", none, access(none, F_OK));
	CALL("openat", file, open(file, O_CREAT | O_RDWR, 0600));
	fd = (int)r;
	CALL("openat", file, openat(DIRECTORY, file, O_RDONLY));
	fd2 = (int)r;
	close(fd);
	close(fd2);
	CALL("readlink", file, readlink(file, link, sizeof(link)));
	CALL("unlink", file, unlink(file));
	CALL("rmdir", dir, rmdir(dir));
	arm();
	errno = 0;
	r = access((const char *)8192, F_OK);
	disarm();
	if (r != -1 || errno != EFAULT)
		say("! access of a bad address: %ld, %s\n", r, strerror(errno));
}

/* Leaves mkdir at the handler's next run; whether it was made is seen by rmdir. */
static bool
leave_at(unsigned n, unsigned long step)
{
	char dir[32];
	volatile bool left = false;
	long r;

	snprintf(dir, sizeof(dir), "d%u", n);
	handled = 0;
	at_step = step;
	if (sigsetjmp(out, 1) == 0) {
		arm();
		r = mkdir(dir, 0700);
		disarm();
		if (r < 0)
			say("! mkdir: %s\n", strerror(errno));
	} else {
		left = true;
	}
	at_step = 0;
	errno = 0;
	r = rmdir(dir);
	say("%s %s %ld\n", left ? "left" : "mkdir", dir, r < 0 ? -1l : 0l);
	say_call("rmdir", dir, r);
	return left;
}

/*
 * From now on the recorder's code is this process's own copy, at the same place, so that
 * the program can spoil it.  The recorder leaves who maps over it: so it is sent away by
 * growing where there is no room, and the copy put where nothing is then.
 */
static bool
own_recorder(void)
{
	static char copy[CODE_SIZE];

	if (msync((void *)CODE, 4096, MS_ASYNC))
		return false;
	memcpy(copy, (void *)CODE, CODE_SIZE);
	if (mremap((void *)CODE, CODE_SIZE, CODE_SIZE + 4096, MREMAP_MAYMOVE) ==
	    MAP_FAILED)
		die("mremap");
	if (mmap((void *)CODE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != (void *)CODE)
		die("mmap");
	memcpy((void *)CODE, copy, CODE_SIZE);
	return true;
}

static void
at_one_place(uint8_t *at, unsigned *n)
{
	spoiled = at;
	spoiled_byte = *at;
	*at = NO_INSTRUCTION;
	if (mode.jump)
		leave_at((*n)++, 1);
	else
		calls((*n)++);
	*at = spoiled_byte;
}

/* Standard input has the offsets of the recorder's instructions. */
static void
by_breaks(void)
{
	unsigned long offset;
	unsigned n = 1;

	if (!own_recorder()) {
		printf("skip no recorder here\n");
		exit(0);
	}
	while (scanf("%lx", &offset) == 1)
		at_one_place((uint8_t *)RECORDER + offset, &n);
}

static void
by_trap(void)
{
	unsigned n = 1;

	if (mode.jump) {
		for (unsigned long step = 1; leave_at(n++, step); step++)
			;
		return;
	}
	for (unsigned i = 0; i < 20; i++)
		calls(n++);
}

int
main(int argc, char **argv)
{
	bool breaks = false;
	int fd;

	for (int i = 1; i < argc; i++) {
		mode.trap |= !strcmp(argv[i], "trap");
		breaks |= !strcmp(argv[i], "break");
		mode.calls |= !strcmp(argv[i], "calls");
		mode.jump |= !strcmp(argv[i], "jump");
		mode.small |= !strcmp(argv[i], "small");
	}
	fd = open(".", O_PATH | O_DIRECTORY);
	if (fd < 0 || dup2(fd, DIRECTORY) < 0)
		die(".");
	close(fd);
	handle();
	/* each place once before, so that it is patched */
	{
		bool trap = mode.trap;

		mode.trap = false;
		calls(0);
		mode.trap = trap;
	}
	if (breaks)
		by_breaks();
	else
		by_trap();
	say("# handled %lu\n", all_handled);
	for (size_t done = 0; done < text_len;) {
		ssize_t w = write(1, text + done, text_len - done);

		if (w <= 0)
			return 91;
		done += (size_t)w;
	}
	return 0;
}
