/* SPDX-License-Identifier: MIT */
/*
 * scale-crowd IDLE BUSY WHAT COUNT [late]: a few processes that do something among many
 * that do nothing.
 *
 * IDLE processes wait and BUSY ones do COUNT times WHAT ("open" a file, "fork" a child),
 * the idle ones the older, or with "late" the younger ones.  Prints the nanoseconds that
 * one took until the first of them was done, and how many were made by then by all, by the
 * slowest and by the fastest: "ns=N all=N least=N most=N".
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST_BUSY 256

struct shared {
	volatile int over;
	pid_t pids[MOST_BUSY];
	volatile long done[MOST_BUSY];
};

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns in the child with 0, and in the parent. */
static pid_t
child_of_ours(void)
{
	pid_t pid = fork();

	if (pid < 0) {
		perror("fork");
		exit(2);
	}
	return pid;
}

/* Idle ones read from @start until it is closed; they are ready when they have written. */
static void
make_idle(long count, const int start[2], int ready)
{
	for (long i = 0; i < count; i++) {
		char byte;

		if (child_of_ours())
			continue;
		close(start[1]);
		if (write(ready, "", 1) != 1 || read(start[0], &byte, 1) < 0)
			_exit(1);
		_exit(0);
	}
}

static void
once(const char *what)
{
	pid_t pid;

	if (strcmp(what, "open") == 0) {
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
		return;
	}
	pid = child_of_ours();
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void
busy(struct shared *s, long me, const char *what, long count, int start, int ready)
{
	char byte;

	if (write(ready, "", 1) != 1 || read(start, &byte, 1) < 0)
		_exit(1);
	while (!s->over && s->done[me] < count) {
		once(what);
		s->done[me]++;
	}
	s->over = 1;
	_exit(0);
}

static void
make_busy(struct shared *s, long busy_count, const char *what, long count, int start,
	  int ready)
{
	for (long i = 0; i < busy_count; i++) {
		pid_t pid = child_of_ours();

		if (!pid)
			busy(s, i, what, count, start, ready);
		s->pids[i] = pid;
	}
}

static void
await(int ready, long count)
{
	char byte;

	while (count-- > 0)
		if (read(ready, &byte, 1) != 1)
			exit(2);
}

int
main(int argc, char **argv)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	long idle, busy_count, count, least, most = 0, all = 0;
	int idling[2], start[2], ready[2], status;
	const char *what;
	double begin, end = 0;

	if (argc < 5 || pipe(idling) || pipe(start) || pipe(ready) || s == MAP_FAILED)
		return 2;
	idle = atol(argv[1]);
	busy_count = atol(argv[2]);
	what = argv[3];
	count = atol(argv[4]);
	if (busy_count < 1 || busy_count > MOST_BUSY)
		return 2;
	if (argc > 5) {
		make_busy(s, busy_count, what, count, start[0], ready[1]);
		await(ready[0], busy_count);
	}
	make_idle(idle, idling, ready[1]);
	await(ready[0], idle);
	if (argc == 5) {
		make_busy(s, busy_count, what, count, start[0], ready[1]);
		await(ready[0], busy_count);
	}
	begin = seconds();
	for (long i = 0; i < busy_count; i++)
		if (write(start[1], "", 1) != 1)
			return 2;
	while (!s->over)
		usleep(1000);
	end = seconds();
	for (long i = 0; i < busy_count; i++)
		waitpid(s->pids[i], NULL, 0);
	least = count;
	for (long i = 0; i < busy_count; i++) {
		least = s->done[i] < least ? s->done[i] : least;
		most = s->done[i] > most ? s->done[i] : most;
		all += s->done[i];
	}
	printf("ns=%.0f all=%ld least=%ld most=%ld\n", (end - begin) * 1e9 / (double)all,
	       all, least, most);
	close(idling[1]);
	while (wait(&status) > 0)
		;
	return 0;
}
