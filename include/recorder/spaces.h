/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Spaces: address spaces that have the recorder, or why they have not
 *
 * Threads and vfork children share one; a fork makes a copy of everything in it; an
 * exec begins an empty one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Why calls of an address space stop, or a single call does. */
enum stop_reason {
#define REASON(id, word, what) REASON_##id,
#include "recorder/reasons.def"
#undef REASON
	REASON_COUNT,
};

/* Places near a syscall instruction that handlers can return to. */
#define SPACE_RETURNS 16

/* How many patched files one address space can have. */
#define SPACE_FILES 8

struct space {
	unsigned users; /* tasks */
	pid_t owner;	/* who began it: by exec or fork */
	bool fast; /* the recorder is there, or will be when its start-up code has run */
	bool silent;	      /* and may not be used any more */
	bool booting;	      /* no call of the new image was seen yet */
	uint8_t boots;	      /* how often the start-up code was written */
	enum stop_reason why; /* when not fast */
	uint64_t entry;	      /* where the image begins, while booting */
	uint64_t vdso;
	uint64_t failed_at;   /* behind the start-up code's int3 */
	pid_t waits_for;      /* of two users, the one in whose vfork the other waits */
	uint64_t hopeless[8]; /* ends of calls that need not be looked at again */
	unsigned hopeless_at;
	/* where signals came in what could be replaced: handlers may return there */
	uint64_t returns[SPACE_RETURNS];
	unsigned return_count; /* beyond SPACE_RETURNS: more than are known */
	unsigned freezes; /* how often the threads were stopped to patch */
	struct {
		unsigned file; /* number of the code file */
		uint64_t base; /* where it is mapped */
	} files[SPACE_FILES];
	unsigned file_count;
};

/* A new space with one user. */
struct space *space_new(void);

/* A copy for a forked child, with one user. */
struct space *space_copy(const struct space *s);

/* One more user; @s may be NULL. */
struct space *space_share(struct space *s);

/* One user less; the last one frees it.  NULL is fine. */
void space_drop(struct space *s);

/* Adds a patched file, or tells that it is there already; false when there is no room. */
bool space_add_file(struct space *s, unsigned file, uint64_t base);
bool space_has_file(const struct space *s, unsigned file, uint64_t base);

/* A handler may return to @ip, now or at any time. */
void space_add_return(struct space *s, uint64_t ip);

const char *stop_reason_word(enum stop_reason r);
const char *stop_reason_what(enum stop_reason r);
