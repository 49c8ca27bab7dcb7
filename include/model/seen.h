/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a process has done already
 *
 * A set of (operation, names, outcome): a raw log of a build names each file 35
 * to 90 times, so by default only the first of equal accesses is told.  A zeroed
 * struct is empty.  Names are interned, so equal ones have one address.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct interned;

struct seen_key {
	const struct interned *path, *to;
	uint64_t mnt_ns; /* the same name is another file there */
	uint16_t op;
	uint8_t how;	  /* anything else that makes them unequal */
	uint32_t outcome; /* errno, 0 for success */
};

struct seen {
	struct seen_key *slots;
	size_t cap; /* a power of two, or 0 */
	size_t used;
};

/* Adds @key; true if it was not there. */
bool seen_add(struct seen *s, struct seen_key key);
void seen_done(struct seen *s);
