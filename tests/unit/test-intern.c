/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/intern.h"

#include <stdio.h>
#include <string.h>

TEST(same_bytes_same_address)
{
	struct intern *t = intern_new();
	const struct interned *a = intern_get(t, "/etc/passwd", 11);
	char other[] = "/etc/passwd";

	CHECK(intern_get(t, other, 11) == a);
	CHECK(intern_get(t, other, 10) != a);
	CHECK_INT(intern_count(t), 2);
	CHECK_STR(a->bytes, "/etc/passwd");
	CHECK_INT(a->len, 11);
	intern_free(t);
}

TEST(names_are_bytes)
{
	struct intern *t = intern_new();
	const struct interned *a = intern_get(t, "a\0b", 3),
			      *b = intern_get(t, "a\0c", 3);

	CHECK(a != b);
	CHECK_MEM(a->bytes, a->len, "a\0b", 3);
	CHECK(intern_get(t, "", 0) == intern_get(t, NULL, 0));
	CHECK_STR(intern_get(t, "", 0)->bytes, "");
	intern_free(t);
	intern_free(NULL);
}

TEST(trailing_nuls_differ)
{
	/* the hash pads the last word with zeroes */
	struct intern *t = intern_new();
	static const char zeroes[40];

	for (size_t len = 0; len < sizeof(zeroes); len++)
		intern_get(t, zeroes, len);
	CHECK_INT(intern_count(t), sizeof(zeroes));
	for (size_t len = 0; len < sizeof(zeroes); len++)
		CHECK_INT(intern_get(t, zeroes, len)->len, len);
	intern_free(t);
}

TEST(grows_and_nothing_moves)
{
	enum { COUNT = 200000 };
	static const struct interned *seen[COUNT];
	struct intern *t = intern_new();
	char name[64];

	for (int i = 0; i < COUNT; i++) {
		int len = snprintf(name, sizeof(name), "/usr/include/dir%d/x.h", i);

		seen[i] = intern_get(t, name, (size_t)len);
	}
	CHECK_INT(intern_count(t), COUNT);
	for (int i = 0; i < COUNT; i++) {
		int len = snprintf(name, sizeof(name), "/usr/include/dir%d/x.h", i);

		CHECK(intern_get(t, name, (size_t)len) == seen[i]);
		CHECK_STR(seen[i]->bytes, name);
	}
	CHECK_INT(intern_count(t), COUNT);
	intern_free(t);
}

TEST(hash_spreads)
{
	/* short names that differ in one place must not share many slots */
	enum { SLOTS = 4096 };
	static unsigned used[SLOTS];
	struct intern *t = intern_new();
	unsigned most = 0;
	char name[64];

	for (int i = 0; i < SLOTS; i++) {
		int len = snprintf(name, sizeof(name), "/proc/%d/fd", i);
		unsigned n = ++used[intern_get(t, name, (size_t)len)->hash % SLOTS];

		most = n > most ? n : most;
	}
	/* a random function gives 6 to 8 here, and 12 once in a million */
	CHECK(most < 12);
	intern_free(t);
}

TEST(long_strings)
{
	static char big[300000];
	struct intern *t = intern_new();
	const struct interned *a, *b;

	memset(big, 'x', sizeof(big));
	a = intern_get(t, big, sizeof(big));
	b = intern_get(t, big, sizeof(big) - 1);
	CHECK(a != b);
	CHECK_INT(b->len, sizeof(big) - 1);
	CHECK_INT(b->bytes[b->len], 0);
	CHECK(intern_get(t, big, sizeof(big)) == a);
	CHECK_MEM(a->bytes, a->len, big, sizeof(big));
	intern_free(t);
}

TEST(random_names)
{
	struct intern *t = intern_new();
	uint64_t state = 1;
	char name[200];

	for (int i = 0; i < 20000; i++) {
		size_t len = unit_random_name(&state, name, sizeof(name));
		const struct interned *s = intern_get(t, name, len);

		CHECK_MEM(s->bytes, s->len, name, len);
		CHECK_INT((uintptr_t)s % _Alignof(struct interned), 0);
	}
	intern_free(t);
}
