/* SPDX-License-Identifier: MIT */
/*
 * What a program can do that a recorder in its memory must survive unnoticed: does it,
 * and then makes file calls whose results it checks.
 *
 *	hazards MODE [WORD...]
 *
 * Prints "fine" when all was as it is without anybody else in the memory.
 *
 * One piece: a program that is built in several ways, whose modes share their checks.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define REGION ((void *)0x70000000ul) /* recorder/recorder.h */
#define REGION_SIZE 0xf000000ul
#define ROUNDS 20

static const char *self;

static void
fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* A name of this call's own, so that the log can be compared. */
static void
name_of(char *name, const char *what, int dir, unsigned n)
{
	snprintf(name, 64, "hz-%s-%d-%u", what, dir >= 0, n);
}

static void
round_of_calls(int dir, unsigned n)
{
	char name[64], link[64];
	struct stat st;
	int fd;

	name_of(name, "d", dir, n);
	if (mkdirat(dir, name, 0700) || faccessat(dir, name, F_OK, 0))
		fail("mkdir");
	if (unlinkat(dir, name, AT_REMOVEDIR))
		fail("rmdir");
	name_of(name, "n", dir, n);
	if (fstatat(dir, name, &st, 0) == 0 || errno != ENOENT)
		fail("stat of nothing");
	name_of(name, "f", dir, n);
	fd = openat(dir, name, O_CREAT | O_WRONLY, 0600);
	if (fd < 0 || close(fd))
		fail("create");
	if (readlinkat(dir, name, link, sizeof(link)) >= 0 || errno != EINVAL)
		fail("readlink");
	fd = openat(dir, name, O_RDONLY);
	if (fd < 0 || close(fd))
		fail("open");
	if (unlinkat(dir, name, 0))
		fail("unlink");
}

static int dir_fd = -1;

static void
calls(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		round_of_calls(AT_FDCWD, n);
		if (dir_fd >= 0)
			round_of_calls(dir_fd, n);
	}
}

static void
again(const char *mode)
{
	execl(self, self, mode, NULL);
	fail("exec");
}

static void
limit(void)
{
	struct rlimit l = { 1ul << 30, 1ul << 30 };

	calls();
	if (setrlimit(RLIMIT_AS, &l))
		fail("setrlimit");
	again("calls");
}

static void
unmap(void)
{
	calls();
	if (munmap(REGION, REGION_SIZE))
		fail("munmap");
	calls();
}

static void
cover(void)
{
	calls();
	if (mmap(REGION, REGION_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		fail("mmap");
	calls();
}

/* A stat of its own, in a page that is no file's. */
static long
jit_stat(const char *name)
{
	static const unsigned char code[] = { 0xb8, SYS_stat, 0, 0,    0,    0x0f, 0x05,
					      0x48, 0x3d,     0, 0xf0, 0xff, 0xff, 0xc3 };
	static long (*at)(const char *, struct stat *);
	struct stat st;

	if (!at) {
		at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		memcpy((void *)at, code, sizeof(code));
	}
	if (memcmp((void *)at, code, sizeof(code)) != 0)
		fail("somebody wrote into my code");
	return at(name, &st);
}

static void
jit(void)
{
	for (unsigned n = 0; n < ROUNDS; n++) {
		char name[64];

		name_of(name, "j", -1, n);
		if (jit_stat(name) != -ENOENT)
			fail("stat by code of one's own");
	}
	calls();
}

/* Two places of its own, the first of which it makes harmless before anybody came by. */
long first_place(const char *name, int mode), second_place(const char *name, int mode);
__asm__(".p2align 6\nfirst_place:\n\tmov $21,%eax\n\tsyscall\n\tcmp $-4096,%rax\n\t"
	"ret\n\tnop\n\tnop\n"
	".p2align 6\nsecond_place:\n\tmov $21,%eax\n\tsyscall\n\tcmp $-4096,%rax\n\t"
	"ret\n\tnop\n\tnop\n");

static void
change(void)
{
	uint8_t *at = (uint8_t *)first_place,
		*page = (uint8_t *)((uintptr_t)at & ~4095ul);

	for (unsigned i = 0; i < 3; i++) {
		if (second_place("hz-second", F_OK) != -ENOENT)
			fail("second place");
		if (i == 2 && first_place("hz-first", F_OK) != 21)
			fail("first place, changed");
		if (i != 1)
			continue;
		if (mprotect(page, 8192, PROT_READ | PROT_WRITE | PROT_EXEC))
			fail("mprotect");
		/* whatever stands there by now: leave the number */
		memcpy(at, "\xb8\x15\x00\x00\x00\x90\x90\x48\x3d\x00\xf0\xff\xff\xc3",
		       14);
		if (mprotect(page, 8192, PROT_READ | PROT_EXEC))
			fail("mprotect");
	}
	calls();
}

static void
places(void)
{
	for (unsigned i = 0; i < 3; i++)
		if (first_place("hz-first", F_OK) != -ENOENT ||
		    second_place("hz-second", F_OK) != -ENOENT)
			fail("places");
	calls();
}

static atomic_bool over;
static atomic_uint begun;

static void *
busy(void *data)
{
	char name[64];
	struct stat st;

	begun++;
	for (unsigned n = 0; !over; n++) {
		name_of(name, "t", -1, n);
		if (fstatat(data ? dir_fd : AT_FDCWD, name, &st, 0) == 0)
			fail("busy thread");
	}
	return NULL;
}

/*
 * A place that serves any number, as that of syscall(2).  Far from everything, lest some
 * byte look like a branch into it, and nothing may name its middle.
 */
#define ANY_PLACE_RETURNS 9

long any_place(long nr, const char *name, int mode);
__asm__(".skip 160,0x90\nany_place:\n\tmov %edi,%eax\n\tmov %rsi,%rdi\n\tmov %edx,%esi\n\t"
	"syscall\n\tcmp $-4096,%rax\n\tret\n\t.skip 160,0x90");

/*
 * A signal comes when a call has just returned that no recorder cares for; the handler
 * makes one from the same place that it does care for.
 */
static void
on_signal(int signal, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;
	volatile uint64_t behind = (uint64_t)any_place;

	(void)signal;
	(void)info;
	behind += ANY_PLACE_RETURNS;
	if ((uint64_t)c->uc_mcontext.gregs[REG_RIP] != behind)
		fail("the signal came elsewhere");
	if (any_place(SYS_access, "hz-window", F_OK) != -ENOENT)
		fail("call in a handler");
}

static void
window(void)
{
	struct sigaction a = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	sigset_t none, blocked;

	sigaction(SIGUSR1, &a, NULL);
	sigemptyset(&none);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	raise(SIGUSR1);
	if (any_place(SYS_rt_sigsuspend, (const char *)&none, 8) != -EINTR)
		fail("interrupted call");
	calls();
}

/* Threads that have other numbers than everybody outside says. */
static void
inside(void)
{
	int status;
	pid_t pid;

	if (unshare(CLONE_NEWPID))
		fail("unshare");
	pid = fork();
	if (!pid) {
		pthread_t thread;

		pthread_create(&thread, NULL, busy, NULL);
		while (!begun)
			usleep(100);
		calls();
		over = true;
		pthread_join(thread, NULL);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		fail("wait");
}

static void
all_closed(void)
{
	calls();
	if (syscall(SYS_close_range, 3, ~0u, 0))
		fail("close_range");
	dir_fd = -1;
	calls();
}

static void
other_root(void)
{
	mkdir("root", 0700);
	if (chroot("root") || chdir("/"))
		fail("chroot");
	calls();
	dir_fd = -1;
}

/* Another root with a /proc in it: what that says of descriptors is said from there. */
static void
other_root_with_proc(void)
{
	calls();
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		fail("unshare");
	mkdir("root", 0700);
	mkdir("root/proc", 0700);
	if (mount("/proc", "root/proc", NULL, MS_BIND | MS_REC, NULL) || chroot("root") ||
	    chdir("/"))
		fail("chroot");
	dir_fd = open("/", O_PATH | O_DIRECTORY);
	calls();
}

static void
other_user(void)
{
	calls();
	if (fchmodat(AT_FDCWD, ".", 0777, 0) || setgid(65534) || setuid(65534))
		fail("setuid");
	dir_fd = -1;
	again("calls");
}

static void
locked(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
	calls();
}

static void
undumpable(void)
{
	if (prctl(PR_SET_DUMPABLE, 0))
		fail("PR_SET_DUMPABLE");
	calls();
}

static void
no_clock(void)
{
	calls();
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV))
		fail("PR_SET_TSC");
	calls();
}

/* A filter that kills for any call but those that this program makes. */
static void
install(bool all_threads)
{
	static const int allowed[] = {
		SYS_mkdirat, SYS_faccessat2, SYS_unlinkat, SYS_newfstatat,
		SYS_openat,  SYS_close,	     SYS_write,	   SYS_exit_group,
		SYS_exit,    SYS_munmap,     SYS_madvise,  SYS_rt_sigprocmask,
		SYS_fstat,
	};
	struct sock_filter code[64] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	unsigned n = sizeof(allowed) / sizeof(*allowed), at = 1;
	struct sock_fprog program = { .filter = code };

	for (unsigned i = 0; i < n; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							  (unsigned)allowed[i],
							  (uint8_t)(n - i + 3), 0);
	/* readlinkat only with the name that the program gives: an address of its stack */
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
						  SYS_readlinkat, 0, 2);
	code[at++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1]) + 4);
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
	code[at++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = (unsigned short)at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		fail("PR_SET_NO_NEW_PRIVS");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		    all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &program))
		fail("seccomp");
}

static void
filtered(void)
{
	calls();
	install(false);
	calls();
}

static void
usleep_without_call(void)
{
	for (volatile unsigned i = 0; i < 100000; i++)
		;
}

/* The filter comes upon threads in the middle of their calls. */
static void
filter_busy_threads(void)
{
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, busy, i % 2 ? &over : NULL);
	while (begun < 4)
		usleep(100);
	usleep(20000);
	install(true);
	/* and go on to the end of the process: joining takes calls that are not allowed */
	usleep_without_call();
	calls();
	_exit(0);
}

static void
filtered_threads(void)
{
	for (unsigned i = 0; i < 6; i++) {
		int status;
		pid_t pid = fork();

		if (!pid)
			filter_busy_threads();
		if (waitpid(pid, &status, 0) != pid)
			fail("wait");
		if (status)
			printf("ended with status %x\n", status);
	}
}

static void
maps(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f))
		if (line[0] == '7' && line[8] == '-')
			fputs(line, stdout);
}

static void
descriptors(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("%d\n", fd);
	calls();
}

static void
nothing(void)
{
	calls();
}

static void
threads(void)
{
	pthread_t threads[4];

	for (unsigned i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, busy, i % 2 ? &over : NULL);
	usleep(20000);
	calls();
	over = true;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static const struct {
	const char *name;
	void (*run)(void);
} modes[] = {
	{ "calls", nothing },
	{ "limit", limit },
	{ "unmap", unmap },
	{ "cover", cover },
	{ "jit", jit },
	{ "change", change },
	{ "places", places },
	{ "close_range", all_closed },
	{ "chroot", other_root },
	{ "rootproc", other_root_with_proc },
	{ "setuid", other_user },
	{ "mlockall", locked },
	{ "dumpable", undumpable },
	{ "tsc", no_clock },
	{ "filter", filtered },
	{ "tsync", filtered_threads },
	{ "maps", maps },
	{ "window", window },
	{ "pidns", inside },
	{ "descriptors", descriptors },
	{ "threads", threads },
};

int
main(int argc, char **argv)
{
	static char buffer[8192];

	self = "/proc/self/exe";
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	dir_fd = open(".", O_PATH | O_DIRECTORY);
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(modes[i].name, argv[1])) {
			modes[i].run();
			printf("fine\n");
			return 7;
		}
	return 90;
}
