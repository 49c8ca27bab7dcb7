/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "base/ringword.h"
#include "model/record.h"
#include "model/ring.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WRITERS 4

/* A record of a random length whose content can be checked: who, which one, filling. */
static void
fill(struct record *r, int32_t tid, uint64_t number)
{
	size_t extra = (number * 7919 + (uint64_t)tid) % 700 * 4;
	struct field *f = (struct field *)(r + 1);

	memset(r, 0, sizeof(*r));
	r->kind = RECORD_CALL;
	r->tid = tid;
	r->args[0] = number;
	r->size = (uint32_t)(sizeof(*r) + sizeof(*f) + extra);
	f->kind = FIELD_PATH;
	f->len = (uint16_t)extra;
	memset(f->bytes, (int)(number % 251), extra);
}

static bool
is_whole(const struct record *r, size_t size)
{
	const struct field *f = record_field(r, FIELD_PATH);

	if (!record_check(r, size) || !f)
		return false;
	for (size_t i = 0; i < f->len; i++)
		if ((unsigned char)f->bytes[i] != r->args[0] % 251)
			return false;
	return true;
}

TEST(what_goes_in_comes_out_in_order)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	size_t size;

	for (uint64_t n = 0; n < 5000; n++) {
		fill(in, 1, n);
		ring_write(ring, in);
		CHECK_INT(ring_read(ring, out, &size), RING_OK);
		CHECK(is_whole(out, size) && out->args[0] == n);
	}
	CHECK_INT(ring_read(ring, out, &size), RING_EMPTY);
	free(in);
	free(out);
	ring_free(ring);
}

TEST(a_full_ring_refuses_and_loses_nothing)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	uint64_t written = 0, read = 0;
	struct ring_claim c;
	size_t size;

	for (int lap = 0; lap < 50; lap++) {
		for (;;) {
			fill(in, 1, written);
			if (ring_claim(ring, in->size, 1, &c) == RING_FULL)
				break;
			memcpy(c.bytes, in, in->size);
			ring_commit(ring, &c);
			written++;
		}
		CHECK(written > read);
		while (ring_read(ring, out, &size) == RING_OK) {
			CHECK(is_whole(out, size) && out->args[0] == read);
			read++;
		}
		CHECK_INT(read, written);
	}
	free(in);
	free(out);
	ring_free(ring);
}

TEST(an_uncommitted_claim_holds_the_order)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	struct ring_claim first;
	size_t size;

	fill(in, 1, 1);
	CHECK_INT(ring_claim(ring, in->size, 1, &first), RING_OK);
	fill(in, 2, 2);
	ring_write(ring, in);
	CHECK_INT(ring_read(ring, out, &size), RING_EMPTY);
	fill(first.bytes, 1, 1);
	ring_commit(ring, &first);
	CHECK_INT(ring_read(ring, out, &size), RING_OK);
	CHECK_INT(out->tid, 1);
	CHECK_INT(ring_read(ring, out, &size), RING_OK);
	CHECK_INT(out->tid, 2);
	free(in);
	free(out);
	ring_free(ring);
}

TEST(a_dead_writers_claim_is_stepped_over)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	struct ring_claim dead;
	size_t size;

	CHECK_INT(ring_claim(ring, 4000, 66, &dead), RING_OK);
	fill(in, 2, 2);
	ring_write(ring, in);
	ring_abandon(ring, 67);
	CHECK_INT(ring_read(ring, out, &size), RING_EMPTY);
	ring_abandon(ring, 66);
	CHECK_INT(ring_read(ring, out, &size), RING_LOST);
	CHECK_INT(ring_read(ring, out, &size), RING_OK);
	CHECK_INT(out->tid, 2);
	/* a commit that comes after all must not revive it */
	ring_commit(ring, &dead);
	CHECK_INT(ring_read(ring, out, &size), RING_EMPTY);
	free(in);
	free(out);
	ring_free(ring);
}

TEST(a_writer_that_died_before_it_moved_the_tail_holds_up_nobody)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	struct ring_shared *shared = ring_view(ring)->shared;
	size_t size;

	fill(in, 1, 1);
	ring_write(ring, in);
	atomic_store(&shared->tail, 0);
	CHECK_INT(ring_read(ring, out, &size), RING_OK);
	CHECK(atomic_load(&shared->tail) > 0);
	ring_write(ring, in);
	CHECK_INT(ring_read(ring, out, &size), RING_OK);
	CHECK(!ring_is_broken(ring));
	free(in);
	free(out);
	ring_free(ring);
}

/* --- ruins ------------------------------------------------------------------- */

TEST(a_spoiled_head_or_tail_breaks_the_ring)
{
	struct record *out = calloc(1, RECORD_MAX);
	size_t size;

	for (int i = 0; i < 4; i++) {
		struct ring *ring = ring_new(0);
		struct ring_shared *shared = ring_view(ring)->shared;
		_Atomic uint32_t closed = 0;

		ring_closes(ring, &closed);
		/* far away, or near enough to be where it could have been */
		atomic_store(i % 2 ? &shared->head : &shared->tail,
			     i < 2 ? UINT64_MAX / 3 : 5);
		CHECK_INT(ring_read(ring, out, &size), RING_LOST);
		CHECK(ring_is_broken(ring));
		CHECK_INT(closed, 1);
		CHECK_INT(ring_read(ring, out, &size), RING_EMPTY);
		ring_free(ring);
	}
	free(out);
}

TEST(a_broken_ring_never_makes_a_writer_wait)
{
	struct ring *ring = ring_new(0);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	size_t size;

	fill(in, 1, 1);
	atomic_store(&ring_view(ring)->shared->tail, UINT64_MAX / 3);
	CHECK_INT(ring_read(ring, out, &size), RING_LOST);
	CHECK(!ring_write(ring, in));
	free(in);
	free(out);
	ring_free(ring);
}

TEST(scribbling_never_hangs_or_crashes_the_reader)
{
	struct ring *ring = ring_new(256 * 1024);
	struct record *in = calloc(1, RECORD_MAX), *out = calloc(1, RECORD_MAX);
	size_t mapped = ring_size(256 * 1024), size;
	char *memory = (char *)ring_view(ring)->shared;
	uint64_t seed = 11;

	for (int round = 0; round < 2000; round++) {
		for (int i = 0; i < 20; i++)
			memory[unit_random(&seed) % mapped] = (char)unit_random(&seed);
		fill(in, 1, (uint64_t)round);
		ring_write(ring, in);
		for (int i = 0; i < 50; i++)
			if (ring_read(ring, out, &size) == RING_EMPTY)
				break;
	}
	CHECK(ring_is_broken(ring));
	free(in);
	free(out);
	ring_free(ring);
}

/* --- many writers, one of which is killed all the time ---------------------- */

static void
write_for_ever(struct ring *ring, int32_t id)
{
	struct record *in = calloc(1, RECORD_MAX);

	for (uint64_t n = 0;; n++) {
		struct ring_claim c;

		fill(in, id, n);
		while (ring_claim(ring, in->size, id, &c) == RING_FULL)
			usleep(100);
		memcpy(c.bytes, in, in->size);
		ring_commit(ring, &c);
	}
}

static pid_t
start_writer(struct ring *ring, int32_t id)
{
	pid_t pid = fork();

	if (pid == 0)
		write_for_ever(ring, id);
	return pid;
}

#define ROUNDS 300

/* Each writer that is started has an id of its own. */
struct tally {
	uint64_t next[WRITERS + ROUNDS + 1];
	uint64_t records, lost;
};

/* Reads for a moment; every record must be whole and in its writer's order. */
static void
read_some(struct ring *ring, struct record *out, struct tally *t)
{
	enum ring_result result;
	size_t size;

	for (int i = 0; i < 3000; i++) {
		result = ring_read(ring, out, &size);
		if (result == RING_EMPTY)
			return;
		if (result == RING_LOST) {
			t->lost++;
			continue;
		}
		if (!CHECK(is_whole(out, size)) || !CHECK(out->tid <= WRITERS + ROUNDS))
			return;
		CHECK_INT(out->args[0], t->next[out->tid]);
		t->next[out->tid] = out->args[0] + 1;
		t->records++;
	}
}

TEST(killed_writers_leave_whole_records_in_order)
{
	struct ring *ring = ring_new(256 * 1024);
	struct record *out = calloc(1, RECORD_MAX);
	struct tally tally = { 0 };
	uint64_t seed = 5;
	struct {
		pid_t pid;
		int32_t id;
	} writers[WRITERS];
	int32_t id = 0;

	for (size_t i = 0; i < WRITERS; i++) {
		writers[i].id = ++id;
		writers[i].pid = start_writer(ring, id);
	}
	for (int round = 0; round < ROUNDS; round++) {
		size_t i = unit_random(&seed) % WRITERS;

		read_some(ring, out, &tally);
		usleep((useconds_t)(unit_random(&seed) % 500));
		kill(writers[i].pid, SIGKILL);
		waitpid(writers[i].pid, NULL, 0);
		ring_abandon(ring, writers[i].id);
		writers[i].id = ++id;
		writers[i].pid = start_writer(ring, id);
	}
	for (size_t i = 0; i < WRITERS; i++) {
		kill(writers[i].pid, SIGKILL);
		waitpid(writers[i].pid, NULL, 0);
		ring_abandon(ring, writers[i].id);
	}
	for (int i = 0; i < 100; i++)
		read_some(ring, out, &tally);
	CHECK(tally.records > 1000);
	CHECK(tally.lost <= ROUNDS + WRITERS);
	/* nothing is left in the way */
	CHECK_INT(ring_read(ring, out, &(size_t){ 0 }), RING_EMPTY);
	free(out);
	ring_free(ring);
}

/* --- waking ------------------------------------------------------------------ */

static void *
write_later(void *ring)
{
	struct record *in = calloc(1, RECORD_MAX);

	usleep(30000);
	fill(in, 3, 9);
	ring_write(ring, in);
	free(in);
	return NULL;
}

TEST(a_sleeping_reader_is_woken)
{
	struct ring *ring = ring_new(0);
	struct record *out = calloc(1, RECORD_MAX);
	pthread_t thread;
	size_t size;

	pthread_create(&thread, NULL, write_later, ring);
	while (ring_read(ring, out, &size) == RING_EMPTY)
		ring_wait(ring, false);
	CHECK_INT(out->args[0], 9);
	pthread_join(thread, NULL);
	free(out);
	ring_free(ring);
}

/* Asked to wake before it sleeps: it must not sleep then. */
TEST(a_wake_is_not_lost)
{
	struct ring *ring = ring_new(0);

	for (int i = 0; i < 100; i++) {
		ring_wake(ring);
		ring_wait(ring, false);
	}
	CHECK(true);
	ring_free(ring);
}

struct race {
	struct ring *ring;
	struct record *in;
};

static void *
write_much(void *data)
{
	struct race *race = data;

	for (uint64_t n = 0; n < 20000; n++) {
		fill(race->in, 5, n);
		ring_write(race->ring, race->in);
	}
	return NULL;
}

TEST(a_writer_waits_for_room)
{
	struct race race = { ring_new(0), calloc(1, RECORD_MAX) };
	struct record *out = calloc(1, RECORD_MAX);
	pthread_t thread;
	uint64_t next = 0;
	size_t size;

	pthread_create(&thread, NULL, write_much, &race);
	while (next < 20000) {
		if (ring_read(race.ring, out, &size) == RING_EMPTY) {
			ring_wait(race.ring, false);
			continue;
		}
		if (!CHECK(is_whole(out, size) && out->args[0] == next))
			break;
		next++;
	}
	pthread_join(thread, NULL);
	free(race.in);
	free(out);
	ring_free(race.ring);
}
