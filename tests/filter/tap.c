/* SPDX-License-Identifier: MIT */

#include "tap.h"
#include <stdarg.h>
#include <stdio.h>

static unsigned tests, failures, complaints;

void
complain(const char *format, ...)
{
	va_list args;

	if (++complaints > 10)
		return;
	va_start(args, format);
	printf("# ");
	vprintf(format, args);
	printf("\n");
	va_end(args);
}

void
verdict(const char *name)
{
	printf("%sok %u - %s\n", complaints ? "not " : "", ++tests, name);
	if (complaints > 10)
		printf("# and %u more\n", complaints - 10);
	failures += complaints > 0;
	complaints = 0;
}

void
skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++tests, name, why);
}

int
tap_done(void)
{
	printf("1..%u\n", tests);
	return failures > 0;
}
