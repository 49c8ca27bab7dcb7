/* SPDX-License-Identifier: MIT */
/*
 * Busy processes of every kind that are killed at any moment, and an account of their calls
 *
 *	busy KILLS SEED TABLE	ends with status 7 when so many were killed
 *	busy 0 SEED TABLE	goes on until somebody ends it
 *
 * Who makes calls is a worker with a number of its own.  Worker W's calls name k-W-0,
 * k-W-1 and so on, which do not exist.  The file TABLE, which outlives us all, holds
 * for each whether it was never begun (0), was begun (1), or has returned ENOENT (2).
 * Nobody but our own children, not yet waited for, is ever killed: no pid is guessed.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
#include <unistd.h>

#define WORKERS 60000 /* as in ./run */
#define CALLS 64
#define SLOTS 8
#define GIVE_UP 57 /* of a child that could not do what it was to do */

extern char **environ;

static struct table {
	atomic_uint workers, kills;
	atomic_uint wrong; /* how a call ended that could only end with ENOENT */
	uint32_t unused;
	_Atomic uint8_t calls[WORKERS][CALLS];
} * table;

static const char *table_name;
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
open_table(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	table_name = name;
	if (fd < 0 || ftruncate(fd, sizeof(*table)))
		_exit(GIVE_UP);
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (table == MAP_FAILED)
		_exit(GIVE_UP);
	close(fd);
}

struct worker {
	unsigned number, calls;
};

static void
hire(struct worker *w)
{
	*w = (struct worker){ atomic_fetch_add(&table->workers, 1), 0 };
}

static int
call_by(unsigned which, const char *name)
{
	struct stat st;
	char link[8];

	switch (which % 5) {
	case 0:
		return access(name, F_OK);
	case 1:
		return open(name, O_RDONLY);
	case 2:
		return stat(name, &st);
	case 3:
		return unlink(name);
	default:
		return (int)readlink(name, link, sizeof(link));
	}
}

/* Makes the worker's next call; false when there is no room to account for it. */
static bool
call(struct worker *w)
{
	unsigned i = w->calls;
	char name[40];

	if (w->number >= WORKERS || i >= CALLS)
		return false;
	snprintf(name, sizeof(name), "k-%u-%u", w->number, i);
	w->calls++;
	table->calls[w->number][i] = 1;
	if (call_by(w->number + i, name) >= 0 || errno != ENOENT) {
		table->wrong = errno ? (unsigned)errno : UINT32_MAX;
		_exit(GIVE_UP);
	}
	table->calls[w->number][i] = 2;
	return true;
}

static _Noreturn void
wait_for_death(void)
{
	for (;;)
		pause();
}

/* --- kinds of victims -------------------------------------------------------------- */

static void
plain(struct worker *w)
{
	while (call(w))
		;
}

static void *
busy_thread(void *data)
{
	struct worker w;

	(void)data;
	hire(&w);
	plain(&w);
	/* whoever returned last would end the process before it is killed */
	wait_for_death();
}

static void
with_threads(struct worker *w)
{
	pthread_t t;

	for (unsigned i = 0; i < 3; i++)
		pthread_create(&t, NULL, busy_thread, NULL);
	plain(w);
	/* the others go on without the first one */
	if (any(2))
		pthread_exit(NULL);
}

/* They die with their parent, in the same moment. */
static pid_t
fork_bound(void)
{
	pid_t parent = getpid(), pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	seed += (uint64_t)getpid() << 20;
	return 0;
}

static void
with_forks(struct worker *w)
{
	struct worker own;

	while (call(w)) {
		pid_t pid = fork_bound();

		if (!pid) {
			hire(&own);
			for (unsigned k = any(CALLS); k && call(&own); k--)
				;
			_exit(0);
		}
		/* some are left to themselves */
		if (any(4))
			waitpid(pid, NULL, 0);
	}
}

static _Noreturn void
run_again(const struct worker *w)
{
	char number[16], calls[16], word[24];

	snprintf(number, sizeof(number), "%u", w->number);
	snprintf(calls, sizeof(calls), "%u", w->calls);
	snprintf(word, sizeof(word), "%u", any(1u << 30));
	execl("/proc/self/exe", "busy", "again", word, table_name, number, calls, NULL);
	_exit(GIVE_UP);
}

static void
with_execs(struct worker *w)
{
	for (unsigned k = any(8); k && call(w); k--)
		;
	if (w->calls < CALLS && w->number < WORKERS)
		run_again(w);
}

static void *
exec_thread(void *data)
{
	usleep(any(2000));
	run_again(data);
	return NULL;
}

static void
with_thread_exec(struct worker *w)
{
	static struct worker next;
	pthread_t t;

	hire(&next);
	pthread_create(&t, NULL, busy_thread, NULL);
	pthread_create(&t, NULL, exec_thread, &next);
	plain(w);
}

static void
with_spawns(struct worker *w)
{
	char *const words[] = { "true", NULL };
	pid_t pid;

	while (call(w)) {
		if (posix_spawn(&pid, "/bin/true", NULL, NULL, words, environ))
			_exit(GIVE_UP);
		waitpid(pid, NULL, 0);
	}
}

static void
with_vforks(struct worker *w)
{
	while (call(w)) {
		pid_t pid = vfork();

		if (!pid) {
			call(w);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* Killed while it waits in the middle of a call: nobody ever writes into it. */
static void
in_fifo(struct worker *w)
{
	call(w);
	open("fifo", O_RDONLY);
}

static void
on_alarm(int signal)
{
	(void)signal;
}

static void
with_signals(struct worker *w)
{
	struct itimerval often = { { 0, 300 }, { 0, 300 } };
	struct sigaction a = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &a, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	plain(w);
}

static _Noreturn void
victim(void)
{
	static void (*const kinds[])(struct worker *) = {
		plain,	     with_threads, with_forks, with_execs,   with_thread_exec,
		with_spawns, with_vforks,  in_fifo,    with_signals,
	};
	struct worker w;

	hire(&w);
	kinds[any(sizeof(kinds) / sizeof(*kinds))](&w);
	wait_for_death();
}

/* --- the killer -------------------------------------------------------------------- */

static pid_t
new_victim(void)
{
	pid_t pid = fork_bound();

	if (pid < 0)
		_exit(GIVE_UP);
	if (!pid)
		victim();
	return pid;
}

/* Kills one that is not dead yet; the system must say that it died of it. */
static void
kill_one(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	if (waitpid(pid, &status, 0) != pid) {
		printf("! cannot wait for %d: %m\n", (int)pid);
		exit(1);
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		table->kills++;
		return;
	}
	printf("! %d ended with status %x\n", (int)pid, (unsigned)status);
	exit(1);
}

int
main(int argc, char **argv)
{
	unsigned kills;
	pid_t pids[SLOTS];

	if (argc < 4)
		return 90;
	seed = strtoull(argv[2], NULL, 0) * 2 + 1;
	open_table(argv[3]);
	if (!strcmp(argv[1], "again")) {
		struct worker w = { (unsigned)atoi(argv[4]), (unsigned)atoi(argv[5]) };

		if (any(2))
			with_execs(&w);
		plain(&w);
		wait_for_death();
	}
	kills = (unsigned)atoi(argv[1]);
	if (mkfifo("fifo", 0600))
		return 91;
	for (unsigned i = 0; i < SLOTS; i++)
		pids[i] = new_victim();
	while (!kills || table->kills < kills) {
		unsigned i = any(SLOTS);

		if (any(2))
			usleep(any(3000));
		kill_one(pids[i]);
		pids[i] = new_victim();
	}
	for (unsigned i = 0; i < SLOTS; i++)
		kill_one(pids[i]);
	return 7;
}
