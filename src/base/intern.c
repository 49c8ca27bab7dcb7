/* SPDX-License-Identifier: MIT */
#include "base/intern.h"

#include "base/compiler.h"
#include "base/mem.h"

#include <assert.h>
#include <sys/auxv.h>

/*
 * Open addressing with linear probing, at most two thirds full.  A slot holds
 * hash and length, so that a string is only touched when it is almost certainly
 * the one.  Strings are cut from chunks and never move.
 */

#define CHUNK_BYTES (64 * 1024)
#define FIRST_SLOTS 1024 /* always a power of two */

struct slot {
	uint32_t hash;
	uint32_t len;
	struct interned *string; /* NULL: the slot is free */
};

struct chunk {
	struct chunk *next;
	_Alignas(struct interned) char bytes[];
};

struct intern {
	struct slot *slots;
	size_t mask; /* number of slots - 1 */
	size_t count;
	struct chunk *chunks;
	char *room;
	size_t room_left;
	uint64_t seed;
};

/* 64 x 64 bits multiplied and folded: every input bit reaches every output bit. */
static uint64_t
mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t
hash_bytes(uint64_t seed, const char *bytes, size_t len)
{
	const uint64_t k1 = 0x9e3779b97f4a7c15, k2 = 0xd6e8feb86659fd93;
	uint64_t h = seed ^ len, word;

	for (; len > 8; bytes += 8, len -= 8) {
		memcpy(&word, bytes, 8);
		h = mix(h ^ word, k1);
	}
	word = 0;
	memcpy(&word, bytes, len);
	h = mix(h ^ word, k2);
	return (uint32_t)(h ^ h >> 32);
}

struct intern *
intern_new(void)
{
	struct intern *t = mem_zero(1, sizeof(*t));
	const void *random = (const void *)getauxval(AT_RANDOM);

	/* the job chooses the names: it must not be able to choose collisions */
	if (random)
		memcpy(&t->seed, random, sizeof(t->seed));
	t->slots = mem_zero(FIRST_SLOTS, sizeof(*t->slots));
	t->mask = FIRST_SLOTS - 1;
	return t;
}

void
intern_free(struct intern *t)
{
	if (!t)
		return;
	while (t->chunks) {
		struct chunk *next = t->chunks->next;

		free(t->chunks);
		t->chunks = next;
	}
	free(t->slots);
	free(t);
}

static void
grow(struct intern *t)
{
	size_t mask = t->mask * 2 + 1;
	struct slot *slots = mem_zero(mask + 1, sizeof(*slots));

	for (size_t i = 0; i <= t->mask; i++) {
		size_t to = t->slots[i].hash & mask;

		if (!t->slots[i].string)
			continue;
		while (slots[to].string)
			to = (to + 1) & mask;
		slots[to] = t->slots[i];
	}
	free(t->slots);
	t->slots = slots;
	t->mask = mask;
}

/* Memory for one string; what is left of the last chunk is given up. */
static void *
take_room(struct intern *t, size_t size)
{
	void *room;

	size = (size + _Alignof(struct interned) - 1) & ~(_Alignof(struct interned) - 1);
	if (size > t->room_left) {
		size_t bytes = MAX(size, CHUNK_BYTES - sizeof(struct chunk));
		struct chunk *chunk = mem_resize(NULL, 1, sizeof(*chunk) + bytes);

		chunk->next = t->chunks;
		t->chunks = chunk;
		t->room = chunk->bytes;
		t->room_left = bytes;
	}
	room = t->room;
	t->room += size;
	t->room_left -= size;
	return room;
}

static struct interned *
add(struct intern *t, uint32_t hash, const char *bytes, size_t len)
{
	struct interned *s = take_room(t, sizeof(*s) + len + 1);

	s->hash = hash;
	s->len = (uint32_t)len;
	memcpy(s->bytes, bytes, len);
	s->bytes[len] = '\0';
	return s;
}

const struct interned *
intern_get(struct intern *t, const char *bytes, size_t len)
{
	uint32_t hash;
	struct slot *slot;

	assert(len < UINT32_MAX);
	if (!bytes)
		bytes = "";
	hash = hash_bytes(t->seed, bytes, len);
	for (size_t i = hash & t->mask;; i = (i + 1) & t->mask) {
		slot = &t->slots[i];
		if (!slot->string)
			break;
		if (slot->hash == hash && slot->len == len &&
		    !memcmp(slot->string->bytes, bytes, len))
			return slot->string;
	}
	*slot = (struct slot){ hash, (uint32_t)len, add(t, hash, bytes, len) };
	if (++t->count * 3 > t->mask * 2) {
		struct interned *string = slot->string;

		grow(t);
		return string;
	}
	return slot->string;
}

size_t
intern_count(const struct intern *t)
{
	return t->count;
}
