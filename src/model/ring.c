/* SPDX-License-Identifier: MIT */
#include "model/ring.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "model/record.h"
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * The data is cut into units of 64 bytes, and each unit has a 64-bit word beside
 * the data that says what begins there:
 *
 *      63            34 33       12 11       2 1     0
 *      +---------------+-----------+----------+-------+
 *      | lap           | owner tid | units    | state |
 *      +---------------+-----------+----------+-------+
 *
 * Positions count units from the beginning of time; position p lies at unit
 * p % units and belongs to lap p / units.  A claim is one compare-and-swap from
 * "free in this lap" to "claimed, by whom, how long": from that moment the
 * reader knows how to step over it whatever becomes of the owner.  The tail is
 * only moved afterwards, by the claimer or by anybody who finds it behind, so a
 * writer that dies in between holds up nobody.  A writer that slept for a whole
 * lap fails the compare, because the reader frees a unit for the next lap only.
 */
#define UNIT ((uint64_t)64)

enum state {
	STATE_FREE,
	STATE_CLAIMED,
	STATE_COMMITTED,
	STATE_ABANDONED,
};

#define LEN_SHIFT 2
#define TID_SHIFT 12
#define LAP_SHIFT 34
#define LEN_MASK ((uint64_t)0x3ff)
#define TID_MASK ((uint64_t)0x3fffff) /* PID_MAX_LIMIT is 2^22 (linux/threads.h) */
#define LAP_MASK ((uint64_t)0x3fffffff)

/* A claim of no task: what is left of the ring before it wraps. */
#define TID_NONE 0

/* How the reader sleeps, so that a writer knows whether to wake it. */
enum sleep_state {
	AWAKE,
	NAPPING,    /* letting records gather: woken when a quarter is full */
	DEEP_SLEEP, /* nothing to do: woken by the first record */
};

#define NAP_NS (10 * 1000 * 1000)
#define FULL_WAIT_NS (2 * 1000 * 1000)

/* What every process maps. Each hot word has a cache line of its own. */
struct ring_shared {
	_Alignas(64) _Atomic uint64_t tail; /* where the next claim goes, or behind it */
	_Alignas(64) _Atomic uint64_t head; /* what the reader has given back up to */
	_Alignas(64) _Atomic uint32_t sleeping; /* enum sleep_state; the reader's futex */
	_Alignas(64) _Atomic uint32_t space;	/* counts refills; full writers' futex */
	_Atomic uint32_t waiting;		/* writers that wait on it */
	_Alignas(64) _Atomic uint64_t words[];
};

struct ring {
	struct ring_shared *shared;
	char *data;
	uint64_t units;
	uint64_t head;	    /* the reader's own, which nobody else can spoil */
	_Atomic bool alarm; /* ring_wake() was called: do not fall asleep */
	size_t mapped;
};

static uint64_t
word_make(uint64_t lap, uint64_t tid, uint64_t len, enum state state)
{
	return (lap & LAP_MASK) << LAP_SHIFT | (tid & TID_MASK) << TID_SHIFT |
	       (len & LEN_MASK) << LEN_SHIFT | (uint64_t)state;
}

static enum state
word_state(uint64_t word)
{
	return (enum state)(word & 3);
}

static uint64_t
word_len(uint64_t word)
{
	return word >> LEN_SHIFT & LEN_MASK;
}

static uint64_t
word_tid(uint64_t word)
{
	return word >> TID_SHIFT & TID_MASK;
}

static uint64_t
word_free(const struct ring *r, uint64_t at)
{
	return word_make(at / r->units, 0, 0, STATE_FREE);
}

static _Atomic uint64_t *
word_at(const struct ring *r, uint64_t at)
{
	return &r->shared->words[at % r->units];
}

static void *
data_at(const struct ring *r, uint64_t at)
{
	return r->data + at % r->units * UNIT;
}

static long
futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	/* not FUTEX_PRIVATE: the writers may be other processes */
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

struct ring *
ring_new(size_t bytes)
{
	uint64_t units = MAX(bytes, (size_t)4 * RECORD_MAX) / UNIT;
	size_t head = sizeof(struct ring_shared) + units * sizeof(uint64_t);
	size_t data = (head + UNIT - 1) & ~(UNIT - 1);
	size_t mapped = data + units * UNIT;
	struct ring *r;
	void *p;

	p = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	r = mem_zero(1, sizeof(*r));
	r->shared = p;
	r->data = (char *)p + data;
	r->units = units;
	r->mapped = mapped;
	return r;
}

void
ring_free(struct ring *r)
{
	if (!r)
		return;
	munmap(r->shared, r->mapped);
	free(r);
}

/* Moves the tail from @from over the claim that begins there; anybody may do it. */
static void
tail_help(struct ring *r, uint64_t from, uint64_t units)
{
	atomic_compare_exchange_strong(&r->shared->tail, &from, from + units);
}

/*
 * Tries to claim @units at the tail for @tid in @state; @ret_at is where.
 * RING_FULL when there is no room, RING_EMPTY when somebody was faster.
 */
static enum ring_result
claim_once(struct ring *r, uint64_t units, uint64_t tid, enum state state,
	   uint64_t *ret_at)
{
	uint64_t at = atomic_load(&r->shared->tail);
	uint64_t found = word_free(r, at);

	if (at + units - atomic_load(&r->shared->head) > r->units)
		return RING_FULL;
	if (atomic_compare_exchange_strong(word_at(r, at), &found,
					   word_make(at / r->units, tid, units, state))) {
		tail_help(r, at, units);
		*ret_at = at;
		return RING_OK;
	}
	if (found >> LAP_SHIFT == (at / r->units & LAP_MASK) && word_len(found))
		tail_help(r, at, word_len(found));
	return RING_EMPTY;
}

/* A record never wraps: what is left before the end is claimed for nobody. */
static enum ring_result
claim_rest(struct ring *r, uint64_t tail)
{
	uint64_t at;

	if (atomic_load(&r->shared->tail) != tail)
		return RING_EMPTY;
	return claim_once(r, r->units - tail % r->units, TID_NONE, STATE_COMMITTED, &at);
}

enum ring_result
ring_claim(struct ring *r, uint32_t size, int32_t tid, struct ring_claim *ret)
{
	uint64_t units = (size + UNIT - 1) / UNIT;
	enum ring_result result;

	do {
		uint64_t tail = atomic_load(&r->shared->tail);

		if (tail % r->units + units > r->units)
			result =
				claim_rest(r, tail) == RING_FULL ? RING_FULL : RING_EMPTY;
		else
			result = claim_once(r, units, (uint64_t)tid, STATE_CLAIMED,
					    &ret->at);
	} while (result == RING_EMPTY);
	if (result != RING_OK)
		return result;
	ret->bytes = data_at(r, ret->at);
	ret->word = word_make(ret->at / r->units, (uint64_t)tid, units, STATE_CLAIMED);
	return RING_OK;
}

static void
reader_wake(struct ring *r)
{
	atomic_store(&r->shared->sleeping, AWAKE);
	futex(&r->shared->sleeping, FUTEX_WAKE, 1, NULL);
}

void
ring_commit(struct ring *r, const struct ring_claim *c)
{
	uint64_t expected = c->word;
	uint64_t committed = (c->word & ~(uint64_t)3) | STATE_COMMITTED;
	uint32_t sleeping;

	/* fails only if the reader was told that this task is dead: then it is too late */
	atomic_compare_exchange_strong(word_at(r, c->at), &expected, committed);
	sleeping = atomic_load(&r->shared->sleeping);
	if (sleeping == DEEP_SLEEP ||
	    (sleeping == NAPPING && c->at - atomic_load(&r->shared->head) > r->units / 4))
		reader_wake(r);
}

/* Waits until the reader has given room back, or a little while. */
static void
wait_for_space(struct ring *r)
{
	const struct timespec timeout = { .tv_nsec = FULL_WAIT_NS };
	uint32_t seen = atomic_load(&r->shared->space);

	reader_wake(r);
	atomic_fetch_add(&r->shared->waiting, 1);
	futex(&r->shared->space, FUTEX_WAIT, seen, &timeout);
	atomic_fetch_sub(&r->shared->waiting, 1);
}

void
ring_write(struct ring *r, const struct record *rec)
{
	struct ring_claim c;

	while (ring_claim(r, rec->size, rec->tid, &c) == RING_FULL)
		wait_for_space(r);
	memcpy(c.bytes, rec, rec->size);
	ring_commit(r, &c);
}

/* Gives @units at the reader's place back, for the next lap. */
static void
consume(struct ring *r, uint64_t units)
{
	for (uint64_t i = 0; i < units; i++)
		atomic_store_explicit(word_at(r, r->head + i),
				      word_free(r, r->head + i + r->units),
				      memory_order_relaxed);
	r->head += units;
	atomic_store(&r->shared->head, r->head);
	if (atomic_load(&r->shared->waiting)) {
		atomic_fetch_add(&r->shared->space, 1);
		futex(&r->shared->space, FUTEX_WAKE, INT_MAX, NULL);
	}
}

/* Whether a claim can be one: inside the ring, of this lap. */
static bool
claim_is_sane(const struct ring *r, uint64_t word)
{
	uint64_t len = word_len(word);

	return word >> LAP_SHIFT == (r->head / r->units & LAP_MASK) && len &&
	       r->head % r->units + len <= r->units;
}

enum ring_result
ring_read(struct ring *r, struct record *ret, size_t *ret_size)
{
	for (;;) {
		uint64_t word = atomic_load(word_at(r, r->head));
		uint64_t room = word_len(word) * UNIT;
		size_t size;

		if (word_state(word) == STATE_FREE || word_state(word) == STATE_CLAIMED)
			return RING_EMPTY;
		if (!claim_is_sane(r, word)) {
			consume(r, 1);
			return RING_LOST;
		}
		if (word_state(word) == STATE_ABANDONED) {
			consume(r, word_len(word));
			return RING_LOST;
		}
		if (word_tid(word) == TID_NONE) {
			consume(r, word_len(word));
			continue;
		}
		/* copied once and judged afterwards: the writer could still change it */
		size = MIN(room, (uint64_t)RECORD_MAX);
		memcpy(ret, data_at(r, r->head), size);
		*ret_size = ret->size;
		consume(r, word_len(word));
		return *ret_size > size ? RING_LOST : RING_OK;
	}
}

void
ring_abandon(struct ring *r, int32_t tid)
{
	uint64_t at = atomic_load(&r->shared->head);
	uint64_t tail = atomic_load(&r->shared->tail);

	while (at < tail) {
		uint64_t word = atomic_load(word_at(r, at));
		uint64_t given_up = word | STATE_ABANDONED;

		if (word_state(word) == STATE_CLAIMED &&
		    word_tid(word) == (uint64_t)tid) {
			atomic_compare_exchange_strong(word_at(r, at), &word, given_up);
			reader_wake(r);
		}
		/* a unit that the reader freed meanwhile has no length: it is behind us */
		at += MAX(word_len(word), (uint64_t)1);
	}
}

static bool
has_record(const struct ring *r)
{
	enum state s = word_state(atomic_load(word_at(r, r->head)));

	return s == STATE_COMMITTED || s == STATE_ABANDONED;
}

static void
nap(struct ring *r)
{
	const struct timespec time = { .tv_nsec = NAP_NS };

	atomic_store(&r->shared->sleeping, NAPPING);
	if (!atomic_load(&r->alarm))
		futex(&r->shared->sleeping, FUTEX_WAIT, NAPPING, &time);
}

void
ring_wait(struct ring *r)
{
	nap(r);
	/* said first, looked afterwards: a writer does it the other way round */
	atomic_store(&r->shared->sleeping, DEEP_SLEEP);
	if (!atomic_load(&r->alarm) && !has_record(r)) {
		futex(&r->shared->sleeping, FUTEX_WAIT, DEEP_SLEEP, NULL);
		nap(r);
	}
	atomic_store(&r->alarm, false);
	atomic_store(&r->shared->sleeping, AWAKE);
}

void
ring_wake(struct ring *r)
{
	atomic_store(&r->alarm, true);
	reader_wake(r);
}
