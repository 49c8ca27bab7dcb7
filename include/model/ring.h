/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The ring: one ordered stream of records in shared memory
 *
 * Many writers, in any process that maps it, and one reader.  The position a
 * writer claims is the record's place in the one order of everything.  A writer
 * may be killed between any two instructions: what it claimed names its owner
 * and its length, so the reader can step over it once the owner is known to be
 * dead (ring_abandon).  Nothing is ever overwritten before it was read: a full
 * ring refuses, and the writer waits.
 *
 * The memory is hostile ground: with the fast engine the job can write there.
 * The reader copies a record out before looking at it and believes no length.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct record;
struct ring;
struct ring_view;

enum ring_result {
	RING_OK,
	RING_FULL,  /* ring_claim: no room now */
	RING_EMPTY, /* ring_read: nothing committed at the reader's place */
	RING_LOST,  /* ring_read: stepped over a claim whose owner died, or over ruins */
};

/* A place in the ring between claim and commit. */
struct ring_claim {
	void *bytes; /* where the record goes */
	uint64_t at;
	uint64_t word; /* what the claim put there */
};

/* A ring of at least @bytes in an anonymous shared mapping; NULL with errno set. */
struct ring *ring_new(size_t bytes);

/* How much memory ring_at() needs for a ring of at least @bytes. */
size_t ring_size(size_t bytes);

/* Likewise in zeroed memory of the caller's, of ring_size(@bytes). */
struct ring *ring_at(void *memory, size_t bytes);

/* Sets *@closed to 1 when the ring is found to be broken, so that writers stay away. */
void ring_closes(struct ring *r, _Atomic uint32_t *closed);

/* From now on only sealed records are believed; what ring_write() writes is sealed. */
void ring_seals(struct ring *r, uint64_t secret);

/* Where its parts are, for whoever writes into it from elsewhere. */
const struct ring_view *ring_view(const struct ring *r);

/* Whether somebody wrote where nobody may: what is still in it may be lost. */
bool ring_is_broken(const struct ring *r);

void ring_free(struct ring *r);

/*
 * Claims room for @size bytes (RECORD_MAX at the most) for the task @tid.
 * Lock-free; RING_FULL leaves nothing behind.
 */
enum ring_result ring_claim(struct ring *r, uint32_t size, int32_t tid,
			    struct ring_claim *ret);

/* Makes what was written visible to the reader. */
void ring_commit(struct ring *r, const struct ring_claim *c);

/*
 * Claims, copies and commits; waits while the ring is full.  False when it is
 * broken and nobody will make room any more.
 */
bool ring_write(struct ring *r, const struct record *rec);

/* Likewise, but without waiting: false also when the ring is full. */
bool ring_try_write(struct ring *r, const struct record *rec);

/* Waits until there is room again, or a little while. */
void ring_wait_room(struct ring *r);

/* Whose claim the reader waits for; 0 when it waits for none. */
int32_t ring_holder(const struct ring *r);

/*
 * Copies the next record to @ret (RECORD_MAX bytes) and its length to @ret_size,
 * and gives its room back.  One reader only.
 */
enum ring_result ring_read(struct ring *r, struct record *ret, size_t *ret_size);

/* The task @tid is dead: whatever it claimed and did not commit is lost. */
void ring_abandon(struct ring *r, int32_t tid);

/*
 * The task @tid is dead or stands still, and what it claimed and did not commit is
 * known from elsewhere: its claims are nobody's.  Whether there was one.
 */
bool ring_withdraw(struct ring *r, int32_t tid);

/*
 * Reader: sleeps until something may be there to read, or ring_wake().  Several
 * records are let gather before it returns, so that writer and reader do not
 * take turns on a processor.  With @later it returns after two seconds at the latest.
 */
void ring_wait(struct ring *r, bool later);

/* Wakes the reader, whatever it waits for. */
void ring_wake(struct ring *r);
