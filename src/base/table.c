/* SPDX-License-Identifier: MIT */
#include "base/table.h"

#include "base/compiler.h"
#include "base/mem.h"

#define FIRST_SLOTS 256 /* a power of two */

uint32_t
table_mix(uint64_t h)
{
	/* Fibonacci hashing: the high bits are the good ones */
	return (uint32_t)(h * 0x9e3779b97f4a7c15u >> 32);
}

static void
put(struct table *t, uint32_t hash, void *value)
{
	size_t i = hash & t->mask;

	while (t->slots[i])
		i = (i + 1) & t->mask;
	t->slots[i] = value;
	t->hashes[i] = hash;
}

static void
grow(struct table *t)
{
	struct table old = *t;
	size_t slots = old.slots ? (old.mask + 1) * 2 : FIRST_SLOTS;

	t->slots = mem_zero(slots, sizeof(*t->slots));
	t->hashes = mem_zero(slots, sizeof(*t->hashes));
	t->mask = slots - 1;
	for (size_t i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i])
			put(t, old.hashes[i], old.slots[i]);
	free(old.slots);
	free(old.hashes);
}

void
table_add(struct table *t, uint32_t hash, void *value)
{
	if (!t->slots || (t->count + 1) * 3 > (t->mask + 1) * 2)
		grow(t);
	put(t, hash, value);
	t->count++;
}

void *
table_next(const struct table *t, uint32_t hash, size_t *at)
{
	if (!t->slots)
		return NULL;
	for (; t->slots[*at & t->mask]; (*at)++)
		if (t->hashes[*at & t->mask] == hash)
			return t->slots[(*at)++ & t->mask];
	return NULL;
}

void
table_done(struct table *t)
{
	free(t->slots);
	free(t->hashes);
	memset(t, 0, sizeof(*t));
}
