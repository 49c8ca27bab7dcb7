/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Memory that lives as long as its arena
 *
 * Objects are cut from chunks, never move and are never freed one by one.  { 0 }
 * is a valid empty arena.
 */

#include <stddef.h>

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	char *room;
	size_t left;
};

/* Zeroed memory of @size bytes, aligned for any object. */
void *arena_take(struct arena *a, size_t size);

/* Frees everything that was taken; the arena is empty and usable afterwards. */
void arena_done(struct arena *a);
