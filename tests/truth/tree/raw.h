/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * System calls without a C library
 *
 * A library makes file calls of its own, keeps state per thread and hides what
 * exactly was asked; here nothing is called but what is written down.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum abi { ABI_X86_64, ABI_I386, ABI_X32, ABIS };

#define X32_BIT 0x40000000l

/*
 * The call itself by its ABI's instruction; @returned becomes 1 right behind it.
 * The addresses of both ends are for signal handlers.
 */
long raw_call(long nr, const long args[6], volatile int *returned);
long raw_int80(long nr, const long args[6], volatile int *returned);
extern const char raw_call_made[], raw_int80_made[], raw_call_end[], raw_int80_end[];

/* Makes a task: @nr as for raw_call(), and the child goes on in @run on its own @stack. */
struct birth {
	long nr;
	long args[5];
	bool int80;
	char *stack;
	void (*run)(void *);
	void *data;
};

long raw_birth(const struct birth *b);

/* The end of a signal handler. */
void raw_restorer(void);

/* Calls that name no file and are in no account. */
static inline long
raw6(long nr, long a, long b, long c, long d, long e, long f)
{
	const long args[6] = { a, b, c, d, e, f };
	int returned;

	return raw_call(nr, args, &returned);
}

#define RAW_(nr, a, b, c, d, e, f, ...) \
	raw6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define RAW(...) RAW_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* The compiler calls these by itself. */
void *memset(void *to, int byte, size_t len);
void *memcpy(void *to, const void *from, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);

/* Appends @text at @at, which may be its own end; returns the new end. */
char *put(char *at, const char *text);
char *put_number(char *at, unsigned long number);
