/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "model/record.h"
#include <stdlib.h>
#include <string.h>

static const char *
text_of(const struct field *f)
{
	static char text[64];

	memset(text, 0, sizeof(text));
	if (f)
		memcpy(text, f->bytes, MIN((size_t)f->len, sizeof(text) - 1));
	return f ? text : NULL;
}

TEST(fields_come_back)
{
	struct record_builder b;

	record_builder_init(&b);
	record_begin(&b, RECORD_CALL, 7);
	CHECK(record_add(&b, FIELD_PATH, "a", 1));
	CHECK(record_add(&b, FIELD_DIR, "/some/where", 11));
	CHECK(record_add(&b, FIELD_PATH2, "", 0));
	CHECK(record_check(b.r, b.r->size));
	CHECK_INT(b.r->size % 4, 0);
	CHECK_STR(text_of(record_field(b.r, FIELD_PATH)), "a");
	CHECK_STR(text_of(record_field(b.r, FIELD_DIR)), "/some/where");
	CHECK_INT(record_field(b.r, FIELD_PATH2)->len, 0);
	CHECK(!record_field(b.r, FIELD_CWD));
	record_builder_done(&b);
}

TEST(what_does_not_fit_is_cut_and_told)
{
	static char much[RECORD_MAX];
	struct record_builder b;
	bool whole = true;

	memset(much, 'x', sizeof(much));
	record_builder_init(&b);
	record_begin(&b, RECORD_CALL, 7);
	CHECK(record_add(&b, FIELD_PATH, much, 4096));
	for (int i = 0; i < 10; i++)
		whole = record_add(&b, FIELD_DIR, much, 4095) && whole;
	CHECK(!whole);
	CHECK(b.r->size <= RECORD_MAX);
	CHECK(record_check(b.r, b.r->size));
	record_builder_done(&b);
}

TEST(damage_is_found)
{
	struct record_builder b;
	struct field *f;

	record_builder_init(&b);
	record_begin(&b, RECORD_CALL, 7);
	record_add(&b, FIELD_PATH, "abc", 3);
	CHECK(!record_check(b.r, b.r->size - 4));
	CHECK(!record_check(b.r, b.r->size + 4));
	CHECK(!record_check(b.r, 3));
	f = (struct field *)(b.r + 1);
	f->len = 4096;
	CHECK(!record_check(b.r, b.r->size));
	f->len = 3;
	f->kind = FIELD_KIND_END;
	CHECK(!record_check(b.r, b.r->size));
	f->kind = FIELD_PATH;
	b.r->kind = RECORD_KIND_END;
	CHECK(!record_check(b.r, b.r->size));
	b.r->kind = RECORD_CALL;
	b.r->tid = 0;
	CHECK(!record_check(b.r, b.r->size));
	record_builder_done(&b);
}

/* Random bytes must never make a reader run out of the record. */
TEST(any_bytes_are_safe)
{
	uint64_t seed = 1;
	char *bytes = malloc(512);

	for (int i = 0; i < 200000; i++) {
		struct record *r = (struct record *)bytes;
		size_t size = unit_random(&seed) % 512;

		for (size_t k = 0; k < 512; k += 8) {
			uint64_t x = unit_random(&seed);

			if (unit_random(&seed) % 3 == 0)
				x &= 0x0007000400070004u;
			memcpy(bytes + k, &x, 8);
		}
		r->size = (uint32_t)size;
		r->kind = RECORD_CALL;
		r->tid = 1;
		if (record_check(r, size))
			record_field(r, FIELD_ROOT);
	}
	free(bytes);
}
