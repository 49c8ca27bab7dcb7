/* SPDX-License-Identifier: MIT */
/*
 * What one call costs: makes each of a few calls N times and prints "percall NAME NANOSECONDS", per turn of the loop.
 * It writes nothing while it measures, and works on two names that it makes in the current directory.
 *
 * The N turns are made in BATCHES parts and the median of these is told, so that one turn of bad luck (a clock
 * interrupt, a neighbour on the processor) does not count. An eleventh of N more goes before, unmeasured: it pays for
 * page faults, and for whatever a tracer does only at the first call from a place.
 *
 * open+close are two calls of which file tracers look at one. getppid is the control: no file tracer has business
 * with it, so what it costs more is what the tracer costs everything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 11
#define HERE "percall-file"
#define LINK "percall-link"
#define MISSING "percall-missing"

static int
open_close(void)
{
	int fd = open(HERE, O_RDONLY);

	return fd < 0 ? -1 : close(fd);
}

static int
stat_fails(void)
{
	struct stat st;

	return stat(MISSING, &st) < 0 && errno == ENOENT ? 0 : -1;
}

static int
access_ok(void)
{
	return access(HERE, R_OK);
}

static int
readlink_ok(void)
{
	char to[64];

	return readlink(LINK, to, sizeof(to)) < 0 ? -1 : 0;
}

static int
getppid_ok(void)
{
	return getppid() >= 0 ? 0 : -1;
}

static const struct {
	const char *name;
	int (*make)(void);
} calls[] = {
	{ "open+close", open_close }, { "stat-fails", stat_fails },
	{ "access", access_ok },      { "readlink", readlink_ok },
	{ "getppid", getppid_ok },
};

static double
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void
batch(const char *name, int (*make)(void), long turns)
{
	while (turns-- > 0)
		if (make() < 0) {
			fprintf(stderr, "percall: %s: %s\n", name, strerror(errno));
			exit(1);
		}
}

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median_ns(const char *name, int (*make)(void), long turns)
{
	double ns[BATCHES];

	batch(name, make, turns);
	for (int i = 0; i < BATCHES; i++) {
		double start = now_ns();

		batch(name, make, turns);
		ns[i] = (now_ns() - start) / (double)turns;
	}
	qsort(ns, BATCHES, sizeof(ns[0]), by_size);
	return ns[BATCHES / 2];
}

int
main(int argc, char **argv)
{
	double ns[sizeof(calls) / sizeof(calls[0])];
	long n = argc == 2 ? atol(argv[1]) : 0;

	if (n < BATCHES) {
		fprintf(stderr,
			"usage: percall N   (N calls of each kind, at least %d)\n",
			BATCHES);
		return 2;
	}
	int fd = open(HERE, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || close(fd) < 0 || (symlink(HERE, LINK) < 0 && errno != EEXIST)) {
		perror("percall: " HERE);
		return 1;
	}
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		ns[i] = median_ns(calls[i].name, calls[i].make, n / BATCHES);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		printf("percall %s %.1f\n", calls[i].name, ns[i]);
	return 0;
}
