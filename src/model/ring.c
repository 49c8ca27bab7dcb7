/* SPDX-License-Identifier: MIT */
#include "model/ring.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/ringword.h"
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

#define NAP_NS (10 * 1000 * 1000)
#define FULL_WAIT_NS (2 * 1000 * 1000)

/* A claim that stands at the head for so long has no owner; one in ruins, sooner. */
#define STUCK_NS ((uint64_t)10 * 1000 * 1000 * 1000)
#define RUIN_NS ((uint64_t)200 * 1000 * 1000)

struct ring {
	struct ring_view view;
	uint64_t head;	    /* the reader's own, which nobody else can spoil */
	uint64_t tail_seen; /* where the tail was when the reader last looked */
	uint64_t stuck_at;  /* a position where the reader found a claim, and when */
	uint64_t stuck_since;
	uint64_t secret;	  /* of the seals; 0: there are none */
	_Atomic bool broken;	  /* somebody wrote where nobody may */
	_Atomic bool alarm;	  /* ring_wake() was called: do not fall asleep */
	_Atomic uint32_t *closed; /* set to 1 when it breaks; or NULL */
	void *mapped;		  /* to be unmapped, or NULL when it is the caller's */
	size_t size;
};

static long
futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *timeout)
{
	/* not FUTEX_PRIVATE: the writers may be other processes */
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

/* Bytes before the data: the hot words, and one word for each unit. */
static size_t
head_size(uint32_t unit_bits)
{
	return sizeof(struct ring_shared) + (sizeof(uint64_t) << unit_bits);
}

static uint32_t
bits_for(size_t bytes)
{
	uint32_t bits = 0;

	while ((size_t)RING_UNIT << bits < MAX(bytes, (size_t)4 * RECORD_MAX))
		bits++;
	return bits;
}

size_t
ring_size(size_t bytes)
{
	return head_size(bits_for(bytes)) + ((size_t)RING_UNIT << bits_for(bytes));
}

struct ring *
ring_at(void *memory, size_t bytes)
{
	struct ring *r = mem_zero(1, sizeof(*r));

	r->view.unit_bits = bits_for(bytes);
	r->view.shared = memory;
	r->view.data = (char *)memory + head_size(r->view.unit_bits);
	return r;
}

struct ring *
ring_new(size_t bytes)
{
	size_t size = ring_size(bytes);
	struct ring *r;
	void *p;

	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	r = ring_at(p, bytes);
	r->mapped = p;
	r->size = size;
	return r;
}

void
ring_free(struct ring *r)
{
	if (!r)
		return;
	if (r->mapped)
		munmap(r->mapped, r->size);
	free(r);
}

void
ring_closes(struct ring *r, _Atomic uint32_t *closed)
{
	r->closed = closed;
}

void
ring_seals(struct ring *r, uint64_t secret)
{
	r->secret = secret;
}

const struct ring_view *
ring_view(const struct ring *r)
{
	return &r->view;
}

bool
ring_is_broken(const struct ring *r)
{
	return atomic_load(&r->broken);
}

static void
break_it(struct ring *r)
{
	atomic_store(&r->broken, true);
	if (r->closed)
		atomic_store(r->closed, 1);
}

static uint64_t
word_free(const struct ring *r, uint64_t at)
{
	return ring_word(ring_lap(&r->view, at), 0, 0, RING_STATE_FREE);
}

static _Atomic uint64_t *
word_at(const struct ring *r, uint64_t at)
{
	return ring_word_at(&r->view, at);
}

enum ring_result
ring_claim(struct ring *r, uint32_t size, int32_t tid, struct ring_claim *ret)
{
	uint64_t units = (size + RING_UNIT - 1) / RING_UNIT;

	if (ring_claim_units(&r->view, units, (uint64_t)tid, &ret->at) != RING_CLAIMED)
		return RING_FULL;
	ret->bytes = ring_data_at(&r->view, ret->at);
	ret->word = ring_word(ring_lap(&r->view, ret->at), (uint64_t)tid, units,
			      RING_STATE_CLAIMED);
	return RING_OK;
}

static void
reader_wake(struct ring *r)
{
	atomic_store(&r->view.shared->sleeping, RING_AWAKE);
	futex(&r->view.shared->sleeping, FUTEX_WAKE, 1, NULL);
}

void
ring_commit(struct ring *r, const struct ring_claim *c)
{
	uint64_t expected = c->word;
	uint64_t committed = (c->word & ~(uint64_t)3) | RING_STATE_COMMITTED;

	/* fails only if the reader was told that this task is dead: then it is too late */
	atomic_compare_exchange_strong(word_at(r, c->at), &expected, committed);
	if (ring_wants_wake(&r->view, c->at))
		reader_wake(r);
}

/* Waits until the reader has given room back, or a little while. */
void
ring_wait_room(struct ring *r)
{
	const struct timespec timeout = { .tv_nsec = FULL_WAIT_NS };
	struct ring_shared *s = r->view.shared;
	uint32_t seen = atomic_load(&s->space);

	reader_wake(r);
	atomic_fetch_add(&s->waiting, 1);
	futex(&s->space, FUTEX_WAIT, seen, &timeout);
	atomic_fetch_sub(&s->waiting, 1);
}

static void
seal(const struct ring *r, struct record *rec, uint32_t size)
{
	rec->seal = 0;
	rec->seal = record_seal(rec, size, r->secret);
}

/* Whether the copy @rec is one that was sealed and not touched afterwards. */
static bool
is_sealed(const struct ring *r, struct record *rec)
{
	uint32_t found = rec->seal;

	if (!r->secret)
		return true;
	seal(r, rec, rec->size);
	return rec->seal == found;
}

bool
ring_try_write(struct ring *r, const struct record *rec)
{
	struct ring_claim c;

	if (ring_claim(r, rec->size, rec->tid, &c) == RING_FULL)
		return false;
	memcpy(c.bytes, rec, rec->size);
	if (r->secret)
		seal(r, c.bytes, rec->size);
	ring_commit(r, &c);
	return true;
}

bool
ring_write(struct ring *r, const struct record *rec)
{
	while (!ring_try_write(r, rec)) {
		if (ring_is_broken(r))
			return false;
		ring_wait_room(r);
	}
	return true;
}

int32_t
ring_holder(const struct ring *r)
{
	const struct ring_shared *s = r->view.shared;
	uint64_t word = atomic_load(ring_word_at(&r->view, atomic_load(&s->head)));

	return ring_word_state(word) == RING_STATE_CLAIMED ? (int32_t)ring_word_tid(word)
							   : 0;
}

/* Gives @units at the reader's place back, for the next lap. */
static void
consume(struct ring *r, uint64_t units)
{
	struct ring_shared *s = r->view.shared;

	/* its claimer may have died before it moved the tail */
	if (r->head >= r->tail_seen)
		r->tail_seen = atomic_load(&s->tail);
	if (r->head >= r->tail_seen)
		ring_tail_help(&r->view, r->head, units);
	for (uint64_t i = 0; i < units; i++)
		atomic_store_explicit(word_at(r, r->head + i),
				      word_free(r, r->head + i + ring_units(&r->view)),
				      memory_order_relaxed);
	r->head += units;
	atomic_store(&s->head, r->head);
	if (atomic_load(&s->waiting)) {
		atomic_fetch_add(&s->space, 1);
		futex(&s->space, FUTEX_WAKE, INT_MAX, NULL);
	}
}

/* Whether what stands at the reader's place can be a claim: inside the ring, of this lap. */
static bool
is_sane(const struct ring *r, uint64_t word)
{
	uint64_t len = ring_word_len(word);

	return word >> RING_LAP_SHIFT == (ring_lap(&r->view, r->head) & RING_LAP_MASK) &&
	       len && ring_index(&r->view, r->head) + len <= ring_units(&r->view);
}

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Whether the claim at the reader's place has stood there longer than anybody lives. */
static bool
is_stuck(struct ring *r)
{
	uint64_t now = now_ns();

	if (!r->stuck_since || r->stuck_at != r->head) {
		r->stuck_at = r->head;
		r->stuck_since = now;
	}
	return now - r->stuck_since > (ring_is_broken(r) ? RUIN_NS : STUCK_NS);
}

/* Nothing is to be read; are the words that say so still the ones that we wrote? */
static bool
is_intact(const struct ring *r, uint64_t word)
{
	const struct ring_shared *s = r->view.shared;

	if (word != word_free(r, r->head) || atomic_load(&s->head) != r->head)
		return false;
	if (atomic_load(&s->tail) == r->head)
		return true;
	/* the tail moves over claims only: one must have come since the word was looked at */
	return atomic_load(&s->tail) - r->head <= ring_units(&r->view) &&
	       atomic_load(word_at(r, r->head)) != word;
}

/* Steps over ruins up to something that may be a record; there need be none. */
static enum ring_result
skip_ruins(struct ring *r)
{
	uint64_t skipped = 0;

	break_it(r);
	do {
		consume(r, 1);
	} while (++skipped < ring_units(&r->view) &&
		 !is_sane(r, atomic_load(word_at(r, r->head))));
	return RING_LOST;
}

static enum ring_result
read_committed(struct ring *r, uint64_t word, struct record *ret, size_t *ret_size)
{
	/* copied once and judged afterwards: the writer could still change it */
	size_t size = MIN(ring_word_len(word) * RING_UNIT, (uint64_t)RECORD_MAX);

	memcpy(ret, ring_data_at(&r->view, r->head), size);
	*ret_size = ret->size;
	consume(r, ring_word_len(word));
	if (*ret_size <= size && *ret_size >= sizeof(*ret) && is_sealed(r, ret))
		return RING_OK;
	break_it(r);
	return RING_LOST;
}

/* Nobody writes to a broken ring any more: is there anything left to be read in it? */
static bool
is_over(const struct ring *r)
{
	uint64_t units = ring_units(&r->view);

	for (uint64_t i = 0; i < units; i++) {
		uint64_t word = atomic_load(word_at(r, r->head + i));

		if (ring_word_state(word) != RING_STATE_FREE)
			return false;
	}
	return true;
}

static enum ring_result
read_free(struct ring *r, uint64_t word)
{
	if (!ring_is_broken(r) && is_intact(r, word))
		return RING_EMPTY;
	if (!ring_is_broken(r) || !is_over(r))
		return skip_ruins(r);
	return RING_EMPTY;
}

enum ring_result
ring_read(struct ring *r, struct record *ret, size_t *ret_size)
{
	for (;;) {
		uint64_t word = atomic_load(word_at(r, r->head));

		if (ring_word_state(word) == RING_STATE_FREE)
			return read_free(r, word);
		if (!is_sane(r, word))
			return skip_ruins(r);
		if (ring_word_state(word) == RING_STATE_CLAIMED) {
			if (!is_stuck(r))
				return RING_EMPTY;
			break_it(r);
			word |= RING_STATE_ABANDONED;
		}
		if (ring_word_state(word) == RING_STATE_ABANDONED) {
			consume(r, ring_word_len(word));
			return RING_LOST;
		}
		if (ring_word_tid(word) != RING_TID_NONE)
			return read_committed(r, word, ret, ret_size);
		consume(r, ring_word_len(word));
	}
}

/* Gives every uncommitted claim of @tid up; whether there was one. */
static bool
take_claims(struct ring *r, int32_t tid, bool withdraw)
{
	uint64_t at = atomic_load(&r->view.shared->head);
	uint64_t tail = atomic_load(&r->view.shared->tail);
	uint64_t end = at + MIN(tail - at, ring_units(&r->view));
	bool found = false;

	/* a claim may stand at the tail, if nobody has moved that yet */
	for (end++; at < end;) {
		uint64_t word = atomic_load(word_at(r, at));
		uint64_t len = ring_word_len(word);
		uint64_t instead = word | RING_STATE_ABANDONED;

		if (withdraw)
			instead = ring_word(word >> RING_LAP_SHIFT, RING_TID_NONE, len,
					    RING_STATE_COMMITTED);
		if (ring_word_state(word) == RING_STATE_CLAIMED &&
		    ring_word_tid(word) == (uint64_t)tid) {
			found |= atomic_compare_exchange_strong(word_at(r, at), &word,
								instead);
			reader_wake(r);
		}
		/* a unit that the reader freed meanwhile has no length: it is behind us */
		at += MAX(len, (uint64_t)1);
	}
	return found;
}

void
ring_abandon(struct ring *r, int32_t tid)
{
	take_claims(r, tid, false);
}

bool
ring_withdraw(struct ring *r, int32_t tid)
{
	return take_claims(r, tid, true);
}

static bool
has_record(const struct ring *r)
{
	enum ring_state s = ring_word_state(atomic_load(word_at(r, r->head)));

	return s == RING_STATE_COMMITTED || s == RING_STATE_ABANDONED;
}

static void
nap(struct ring *r)
{
	const struct timespec time = { .tv_nsec = NAP_NS };
	_Atomic uint32_t *sleeping = &r->view.shared->sleeping;

	atomic_store(sleeping, RING_NAPPING);
	if (!atomic_load(&r->alarm))
		futex(sleeping, FUTEX_WAIT, RING_NAPPING, &time);
}

void
ring_wait(struct ring *r, bool later)
{
	_Atomic uint32_t *sleeping = &r->view.shared->sleeping;
	/* a claim that nobody ever commits is found out by looking again */
	const struct timespec look_again = { .tv_sec = 2 };
	bool claimed = atomic_load(word_at(r, r->head)) != word_free(r, r->head);

	nap(r);
	/* said first, looked afterwards: a writer does it the other way round */
	atomic_store(sleeping, RING_DEEP_SLEEP);
	if (!atomic_load(&r->alarm) && !has_record(r)) {
		futex(sleeping, FUTEX_WAIT, RING_DEEP_SLEEP,
		      later || claimed || ring_is_broken(r) ? &look_again : NULL);
		nap(r);
	}
	atomic_store(&r->alarm, false);
	atomic_store(sleeping, RING_AWAKE);
}

void
ring_wake(struct ring *r)
{
	atomic_store(&r->alarm, true);
	reader_wake(r);
}
