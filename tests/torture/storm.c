/* SPDX-License-Identifier: MIT */
/*
 * Threads, processes, signals, kills and execs at random, with file calls in all of them
 *
 *	storm SECONDS SEED
 *
 * Who makes calls is a worker with a number of its own: a thread, a handler, a program.
 * Worker W's calls are access(2) of s-W-0, s-W-1 and so on; memory that all share
 * holds for each whether it was never begun (0), was begun (1), or has returned ENOENT as it must (2).  Prints
 * a line for each worker: its number and these digits.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 8000
#define CALLS 1000
#define CHILDREN 6
#define MEMORY 900 /* a descriptor that execs keep */

extern char **environ;

static struct shared {
	atomic_uint workers;
	_Atomic uint8_t calls[WORKERS][CALLS];
} * shared;

static uint64_t seed;

static unsigned
any(unsigned below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % below);
}

static void
attach(void)
{
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY,
		      0);
	if (shared == MAP_FAILED)
		_exit(80);
}

struct worker {
	unsigned number, calls;
};

static void
hire(struct worker *w)
{
	*w = (struct worker){ atomic_fetch_add(&shared->workers, 1), 0 };
}

/* Without the library's memory and locks: handlers come through here. */
static void
put_number(char **at, unsigned n)
{
	char digits[12];
	unsigned len = 0;

	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	while (len)
		*(*at)++ = digits[--len];
}

static bool
call(struct worker *w)
{
	char name[40] = "s-", *at = name + 2;
	unsigned i = w->calls;

	if (w->number >= WORKERS || i >= CALLS)
		return false;
	put_number(&at, w->number);
	*at++ = '-';
	put_number(&at, i);
	*at = '\0';
	w->calls++;
	shared->calls[w->number][i] = 1;
	if (access(name, F_OK) == 0 || errno != ENOENT)
		_exit(81);
	shared->calls[w->number][i] = 2;
	return true;
}

/* --- handlers: each thread's has a worker of its own --------------------------------- */

static __thread struct worker handler;
static __thread bool has_handler, can_jump;
static __thread sigjmp_buf back;

static void
on_signal(int signal)
{
	int saved = errno;

	(void)signal;
	if (has_handler)
		call(&handler);
	errno = saved;
	if (can_jump)
		siglongjmp(back, 1);
}

static void
arm_handlers(bool small)
{
	static const int signals[] = { SIGALRM, SIGPROF, SIGUSR1, SIGUSR2 };
	long size = sysconf(_SC_MINSIGSTKSZ) + 2048;
	stack_t stack = { .ss_sp = malloc((size_t)size), .ss_size = (size_t)size };

	if (small)
		sigaltstack(&stack, NULL);
	hire(&handler);
	has_handler = true;
	for (unsigned i = 0; i < 4; i++) {
		struct sigaction a = { .sa_handler = on_signal,
				       .sa_flags = (any(2) ? SA_RESTART : 0) |
						   (small ? SA_ONSTACK : 0) };

		/* on a stack for one */
		sigfillset(&a.sa_mask);
		sigaction(signals[i], &a, NULL);
	}
}

static void
arm_timers(void)
{
	int us = 100 + (int)any(900);
	struct itimerval often = { { 0, us }, { 0, us } };

	setitimer(any(2) ? ITIMER_REAL : ITIMER_PROF, &often, NULL);
}

/* --- kinds of children ------------------------------------------------------------------ */

static void *
busy(void *data)
{
	struct worker w;

	hire(&w);
	hire(&handler);
	has_handler = true;
	if (data)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	while (call(&w))
		if (data)
			pthread_testcancel();
	return NULL;
}

static void
with_threads(void)
{
	pthread_t t[4];

	arm_handlers(false);
	for (unsigned i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, busy, NULL);
	arm_timers();
	if (any(2))
		for (unsigned i = 0; i < 4; i++)
			pthread_join(t[i], NULL);
	else
		usleep(any(20000));
}

static void
with_cancels(void)
{
	for (unsigned i = 0; i < 8; i++) {
		pthread_t t;

		pthread_create(&t, NULL, busy, (void *)shared);
		usleep(any(3000));
		pthread_cancel(t);
		pthread_join(t, NULL);
	}
}

static void
with_jumps(void)
{
	static struct worker w;

	hire(&w);
	/* siglongjmp lets the next signal in before it leaves the handler's stack */
	arm_handlers(false);
	arm_timers();
	for (volatile unsigned i = 0; i < 200; i++) {
		if (sigsetjmp(back, 1) == 0) {
			can_jump = true;
			while (call(&w))
				;
			can_jump = false;
		}
		can_jump = false;
	}
}

static void
with_timers(void)
{
	struct worker w;

	hire(&w);
	arm_handlers(any(2));
	arm_timers();
	while (call(&w))
		;
}

static void
reap(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		_exit(82);
}

static void
with_forks(void)
{
	char *const words[] = { "true", NULL };
	struct worker w, own;

	hire(&w);
	arm_handlers(false);
	arm_timers();
	for (unsigned i = 0; i < 12; i++) {
		pid_t pid;

		call(&w);
		switch (any(3)) {
		case 0:
			pid = fork();
			if (!pid) {
				hire(&own);
				has_handler = false;
				for (unsigned k = any(20); k; k--)
					call(&own);
				_exit(0);
			}
			break;
		case 1:
			pid = vfork();
			if (!pid) {
				call(&w);
				_exit(0);
			}
			break;
		default:
			if (posix_spawn(&pid, "/bin/true", NULL, NULL, words, environ))
				_exit(83);
		}
		call(&w);
		reap(pid);
	}
}

static void
run_again(void)
{
	char text[24];

	snprintf(text, sizeof(text), "%u", any(1u << 30));
	execl("/proc/self/exe", "storm", "calls", text, NULL);
	_exit(84);
}

static void *
exec_thread(void *data)
{
	(void)data;
	usleep(any(3000));
	run_again();
	return NULL;
}

static void
with_exec(void)
{
	pthread_t t;

	if (any(2))
		run_again();
	for (unsigned i = 0; i < 2; i++)
		pthread_create(&t, NULL, busy, NULL);
	pthread_create(&t, NULL, exec_thread, NULL);
	pthread_join(t, NULL);
}

static void
with_fifo(void)
{
	char name[40];
	struct worker w;
	pid_t pid, parent = getpid();
	int fd;

	hire(&w);
	snprintf(name, sizeof(name), "fifo-%u", w.number);
	if (mkfifo(name, 0600))
		_exit(85);
	pid = fork();
	if (!pid) {
		/* nobody else opens the other end */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		usleep(any(20000));
		fd = open(name, O_WRONLY);
		_exit(fd < 0);
	}
	arm_handlers(false);
	arm_timers();
	while ((fd = open(name, O_RDONLY)) < 0)
		if (errno != EINTR)
			_exit(86);
		else
			call(&w);
	reap(pid);
	unlink(name);
}

static void
child(void)
{
	static void (*const kinds[])(void) = {
		with_threads, with_cancels, with_jumps, with_timers,
		with_forks,   with_exec,    with_fifo,
	};

	kinds[any(sizeof(kinds) / sizeof(*kinds))]();
	/* others may be busy still */
	exit(0);
}

/* --- the nemesis ------------------------------------------------------------------------- */

static bool
is_all_right(int status)
{
	/* a signal of ours may come before the handlers are there, or after an exec */
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       (WIFSIGNALED(status) &&
		(WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGUSR1 ||
		 WTERMSIG(status) == SIGALRM || WTERMSIG(status) == SIGPROF));
}

static void
disturb(pid_t pid)
{
	switch (any(12)) {
	case 0:
		kill(pid, SIGKILL);
		break;
	case 1:
	case 2:
		kill(pid, SIGSTOP);
		usleep(any(3000));
		kill(pid, SIGCONT);
		break;
	case 3:
		kill(pid, SIGUSR1);
	}
}

static int
storm(double seconds)
{
	pid_t pids[CHILDREN] = { 0 };
	time_t end = time(NULL) + (time_t)seconds + 1;
	unsigned running = 0;
	bool over = false;
	int status;

	while (!over || running) {
		over = time(NULL) >= end || shared->workers > WORKERS - 200;
		for (unsigned i = 0; i < CHILDREN; i++) {
			if (!pids[i] && !over) {
				pids[i] = fork();
				if (!pids[i]) {
					seed += (uint64_t)getpid() << 20;
					child();
				}
				running++;
			}
			if (!pids[i])
				continue;
			usleep(any(2000));
			disturb(pids[i]);
			if (waitpid(pids[i], &status, WNOHANG) != pids[i])
				continue;
			if (!is_all_right(status)) {
				printf("! status %x\n", status);
				return 1;
			}
			pids[i] = 0;
			running--;
		}
	}
	return 7;
}

static void
report(void)
{
	for (unsigned w = 0; w < shared->workers && w < WORKERS; w++) {
		unsigned last = CALLS;

		/* who jumps out of a call may never have begun it */
		while (last && !shared->calls[w][last - 1])
			last--;
		printf("%u ", w);
		for (unsigned i = 0; i < last; i++)
			putchar('0' + shared->calls[w][i]);
		putchar('\n');
	}
}

int
main(int argc, char **argv)
{
	int fd, status;

	if (argc < 3)
		return 90;
	seed = strtoull(argv[2], NULL, 0) * 2 + 1;
	if (!strcmp(argv[1], "calls")) {
		struct worker w;

		attach();
		hire(&w);
		for (unsigned k = any(300); k; k--)
			call(&w);
		return 0;
	}
	fd = memfd_create("storm", 0);
	if (fd < 0 || ftruncate(fd, sizeof(struct shared)) || dup2(fd, MEMORY) != MEMORY)
		return 91;
	close(fd);
	attach();
	status = storm(atof(argv[1]));
	report();
	return status;
}
