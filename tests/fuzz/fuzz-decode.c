/* SPDX-License-Identifier: MIT */

/*
 * Records that the job made up: where the fast engine records, the ring is memory that
 * the job can write to.  The input is records, well made and spoiled, and bytes that are
 * written into the ring itself, over its words too.  The reader comes to an end, and
 * what the model tells of it all can be looked at and written as a log.
 */

#include "events.h"

#include "model/model.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "sink/jsonl.h"

#include <fcntl.h>
#include <unistd.h>

/* Of all there is in a ring a reader finds the end. */
#define READS_MAX 10000

#define TASKS 7 /* so few that they are met again */

static char memory[1 << 20] __attribute__((aligned(64)));
static struct record_builder built;
static struct record *copy;

/* What a choice of few makes more likely to mean something. */
static uint64_t
take_number(struct fuzz_in *in)
{
	static const uint64_t some[] = { 0,
					 1,
					 2,
					 3,
					 O_CREAT | O_WRONLY,
					 O_PATH,
					 (uint64_t)AT_FDCWD,
					 AT_EMPTY_PATH,
					 AT_SYMLINK_NOFOLLOW,
					 UINT64_MAX };
	uint8_t b = fuzz_byte(in);

	return b < ARRAY_SIZE(some) ? some[b] : fuzz_number(in, b % 9);
}

/* Names, mostly; a length that is none of its bytes is for spoil(). */
static void
take_field(struct fuzz_in *in)
{
	size_t len = fuzz_byte(in) % 64, n;
	enum field_kind kind = fuzz_byte(in) % (FIELD_KIND_END - 1) + 1;
	const uint8_t *bytes = fuzz_bytes(in, len, &n);

	record_add(&built, kind, bytes, n);
}

static void
take_record(struct fuzz_in *in)
{
	enum record_kind kind = fuzz_byte(in) % (RECORD_KIND_END - 1) + 1;
	struct record *r = record_begin(&built, kind, fuzz_byte(in) % TASKS + 1);
	uint8_t shape = fuzz_byte(in);

	r->row = (uint16_t)(fuzz_byte(in) * 2u % syscall_row_count + shape % 2);
	r->flags = (uint16_t)fuzz_number(in, 2);
	r->abi = shape >> 1 & 3;
	r->engine = shape >> 3 & 1;
	r->name_error = shape >> 4 & 1;
	r->former = (int32_t)(fuzz_byte(in) % (TASKS + 1));
	r->result = (int64_t)take_number(in);
	for (unsigned i = 0; i < (shape >> 5); i++)
		r->args[i % 6] = take_number(in);
	for (unsigned i = fuzz_byte(in) % 5; i; i--)
		take_field(in);
}

/* Bytes of what was built become others; its length stays that of real memory. */
static void
spoil(struct fuzz_in *in, void *bytes, size_t size)
{
	for (unsigned i = fuzz_byte(in) % 4; i; i--) {
		size_t at = (size_t)fuzz_number(in, 3) % size;

		((uint8_t *)bytes)[at] ^= fuzz_byte(in);
	}
}

static void
feed(struct model *model, const struct record *r, size_t size)
{
	/* a look behind it is seen */
	struct record *exact = fuzz_copy(r, size);

	model_record(model, exact, size);
	free(exact);
}

static void
drain(struct ring *ring, struct model *model)
{
	unsigned reads = 0;

	for (;;) {
		size_t size;
		enum ring_result r = ring_read(ring, copy, &size);

		REQUIRE(reads++ < READS_MAX);
		REQUIRE(r == RING_OK || r == RING_EMPTY || r == RING_LOST);
		if (r == RING_EMPTY)
			return;
		if (r == RING_OK)
			feed(model, copy, size);
		else
			model_gap(model, GAP_LOST, NULL);
	}
}

/* Records go to the model by way of a ring that somebody spoils. */
static void
play_ring(struct fuzz_in *in, struct model *model)
{
	size_t size = ring_size(0);
	struct ring *ring;

	memset(memory, 0, size);
	ring = ring_at(memory, 0);
	while (fuzz_more(in)) {
		uint8_t what = fuzz_byte(in);

		switch (what % 8) {
		case 0:
			spoil(in, memory, size);
			break;
		case 1: /* the hot words, and the first of the others */
			spoil(in, memory, 1024);
			break;
		case 2:
			drain(ring, model);
			break;
		case 3:
			ring_abandon(ring, what / 8 % TASKS + 1);
			break;
		case 4:
			ring_withdraw(ring, what / 8 % TASKS + 1);
			break;
		default:
			take_record(in);
			ring_try_write(ring, built.r);
		}
	}
	drain(ring, model);
	ring_free(ring);
}

static void
play_records(struct fuzz_in *in, struct model *model)
{
	while (fuzz_more(in)) {
		take_record(in);
		spoil(in, built.r, MIN((size_t)built.r->size, (size_t)400));
		feed(model, built.r, MIN((size_t)built.r->size, (size_t)RECORD_MAX));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fuzz_in in = { bytes, bytes + len };
	struct run run = { .version = "", .classes = CLASS_ALL, .engine = "fast" };
	uint8_t kind = fuzz_byte(&in);
	struct outcome outcome = { 0 };
	static int null_fd = -1;
	struct hub *hub = hub_new();
	struct model *model;
	static char *no_words[] = { NULL };

	if (!copy) {
		copy = malloc(RECORD_MAX);
		REQUIRE(copy);
		record_builder_init(&built);
		null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	}
	run.argv = no_words;
	run.all = kind & 2;
	hub_add(hub, events_new(), "events");
	hub_add(hub, jsonl_sink.make(null_fd, NULL), "log");
	hub_begin(hub, &run);
	model = model_new(&run, hub, 0);
	if (kind & 1)
		play_ring(&in, model);
	else
		play_records(&in, model);
	model_end(model, 1, 0, true, &outcome);
	REQUIRE(outcome.written <= outcome.accesses);
	model_free(model);
	hub_free(hub);
	return 0;
}
