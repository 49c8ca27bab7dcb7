/* SPDX-License-Identifier: MIT */
/*
 * A job that spoils what it shares with the recorder, beside honest processes
 *
 *	scribble SECONDS SEED [WHERE...]
 *
 * A child writes random bytes over the given parts (words: ring, flights, data, page, code)
 * of memory, now and then none for a while; others make file calls of known names all
 * the time and count them.  Prints "NUMBER COUNT" for each honest process, whose calls
 * are access(2) of h-NUMBER-I for each I below COUNT, in this order.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HONEST 4
#define SPACE 0x70040000ul /* recorder/recorder.h */
#define SHARED 0x70050000ul
#define FLIGHTS (512ul * 2052)

static struct {
	volatile unsigned count[HONEST];
	volatile bool over;
} * told;

static uint64_t seed;

static uint64_t
any(uint64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % below;
}

static void
be_honest(unsigned number)
{
	char name[64];

	for (unsigned i = 0; !told->over; i++) {
		snprintf(name, sizeof(name), "h-%u-%u", number, i);
		if (access(name, 0) == 0 || errno != ENOENT)
			_exit(1);
		told->count[number] = i + 1;
		if (i % 16 == 0)
			usleep(500);
	}
	_exit(0);
}

struct part {
	const char *name;
	uint64_t start, size;
};

static const struct part parts[] = {
	{ "page", SPACE, 0x1000 },
	{ "flights", SHARED, FLIGHTS },
	{ "ring", SHARED + FLIGHTS, 256 + 4096 * 8 },
	{ "data", SHARED + FLIGHTS, 1 << 20 },
};

static void
spoil(const struct part *p)
{
	uint64_t at = p->start + any(p->size / 8) * 8;
	volatile uint64_t *word = (volatile uint64_t *)at;

	switch (any(4)) {
	case 0:
		*word = any(UINT64_MAX);
		break;
	case 1:
		*word ^= 1ull << any(64);
		break;
	case 2:
		*word = 0;
		break;
	default:
		for (unsigned i = 0; i < 64 && at + 8 * i + 8 <= p->start + p->size; i++)
			word[i] = any(UINT64_MAX);
	}
}

/* Whatever comes of it for this process itself is its own affair. */
static void
scribble(int argc, char **argv)
{
	while (!told->over) {
		unsigned burst = (unsigned)any(2000);

		for (unsigned i = 0; i < burst; i++) {
			const char *wanted = argv[3 + any((uint64_t)argc - 3)];

			for (unsigned k = 0; k < sizeof(parts) / sizeof(*parts); k++)
				if (!strcmp(parts[k].name, wanted))
					spoil(&parts[k]);
		}
		access("scribbler", 0);
		usleep(any(20000));
	}
	_exit(0);
}

int
main(int argc, char **argv)
{
	pid_t honest[HONEST], scribbler;
	int status, bad = 0;

	if (argc < 4)
		return 90;
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seed = strtoull(argv[2], NULL, 0) * 2 + 1;
	access("warm", 0);
	for (unsigned i = 0; i < HONEST; i++) {
		honest[i] = fork();
		if (!honest[i])
			be_honest(i);
	}
	usleep(200000);
	scribbler = fork();
	if (!scribbler)
		scribble(argc, argv);
	usleep((useconds_t)(atof(argv[1]) * 1e6));
	told->over = true;
	for (unsigned i = 0; i < HONEST; i++) {
		if (waitpid(honest[i], &status, 0) != honest[i] || status)
			bad = 1;
		printf("%u %u\n", i, told->count[i]);
	}
	/* it may have spoiled its own way */
	usleep(200000);
	kill(scribbler, SIGKILL);
	waitpid(scribbler, &status, 0);
	return bad ? 91 : 7;
}
