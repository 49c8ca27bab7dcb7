/* SPDX-License-Identifier: MIT */

/*
 * Logs as somebody else may have made them, cut or broken anywhere: read whole and in
 * pieces they are the same, and what is told of them can be looked at.  The first byte says how long
 * the pieces are.
 */

#include "events.h"

#include "sink/logread.h"

/* What came of one reading. */
struct reading {
	int result;
	uint64_t accesses, lines, broken, first_broken;
	struct outcome outcome;
};

static void
read_log(const char *bytes, size_t len, size_t piece, struct reading *ret)
{
	struct hub *hub = hub_new();
	struct sink *events = events_new();
	struct logread *log;
	_cleanup_free_ char *copy = fuzz_copy(bytes, len);

	hub_add(hub, events, "events");
	log = logread_new(hub);
	for (size_t at = 0; at < len; at += piece)
		logread_feed(log, copy + at, MIN(piece, len - at));
	ret->result = logread_end(log);
	ret->accesses = ((struct events *)events)->accesses;
	ret->lines = logread_faults(log)->lines;
	ret->broken = logread_faults(log)->broken;
	ret->first_broken = logread_faults(log)->first_broken;
	REQUIRE(ret->broken <= ret->lines && ret->first_broken <= ret->lines);
	REQUIRE(!ret->broken == !ret->first_broken);
	ret->outcome = *logread_outcome(log);
	logread_free(log);
	hub_free(hub);
}

static void
check_same(const struct reading *a, const struct reading *b)
{
	REQUIRE(a->result == b->result && a->accesses == b->accesses);
	REQUIRE(a->lines == b->lines && a->broken == b->broken &&
		a->first_broken == b->first_broken);
	if (a->result != LOGREAD_OK)
		return;
	REQUIRE(a->outcome.accesses == b->outcome.accesses &&
		a->outcome.written == b->outcome.written &&
		a->outcome.processes == b->outcome.processes);
	REQUIRE(outcome_complete(&a->outcome) == outcome_complete(&b->outcome));
	/* nothing is taken for whole that is not */
	REQUIRE(!a->broken || !outcome_complete(&a->outcome));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct reading whole = { 0 }, parts = { 0 };
	size_t piece;

	if (!len)
		return 0;
	piece = bytes[0] % 64 + 1u;
	bytes++;
	len--;
	read_log((const char *)bytes, len, len ? len : 1, &whole);
	read_log((const char *)bytes, len, piece, &parts);
	check_same(&whole, &parts);
	return 0;
}
