/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The unit tests' harness
 *
 *	TEST(adds_bytes)
 *	{
 *		CHECK_INT(buf.len, 3);
 *	}
 *
 * Each program has a main() from unit.c that runs its tests in the order of the
 * source and prints TAP.  A failed check is told and the test goes on.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unit_test {
	const char *name;
	void (*run)(void);
	int line;
};

/*
 * The section holds pointers, not structs: it is walked as an array, and neither
 * alignment nor a sanitizer's padding may come between.
 */
#define TEST(name_)                                                                      \
	static void test_##name_(void);                                                  \
	static const struct unit_test unit_##name_ = { #name_, test_##name_, __LINE__ }; \
	static const struct unit_test *const unit_ptr_##name_                            \
		__attribute__((section("unit_tests"), used)) = &unit_##name_;            \
	static void test_##name_(void)

#define CHECK(what) unit_check(__FILE__, __LINE__, !!(what), #what)
#define CHECK_INT(got, want) \
	unit_check_int(__FILE__, __LINE__, (intmax_t)(got), (intmax_t)(want), #got)
#define CHECK_STR(got, want) unit_check_str(__FILE__, __LINE__, got, want, #got)
/* Bytes, NUL included. */
#define CHECK_MEM(got, got_len, want, want_len) \
	unit_check_mem(__FILE__, __LINE__, got, got_len, want, want_len, #got)

/* Each says what is wrong and returns false when it is not as it should be. */
bool unit_check(const char *file, int line, bool ok, const char *what);
bool unit_check_int(const char *file, int line, intmax_t got, intmax_t want,
		    const char *what);
bool unit_check_str(const char *file, int line, const char *got, const char *want,
		    const char *what);
bool unit_check_mem(const char *file, int line, const void *got, size_t got_len,
		    const void *want, size_t want_len, const char *what);

/* Marks the running test as skipped; the test returns afterwards. */
void unit_skip(const char *why);

/* Random numbers that are the same in every run. */
uint64_t unit_random(uint64_t *state);

/*
 * A name of 1 to @max bytes, made to be awkward: any byte but NUL, runs of
 * plain text, and pieces of what a log's own syntax is made of.
 */
size_t unit_random_name(uint64_t *state, char *name, size_t max);

/* A new empty file without a name, open for reading and writing. */
int unit_file(void);

/* What @fd holds from its start, as a string to be freed; @ret_len may be NULL. */
char *unit_content(int fd, size_t *ret_len);
