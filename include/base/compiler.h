/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Compiler attributes and the few macros that every room uses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define _printf_(fmt, args) __attribute__((format(printf, fmt, args)))
#define _noreturn_ __attribute__((noreturn))
#define _must_check_ __attribute__((warn_unused_result))
#define _cleanup_(fn) __attribute__((cleanup(fn)))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Moves a value out of a variable with a cleanup attribute, leaving zeroes. */
#define TAKE(x)                             \
	({                                  \
		__typeof__(x) take_ = (x);  \
		memset(&(x), 0, sizeof(x)); \
		take_;                      \
	})

static inline void
compiler_free(void *p)
{
	free(*(void **)p);
}

static inline void
compiler_close(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define _cleanup_free_ _cleanup_(compiler_free)
#define _cleanup_fd_ _cleanup_(compiler_close)
