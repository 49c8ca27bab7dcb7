/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Interned byte strings
 *
 * Each distinct string is kept once, for as long as the table lives, and is
 * known by its address.  Names of files are repeated 35 to 90 times in a build,
 * so this is what keeps memory flat and makes comparing two names one compare.
 */

#include <stddef.h>
#include <stdint.h>

struct interned {
	uint32_t hash;
	uint32_t len;
	char bytes[]; /* followed by a NUL that is not part of the name */
};

struct intern;

struct intern *intern_new(void);

/* Frees the table and every string in it; NULL is allowed. */
void intern_free(struct intern *t);

/* The one copy of @len bytes; owned by the table. */
const struct interned *intern_get(struct intern *t, const char *bytes, size_t len);

/* How many distinct strings the table holds. */
size_t intern_count(const struct intern *t);
