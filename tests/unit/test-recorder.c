/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "base/tsc.h"
#include "model/event.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "recorder/boot.h"
#include "recorder/flights.h"
#include "recorder/region.h"
#include "recorder/spaces.h"
#include "trace/maps.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define RING_BYTES ((size_t)256 * 1024)
#define TID 77

static bool
open_region(struct region *r)
{
	int error = region_open(r, RING_BYTES, CLASS_ALL);

	if (error)
		unit_skip("no System V shared memory here");
	return !error;
}

/* --- the region ---------------------------------------------------------------- */

TEST(the_recorder_knows_calls_whose_record_it_can_make)
{
	struct region r;

	if (!open_region(&r))
		return;
	CHECK_INT(r.control->rows[SYS_openat].kind, CALL_KIND_RECORD);
	CHECK_INT(r.control->rows[SYS_openat].path, 2);
	CHECK_INT(r.control->rows[SYS_openat].open_flags, 3);
	CHECK_INT(r.control->rows[SYS_execve].kind, CALL_KIND_EXEC);
	/* these change what later names mean, or have a shape of their own */
	CHECK_INT(r.control->rows[SYS_chdir].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_rename].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_mount].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_openat2].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_connect].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_clone].kind, CALL_KIND_PLAIN);
	CHECK_INT(r.control->rows[SYS_read].kind, CALL_KIND_PLAIN);
	region_close(&r);
}

TEST(the_recorders_parts_do_not_overlap)
{
	struct recorder_map m;

	region_map(&m);
	CHECK(m.start < m.end && m.end <= LAYOUT_SLOTS);
	CHECK(m.entry < m.framed && m.framed < m.trusted);
	CHECK_INT(m.returned, m.trusted + 2);
	CHECK(m.returned < m.finish && m.finish < m.decline && m.decline < m.leave);
	CHECK(m.before < m.before_end && m.after < m.after_end && m.put < m.put_end);
	CHECK(m.own < m.own_returned);
	CHECK(m.before_end <= m.put || m.put_end <= m.before);
	CHECK(m.after_end <= m.put || m.put_end <= m.after);
}

TEST(a_ring_that_does_not_fit_is_refused)
{
	struct region r;

	CHECK_INT(region_open(&r, (size_t)512 << 20, CLASS_ALL), -E2BIG);
}

/* --- flights ------------------------------------------------------------------------ */

static void
fly(struct region *r, unsigned at, uint32_t tid, enum flight_state state)
{
	struct flight *f = &r->shared->flights[at];

	memset(f, 0, sizeof(*f));
	f->record.size = sizeof(f->record);
	f->record.kind = RECORD_CALL;
	f->record.engine = ENGINE_FAST;
	f->record.tid = (int32_t)tid;
	f->state = state;
	r->shared->owner[at] = tid;
}

TEST(what_was_begun_is_found_once)
{
	struct flight_copy c;
	struct region r;

	if (!open_region(&r))
		return;
	fly(&r, 3, TID, FLIGHT_BEGUN);
	fly(&r, 4, TID + 1, FLIGHT_BEGUN);
	CHECK(flights_take(&r, TID, &c));
	CHECK_INT(c.flight.state, FLIGHT_BEGUN);
	CHECK(!flights_take(&r, TID, &c));
	CHECK_INT(r.shared->owner[3], 0);
	CHECK_INT(r.shared->owner[4], TID + 1);
	region_close(&r);
}

/* Returned, claimed, committed: the record is to be had from one place only. */
TEST(what_returned_is_missing_until_it_is_committed)
{
	struct ring_claim claim;
	struct flight_copy c;
	struct region r;

	if (!open_region(&r))
		return;
	fly(&r, 0, TID, FLIGHT_RETURNED);
	CHECK(flights_take(&r, TID, &c));

	CHECK_INT(ring_claim(r.ring, sizeof(struct record), TID, &claim), RING_OK);
	fly(&r, 0, TID, FLIGHT_RETURNED);
	r.shared->flights[0].at = claim.at + 1;
	CHECK(flights_take(&r, TID, &c));

	CHECK_INT(ring_claim(r.ring, sizeof(struct record), TID, &claim), RING_OK);
	ring_commit(r.ring, &claim);
	fly(&r, 0, TID, FLIGHT_RETURNED);
	r.shared->flights[0].at = claim.at + 1;
	CHECK(!flights_take(&r, TID, &c));
	region_close(&r);
}

TEST(what_makes_no_sense_is_no_flight)
{
	struct flight_copy c;
	struct region r;

	if (!open_region(&r))
		return;
	fly(&r, 0, TID, FLIGHT_BEGUN);
	r.shared->flights[0].record.size = UINT32_MAX;
	CHECK(!flights_take(&r, TID, &c));
	fly(&r, 0, TID, FLIGHT_BEGUN);
	r.shared->flights[0].record.tid = TID + 5;
	CHECK(!flights_take(&r, TID, &c));
	fly(&r, 0, TID, FLIGHT_BEGUN);
	r.shared->flights[0].record.row = UINT16_MAX;
	CHECK(!flights_take(&r, TID, &c));
	fly(&r, 0, TID, (enum flight_state)99);
	CHECK(!flights_take(&r, TID, &c));
	region_close(&r);
}

TEST(an_unsealed_record_breaks_the_ring)
{
	struct record *out = calloc(1, RECORD_MAX);
	struct ring_claim claim;
	struct region r;
	size_t size;

	if (!open_region(&r)) {
		free(out);
		return;
	}
	CHECK_INT(ring_claim(r.ring, sizeof(struct record), TID, &claim), RING_OK);
	memset(claim.bytes, 0, sizeof(struct record));
	((struct record *)claim.bytes)->size = sizeof(struct record);
	((struct record *)claim.bytes)->kind = RECORD_CALL;
	((struct record *)claim.bytes)->tid = TID;
	ring_commit(r.ring, &claim);
	CHECK_INT(ring_read(r.ring, out, &size), RING_LOST);
	CHECK(ring_is_broken(r.ring));
	CHECK_INT(r.control->closed, 1);
	region_close(&r);
	free(out);
}

/* --- the rest --------------------------------------------------------------------- */

TEST(the_start_up_code_ends_where_the_image_begins)
{
	struct boot b = { .entry = 0x123456789abc, .tid = TID, .file_count = BOOT_FILES };
	uint8_t code[BOOT_MAX];
	size_t failed = 0, len;
	struct region r;

	if (!open_region(&r))
		return;
	b.region = &r;
	len = boot_emit(&b, code, &failed);
	CHECK(len > 0 && len <= BOOT_MAX && failed < len);
	CHECK_INT(code[failed], 0xcc);
	CHECK(memmem(code, len, &b.entry, sizeof(b.entry)) != NULL);
	CHECK(memmem(code, len, "whatfiles", 10) != NULL);
	region_close(&r);
}

TEST(places_that_handlers_return_to_are_remembered)
{
	struct space *s = space_new();

	space_note_fragile(s, 100);
	space_note_fragile(s, 100);
	CHECK_INT(s->fragile_count, 1);
	CHECK(space_is_fragile(s, 98, 7));
	CHECK(!space_is_fragile(s, 100, 7));
	CHECK(!space_is_fragile(s, 93, 7));
	/* more than there is room for: nothing is safe any more */
	for (unsigned i = 0; i < 2 * SPACE_FRAGILE; i++)
		space_note_fragile(s, 1000 + i);
	CHECK(space_is_fragile(s, 5, 7));
	space_drop(s);
}

TEST(a_space_has_a_file_at_one_place)
{
	struct space *s = space_new(), *copy;

	CHECK(space_add_file(s, 1, 0x1000));
	CHECK(space_add_file(s, 1, 0x1000));
	CHECK(!space_add_file(s, 1, 0x2000));
	copy = space_copy(s);
	CHECK(space_has_file(copy, 1, 0x1000));
	for (unsigned i = 2; i <= SPACE_FILES; i++)
		CHECK(space_add_file(s, i, 0x1000));
	CHECK(!space_add_file(s, 99, 0x1000));
	space_drop(copy);
	space_drop(s);
}

TEST(mappings_are_read_as_the_kernel_writes_them)
{
	struct mapping m;

	CHECK(maps_parse(
		"7f00-8f00 r-xp 00026000 fe:00 332383   /usr/lib/x y (deleted)\n", &m));
	CHECK(m.start == 0x7f00 && m.end == 0x8f00 && m.offset == 0x26000);
	CHECK(m.major == 0xfe && m.minor == 0 && m.inode == 332383);
	CHECK(m.executable && !m.writable && !m.shared && !m.is_vdso);
	CHECK(maps_parse("1000-2000 rw-s 00000000 00:01 9\n", &m));
	CHECK(m.writable && m.shared && !m.executable);
	CHECK(maps_parse("1000-2000 r-xp 00000000 00:00 0      [vdso]", &m));
	CHECK(m.is_vdso);
	CHECK(!maps_parse("", &m));
	CHECK(!maps_parse("nonsense", &m));
	CHECK(!maps_parse("1000-2000 r-x 0 0:0 0", &m));
}

TEST(the_counter_tells_the_time)
{
	struct tsc t;
	uint64_t now;

	tsc_init(&t);
	now = tsc_ns(&t, t.tsc);
	CHECK(now == t.ns);
	CHECK(tsc_ns(&t, t.tsc + 1000000) > now);
	/* the job writes the counter: any value gives some time */
	CHECK(tsc_ns(&t, 0) <= INT64_MAX);
	CHECK(tsc_ns(&t, UINT64_MAX) <= INT64_MAX);
	CHECK(tsc_ns(&t, t.tsc + (UINT64_MAX >> 1)) <= INT64_MAX);
}
