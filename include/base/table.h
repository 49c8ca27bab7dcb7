/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Hash to pointer
 *
 * Open addressing with linear probing, at most two thirds full.  What is equal is the
 * caller's business: values of one hash are walked over, and compared outside.  { 0 } is
 * a valid empty table; the values stay the caller's.
 */

#include <stddef.h>
#include <stdint.h>

struct table {
	void **slots;
	uint32_t *hashes;
	size_t mask; /* number of slots - 1 */
	size_t count;
};

/* Spreads @h, of which only some bits may differ, over a hash. */
uint32_t table_mix(uint64_t h);

/* Adds @value, which is not NULL, whatever is there already. */
void table_add(struct table *t, uint32_t hash, void *value);

/*
 * The next value that was added with @hash, NULL when there is no more.  *@at is where
 * to look: @hash itself for the first one.
 */
void *table_next(const struct table *t, uint32_t hash, size_t *at);

/* Frees the table's own memory. */
void table_done(struct table *t);
