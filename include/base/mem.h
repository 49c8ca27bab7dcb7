/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory that is never NULL
 *
 * Running out of memory is handled in this one place: the handler is called
 * and must not return.  The caller owns what it gets and gives it to free().
 */

#include "base/compiler.h"
#include <stddef.h>

/*
 * Says what happens when memory runs out; cli/ sets it so that the log is ended
 * in good order.  Without one a line is printed and the process exits with 125.
 */
void mem_on_failure(void (*handler)(void));

/* Zeroed memory for @count objects of @size bytes; overflow counts as failure. */
void *mem_zero(size_t count, size_t size);

/* Resizes @old (may be NULL) to @count objects of @size bytes. */
void *mem_resize(void *old, size_t count, size_t size);

/* A copy of @len bytes followed by a NUL. */
char *mem_copy(const char *bytes, size_t len);

/* For memory that a library could not get: what all of the above do then. */
_noreturn_ void mem_fail(void);
