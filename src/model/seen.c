/* SPDX-License-Identifier: MIT */
#include "model/seen.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"

#define FIRST_CAP 16

static size_t
key_hash(struct seen_key key)
{
	uint64_t h = key.path->hash;

	h = h * 31 + (key.to ? key.to->hash : 0);
	h = h * 31 + key.op + (uint64_t)key.how * 64;
	h = h * 31 + key.mnt_ns;
	h = h * 31 + key.outcome;
	/* Fibonacci hashing: the high bits are the good ones */
	return (size_t)(h * 0x9e3779b97f4a7c15u >> 32);
}

static bool
key_equal(struct seen_key a, struct seen_key b)
{
	return a.path == b.path && a.to == b.to && a.op == b.op && a.how == b.how &&
	       a.mnt_ns == b.mnt_ns && a.outcome == b.outcome;
}

/* The slot that holds @key, or the empty one where it goes. */
static struct seen_key *
find(struct seen_key *slots, size_t cap, struct seen_key key)
{
	size_t i = key_hash(key) & (cap - 1);

	while (slots[i].path && !key_equal(slots[i], key))
		i = (i + 1) & (cap - 1);
	return &slots[i];
}

static void
grow(struct seen *s)
{
	size_t cap = s->cap ? s->cap * 2 : FIRST_CAP;
	struct seen_key *slots = mem_zero(cap, sizeof(*slots));

	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].path)
			*find(slots, cap, s->slots[i]) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->cap = cap;
}

bool
seen_add(struct seen *s, struct seen_key key)
{
	struct seen_key *slot;

	if (s->used * 4 >= s->cap * 3)
		grow(s);
	slot = find(s->slots, s->cap, key);
	if (slot->path)
		return false;
	*slot = key;
	s->used++;
	return true;
}

void
seen_done(struct seen *s)
{
	free(s->slots);
	memset(s, 0, sizeof(*s));
}
