/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The words of a ring in shared memory
 *
 * What several programs that map one ring must agree on: its layout, and how room
 * is claimed in it.  All inline and without a call, because one of them is the
 * recorder, which runs in foreign processes.
 *
 * The data is cut into units of 64 bytes, and each unit has a 64-bit word beside
 * the data that says what begins there:
 *
 *      63            34 33       12 11       2 1     0
 *      +---------------+-----------+----------+-------+
 *      | lap           | owner tid | units    | state |
 *      +---------------+-----------+----------+-------+
 *
 * Positions count units from the beginning of time; position p lies at unit
 * p mod units and belongs to lap p / units.  A claim is one compare-and-swap from
 * "free in this lap" to "claimed, by whom, how long": from that moment the
 * reader knows how to step over it whatever becomes of the owner.  The tail is
 * only moved afterwards, by the claimer or by anybody who finds it behind, so a
 * writer that dies in between holds up nobody.  A writer that slept for a whole
 * lap fails the compare, because the reader frees a unit for the next lap only.
 *
 * Nothing found in the memory is believed: an index is always cut to the ring's
 * size, and every loop has an end.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RING_UNIT 64u

/* Also without optimisation: there is nothing to call where the recorder runs. */
#define RING_INLINE static inline __attribute__((always_inline))

enum ring_state {
	RING_STATE_FREE,
	RING_STATE_CLAIMED,
	RING_STATE_COMMITTED,
	RING_STATE_ABANDONED,
};

/* How the reader sleeps, so that a writer knows whether to wake it. */
enum ring_sleep {
	RING_AWAKE,
	RING_NAPPING,	 /* letting records gather: woken when a quarter is full */
	RING_DEEP_SLEEP, /* nothing to do: woken by the first record */
};

#define RING_LEN_SHIFT 2
#define RING_TID_SHIFT 12
#define RING_LAP_SHIFT 34
#define RING_LEN_MASK ((uint64_t)0x3ff)
#define RING_TID_MASK ((uint64_t)0x3fffff) /* PID_MAX_LIMIT is 2^22 (linux/threads.h) */
#define RING_LAP_MASK ((uint64_t)0x3fffffff)

/* A claim of no task: what is left of the ring before it wraps. */
#define RING_TID_NONE 0

/* What every process maps.  Each hot word has a cache line of its own. */
struct ring_shared {
	_Alignas(64) _Atomic uint64_t tail; /* where the next claim goes, or behind it */
	_Alignas(64) _Atomic uint64_t head; /* what the reader has given back up to */
	_Alignas(64) _Atomic uint32_t sleeping; /* enum ring_sleep; the reader's futex */
	_Alignas(64) _Atomic uint32_t space;	/* counts refills; full writers' futex */
	_Atomic uint32_t waiting;		/* writers that wait on it */
	_Alignas(64) _Atomic uint64_t words[];
};

/* A mapped ring as one side sees it; its own copy, which nobody else can spoil. */
struct ring_view {
	struct ring_shared *shared;
	char *data;
	uint32_t unit_bits; /* there are 1 << unit_bits units */
};

enum ring_claimed {
	RING_CLAIMED,
	RING_NO_ROOM,
	RING_TRY_AGAIN, /* somebody was faster */
};

RING_INLINE uint64_t
ring_units(const struct ring_view *v)
{
	return (uint64_t)1 << v->unit_bits;
}

RING_INLINE uint64_t
ring_word(uint64_t lap, uint64_t tid, uint64_t len, enum ring_state state)
{
	return (lap & RING_LAP_MASK) << RING_LAP_SHIFT |
	       (tid & RING_TID_MASK) << RING_TID_SHIFT |
	       (len & RING_LEN_MASK) << RING_LEN_SHIFT | (uint64_t)state;
}

RING_INLINE enum ring_state
ring_word_state(uint64_t word)
{
	return (enum ring_state)(word & 3);
}

RING_INLINE uint64_t
ring_word_len(uint64_t word)
{
	return word >> RING_LEN_SHIFT & RING_LEN_MASK;
}

RING_INLINE uint64_t
ring_word_tid(uint64_t word)
{
	return word >> RING_TID_SHIFT & RING_TID_MASK;
}

RING_INLINE uint64_t
ring_lap(const struct ring_view *v, uint64_t at)
{
	return at >> v->unit_bits;
}

RING_INLINE uint64_t
ring_index(const struct ring_view *v, uint64_t at)
{
	return at & (ring_units(v) - 1);
}

RING_INLINE _Atomic uint64_t *
ring_word_at(const struct ring_view *v, uint64_t at)
{
	return &v->shared->words[ring_index(v, at)];
}

RING_INLINE char *
ring_data_at(const struct ring_view *v, uint64_t at)
{
	return v->data + ring_index(v, at) * RING_UNIT;
}

/* Moves the tail from @from over the claim that begins there; anybody may do it. */
RING_INLINE void
ring_tail_help(const struct ring_view *v, uint64_t from, uint64_t units)
{
	atomic_compare_exchange_strong(&v->shared->tail, &from, from + units);
}

/* Tries to claim @units at the tail for @tid in @state; @ret_at is where. */
RING_INLINE enum ring_claimed
ring_claim_at_tail(const struct ring_view *v, uint64_t at, uint64_t units, uint64_t tid,
		   enum ring_state state)
{
	uint64_t lap = ring_lap(v, at);
	uint64_t found = ring_word(lap, 0, 0, RING_STATE_FREE);

	if (at + units - atomic_load(&v->shared->head) > ring_units(v))
		return RING_NO_ROOM;
	if (atomic_compare_exchange_strong(ring_word_at(v, at), &found,
					   ring_word(lap, tid, units, state))) {
		ring_tail_help(v, at, units);
		return RING_CLAIMED;
	}
	if (found >> RING_LAP_SHIFT == (lap & RING_LAP_MASK) && ring_word_len(found))
		ring_tail_help(v, at, ring_word_len(found));
	return RING_TRY_AGAIN;
}

/* Claims of others that one claim may lose against before it says that there is no room. */
#define RING_TRIES 100000

/*
 * Claims @units for @tid and says where.  A record never wraps: what is left
 * before the end is claimed for nobody.
 */
RING_INLINE enum ring_claimed
ring_claim_units(const struct ring_view *v, uint64_t units, uint64_t tid,
		 uint64_t *ret_at)
{
	for (unsigned i = 0; i < RING_TRIES; i++) {
		uint64_t at = atomic_load(&v->shared->tail);
		uint64_t left = ring_units(v) - ring_index(v, at);
		enum ring_claimed r;

		if (left < units)
			r = ring_claim_at_tail(v, at, left, RING_TID_NONE,
					       RING_STATE_COMMITTED);
		else
			r = ring_claim_at_tail(v, at, units, tid, RING_STATE_CLAIMED);
		if (r == RING_NO_ROOM || (r == RING_CLAIMED && left >= units)) {
			*ret_at = at;
			return r;
		}
	}
	return RING_NO_ROOM;
}

/* Whether a reader that sleeps like that is to be woken for a record at @at. */
RING_INLINE bool
ring_wants_wake(const struct ring_view *v, uint64_t at)
{
	uint32_t sleeping =
		atomic_load_explicit(&v->shared->sleeping, memory_order_seq_cst);

	return sleeping == RING_DEEP_SLEEP ||
	       (sleeping == RING_NAPPING &&
		at - atomic_load(&v->shared->head) > ring_units(v) / 4);
}
