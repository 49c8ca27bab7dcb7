/* SPDX-License-Identifier: MIT */
#include "base/mem.h"

#include "base/compiler.h"

static void (*failure_handler)(void);

void
mem_on_failure(void (*handler)(void))
{
	failure_handler = handler;
}

void
mem_fail(void)
{
	static const char last_words[] = "whatfiles: out of memory\n";

	if (failure_handler)
		failure_handler();
	/* nothing that could ask for memory again: no stdio, no exit handlers */
	if (write(STDERR_FILENO, last_words, sizeof(last_words) - 1) < 0)
		_exit(125);
	_exit(125);
}

static void *
or_fail(void *p)
{
	if (!p)
		mem_fail();
	return p;
}

void *
mem_zero(size_t count, size_t size)
{
	/* calloc(0) may be NULL, which would look like a failure */
	if (!count || !size)
		count = size = 1;
	return or_fail(calloc(count, size));
}

void *
mem_resize(void *old, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return or_fail(NULL);
	return or_fail(realloc(old, bytes ? bytes : 1));
}

char *
mem_copy(const char *bytes, size_t len)
{
	char *copy = mem_zero(1, len + 1);

	if (len)
		memcpy(copy, bytes, len);
	return copy;
}
