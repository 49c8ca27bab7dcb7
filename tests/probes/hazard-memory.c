/* SPDX-License-Identifier: MIT */
/*
 * Wants the low memory for itself, in one of the ways in which programs do, and opens
 * DIR/before and DIR/after; prints what came of it.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1ul << 20)

static const char *dir;

static void
touch(const char *what)
{
	char name[4096];

	snprintf(name, sizeof(name), "%s/%s", dir, what);
	for (int i = 0; i < 3; i++) {
		int fd = open(name, O_CREAT | O_WRONLY, 0600);

		if (fd < 0)
			_exit(3);
		close(fd);
	}
}

static void *
map(uintptr_t at, size_t size, int flags)
{
	return mmap((void *)at, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

/* A range as wine's preloader takes it: all of it or nothing. */
static void
reserve(uintptr_t from, uintptr_t to)
{
	char *at = map(from, to - from, MAP_FIXED_NOREPLACE);

	if (at == MAP_FAILED) {
		perror("reserve");
		exit(4);
	}
	at[0] = at[to - from - 1] = 1;
	printf("%lx-%lx\n", from, to);
}

static void
like_wine(void)
{
	reserve(0x10000, 0x110000);
	reserve(0x110000, 0x68000000);
	reserve(0x7f000000, 0x82000000);
}

/* Everything that MAP_32BIT gives, and then every free page below 2 GiB. */
static void
everything(void)
{
	size_t size = 256 * MIB;

	while (size >= 4096) {
		char *at = map(0, size, MAP_32BIT);

		if (at == MAP_FAILED)
			size /= 2;
		else
			at[0] = at[size - 1] = 1;
	}
	for (uintptr_t at = 0x10000; at < 0x80000000; at += 64 << 10)
		map(at, 64 << 10, MAP_FIXED_NOREPLACE);
}

/* Blocks too small for a mapping of their own, 2.5 GiB of them. */
static void
by_malloc(void)
{
	size_t got = 0;

	while (got < 2560 * MIB) {
		char *block = malloc(100000);

		if (!block)
			exit(5);
		block[50000] = (char)got;
		got += 100000;
	}
}

/* Wherever it begins, which is up to 1 GiB behind the program, 700 MiB end below ours. */
static void
by_brk(void)
{
	char *at = sbrk(700 * MIB);

	if (at == (void *)-1)
		exit(6);
	for (size_t i = 0; i < 700 * MIB; i += MIB)
		at[i] = 1;
}

/* Whatever lies below 2 GiB, away with it: only safe where we are not linked there. */
static void
unmap(void)
{
	munmap((void *)0x10000, 0x7fff0000 - 0x10000);
}

static void
protect(void)
{
	char *at = (char *)0x70000000;

	for (; at < (char *)0x7f000000; at += 4096)
		mprotect(at, 4096, PROT_NONE);
}

/* Mapped over whatever is there. */
static void
force(void)
{
	map(0x70000000, MIB, MAP_FIXED);
}

/* The same with mremap: from elsewhere. */
static void
by_remap(void)
{
	char *at = map(0, MIB, 0);

	if (mremap(at, MIB, MIB, MREMAP_MAYMOVE | MREMAP_FIXED, 0x70000000) == MAP_FAILED)
		exit(9);
}

/* And with shared memory. */
static void
by_attach(void)
{
	int id = shmget(IPC_PRIVATE, MIB, 0600);

	if (shmat(id, (void *)0x70000000, SHM_REMAP) == (void *)-1)
		exit(10);
	shmctl(id, IPC_RMID, NULL);
}

static void *
wait_for_end(void *arg)
{
	pause();
	return arg;
}

/* With another thread beside. */
static void
with_threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, wait_for_end, NULL))
		exit(11);
	force();
}

static void
lock(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		exit(8);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} ways[] = {
		{ "wine", like_wine },	 { "everything", everything },
		{ "malloc", by_malloc }, { "brk", by_brk },
		{ "unmap", unmap },	 { "protect", protect },
		{ "force", force },	 { "remap", by_remap },
		{ "attach", by_attach }, { "threads", with_threads },
		{ "lock", lock },
	};
	int status = -1;

	dir = argv[argc - 2];
	touch("before");
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[argc - 1], ways[i].name))
			ways[i].run();
	touch("after");
	if (fork() == 0) {
		touch("child");
		execl("/bin/cat", "cat", "/dev/null", NULL);
		_exit(7);
	}
	wait(&status);
	printf("%s: %d\n", argv[argc - 1], WEXITSTATUS(status));
	return 0;
}
