/* SPDX-License-Identifier: MIT */
/*
 * Random process trees, and an account of what they did
 *
 *   tree PROGRAM ACCOUNT DIRECTORY FIRST LAST
 *
 * Makes a tree of tasks for each seed from FIRST to LAST, one after the other, in
 * DIRECTORY/SEED, and writes into the file ACCOUNT, whose size says how much there
 * is room for.  PROGRAM is this file's absolute name.
 */
#include "births.h"
#include "place.h"
#include "steps.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/wait.h>

#define SECONDS_MAX 20

/* As high as any name can be that a task climbs: see has_left_home(). */
#define DEPTH 6

void start(const long *stack);

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call start\n"
	"	hlt\n");

static unsigned
number(const char *text)
{
	unsigned n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (unsigned)(*text - '0');
	return n;
}

static void
forget_cloexec(struct task *t)
{
	for (unsigned i = 0; i < FDS_MAX; i++)
		if (t->fds[i].cloexec)
			t->fds[i].fd = -1;
}

/* The task goes on after an exec; the call that did it ends here. */
__attribute__((noreturn)) static void
go_on(unsigned index, char **argv)
{
	struct task *t = &ACCOUNT->tree.task[index];
	struct record *r;
	char text[PATH_ROOM], *at = text;

	account_map();
	t->pid = (int)RAW(__NR_getpid);
	t->tid = (int)RAW(__NR_gettid);
	r = t->current;
	r->pid = t->pid;
	r->tid = t->tid;
	account_return(r, 0);
	account_prove(t, r);
	t->current = NULL;
	t->crowded = t->thread = false;
	t->child_count = 0;
	for (; *argv && at - text + strlen(*argv) + 2 < sizeof(text); argv++)
		at = put(put(at, *argv), "\n");
	account_note(t, RECORD_EXECUTED, 0, 0, text, (size_t)(at - text));
	forget_cloexec(t);
	__asm__ volatile("mov %0, %%rsp\n"
			 "xor %%ebp, %%ebp\n"
			 "call births_go_on\n"
			 :
			 : "r"(births_stack(index)), "D"(t)
			 : "memory");
	__builtin_unreachable();
}

/* Opens one of what is inherited, and tells of it when there is an account. */
static long
open_early(const char *path, long flags, int to)
{
	long fd = RAW(__NR_openat, AT_FDCWD, path, flags, 0);

	if (fd < 0)
		RAW(__NR_exit_group, 123);
	RAW(__NR_dup2, fd, to);
	RAW(__NR_close, fd);
	return fd;
}

static void
tell_early(struct task *t, long nr, const char *path, long result)
{
	struct record *r = account_note(t, RECORD_CALL, nr, result, path, strlen(path));

	/* two empty names and two empty directories stand behind it */
	r->flags[0] = NAME_GIVEN | NAME_KNOWN;
}

/* The first task of all makes the trees; it is in each of them the task 0. */
static struct task *
begin_tree(unsigned seed, const char *program, const char *directory)
{
	struct tree *tree = &ACCOUNT->tree;
	struct task *t = &tree->task[0];
	char *home;

	memset(tree, 0, sizeof(*tree));
	tree->seed = seed;
	tree->born = tree->places = 1;
	tree->place[0].root.known = true;
	put(tree->program, program);
	home = put(put(tree->home, directory), "/");
	put_number(home, seed);
	t->pid = t->tid = (int)RAW(__NR_getpid);
	t->random = seed * 0x9e3779b97f4a7c15ull | 1;
	t->privileged = true;
	t->place = &tree->place[0];
	for (unsigned i = 0; i < FDS_MAX; i++)
		t->fds[i].fd = -1;
	for (int i = 0; i < 8; i++)
		account_random(t);
	return t;
}

static void
symbolic_link(struct task *t, const char *text, const char *name)
{
	struct call c = { .nr = { __NR_symlink, 83, __NR_symlink } };

	c.name[0].arg = 2;
	c.name[0].name = name;
	c.name[0].flags = NAME_GIVEN;
	c.name[1].arg = 1;
	c.name[1].name = text;
	c.name[1].flags = NAME_GIVEN | NAME_TEXT;
	account_call(t, &c);
}

/* What each tree begins with: the more there is, the more calls succeed. */
static void
make_home(struct task *t)
{
	static const char *const dirs[] = { "d0", "d1", "d2", "d0/d1", "d0/d0", "d1/d2" };
	static const char *const files[] = { "f0",    "f1",	  "f2",
					     "d0/f0", "d0/d1/f1", "d1/f2" };
	char *home = ACCOUNT->tree.home;

	simple_call(t, __NR_mkdir, 39, home, 0755);
	for (int i = 0; i < DEPTH; i++) {
		put(home + strlen(home), "/h");
		simple_call(t, __NR_mkdir, 39, home, 0755);
	}
	step_home(t);
	for (unsigned i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		simple_call(t, __NR_mkdir, 39, dirs[i], 0755);
	for (unsigned i = 0; i < sizeof(files) / sizeof(*files); i++)
		simple_call(t, __NR_mknod, 14, files[i], S_IFREG | 0644);
	symbolic_link(t, "d0", "l0");
	symbolic_link(t, "../f1", "d0/l1");
}

/* A pair of sockets for everybody's descriptors, without what is left of the last seed's. */
static void
open_mail(void)
{
	int fds[2];

	RAW(__NR_socketpair, 1 /* AF_UNIX */, 2 /* SOCK_DGRAM */, 0, fds);
	RAW(__NR_dup2, fds[0], MAIL_FD);
	RAW(__NR_dup2, fds[1], MAIL_FD + 1);
	RAW(__NR_close, fds[0]);
	RAW(__NR_close, fds[1]);
}

static long
seconds(void)
{
	struct timespec time;

	RAW(__NR_clock_gettime, 1 /* CLOCK_MONOTONIC */, &time);
	return time.tv_sec;
}

/* Waits until nobody of the tree is left; false if that took too long. */
static bool
wait_for_all(struct task *t, long root)
{
	struct timespec nap = { 0, 20000000 };
	unsigned long mask = 1ul << (SIGCHLD - 1);
	long deadline = seconds() + SECONDS_MAX, pid;
	bool late = false;
	int status;

	for (;;) {
		pid = RAW(__NR_wait4, -1, &status, __WALL | WNOHANG, 0);
		if (pid > 0)
			account_note(t, RECORD_WAITED, pid, status, "", 0);
		else if (pid < 0)
			return !late;
		else
			RAW(__NR_rt_sigtimedwait, &mask, 0, &nap, sizeof(mask));
		if (seconds() > deadline) {
			late = true;
			RAW(__NR_kill, -root, SIGKILL);
		}
	}
}

/* A kernel without i386 calls answers them with SIGSEGV. */
static void
try_int80(void *data)
{
	const long none[6] = { 0 };
	int returned;

	births_begin(data);
	raw_int80(20 /* getpid */, none, &returned);
	RAW(__NR_exit_group, 0);
}

static bool
has_int80(struct task *t)
{
	int pid = births_fork(t, try_int80), status;

	if (RAW(__NR_wait4, pid, &status, __WALL, 0) != pid)
		return false;
	account_note(t, RECORD_WAITED, pid, status, "", 0);
	return status == 0;
}

static void
run_seed(struct task *t)
{
	long root;

	t->child_count = 0;
	make_home(t);
	open_mail();
	root = births_fork(t, births_live);
	account_note(t, RECORD_SEED, 0, !wait_for_all(t, root), "", 0);
	for (int fd = 3; fd < 32; fd++)
		RAW(__NR_close, fd);
}

__attribute__((noreturn)) static void
run_all(char **argv)
{
	unsigned seed = number(argv[4]), last = number(argv[5]);
	unsigned long every = ~0ul;
	bool told = false;
	long program, account;

	RAW(__NR_rt_sigprocmask, SIG_BLOCK, &every, 0, sizeof(every));
	RAW(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1);
	program = open_early(argv[1], O_RDONLY, PROGRAM_FD);
	account = open_early(argv[2], O_RDWR, ACCOUNT_FD);
	account_map();
	ACCOUNT->size = (uint64_t)RAW(__NR_lseek, ACCOUNT_FD, 0, 2);
	ACCOUNT->first = ACCOUNT->next = (sizeof(struct account) + 63) / 64 * 64;
	for (; seed <= last; seed++) {
		struct task *t = begin_tree(seed, argv[1], argv[3]);

		if (!told) {
			tell_early(t, __NR_execve, argv[1], 0);
			tell_early(t, __NR_openat, argv[1], program);
			tell_early(t, __NR_openat, argv[2], account);
			ACCOUNT->has_int80 = has_int80(t);
			told = true;
		}
		run_seed(t);
	}
	RAW(__NR_exit_group, 0);
	__builtin_unreachable();
}

void
start(const long *stack)
{
	long argc = stack[0];
	char **argv = (char **)(stack + 1);

	for (char **word = argv; *word; word++)
		if (**word == '@')
			go_on(number(*word + 1), argv);
	if (argc == 6)
		run_all(argv);
	RAW(__NR_exit_group, 124);
}
