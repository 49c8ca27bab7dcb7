/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "base/compiler.h"
#include "base/mem.h"

#define CHUNK_BYTES (64 * 1024)
#define ALIGNMENT _Alignof(max_align_t)

struct arena_chunk {
	struct arena_chunk *next;
	_Alignas(max_align_t) char bytes[];
};

void *
arena_take(struct arena *a, size_t size)
{
	void *room;

	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (size > a->left) {
		size_t bytes = MAX(size, CHUNK_BYTES - sizeof(struct arena_chunk));
		struct arena_chunk *chunk = mem_zero(1, sizeof(*chunk) + bytes);

		chunk->next = a->chunks;
		a->chunks = chunk;
		a->room = chunk->bytes;
		a->left = bytes;
	}
	room = a->room;
	a->room += size;
	a->left -= size;
	return room;
}

void
arena_done(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
	memset(a, 0, sizeof(*a));
}
