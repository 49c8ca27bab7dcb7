/* SPDX-License-Identifier: MIT */
#include "base/duration.h"

#include "base/buf.h"
#include "base/compiler.h"

#include <errno.h>

/* From the longest to the shortest, which is also the order inside a duration. */
static const struct unit {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "d", 86400000000000u },
	{ "h", 3600000000000u },
	{ "m", 60000000000u },
	{ "s", 1000000000u },
	{ "ms", 1000000u },
	{ "us", 1000u },
	{ "ns", 1u },
};

#define SECONDS 3 /* its place among them */

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The unit that @*at names, from @first on; moves behind it. */
static const struct unit *
parse_unit(const char **at, size_t first)
{
	size_t len = 0;

	while (**at && (*at)[len] >= 'a' && (*at)[len] <= 'z')
		len++;
	for (size_t i = first; i < ARRAY_SIZE(units); i++) {
		if (strlen(units[i].name) != len || memcmp(units[i].name, *at, len) != 0)
			continue;
		*at += len;
		return &units[i];
	}
	return NULL;
}

static int
parse_whole(const char **at, uint64_t *ret)
{
	uint64_t n = 0;

	for (; is_digit(**at); ++*at)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(**at - '0'), &n))
			return -ERANGE;
	*ret = n;
	return 0;
}

/* Digits behind a point, of a unit of @ns. */
static int
parse_fraction(const char *digits, const char *end, uint64_t ns, uint64_t *ret)
{
	uint64_t sum = 0, place = ns;

	for (; digits < end; digits++) {
		bool finer = place % 10 != 0;

		if (finer && *digits != '0')
			return -EINVAL;
		if (finer)
			continue;
		place /= 10;
		sum += place * (uint64_t)(*digits - '0');
	}
	*ret = sum;
	return 0;
}

/* One number and its unit, at least number @first of them; adds to @sum. */
static int
parse_part(const char **at, size_t *first, uint64_t *sum)
{
	const char *digits, *end;
	const struct unit *unit;
	uint64_t whole, fraction = 0;
	int r;

	if (!is_digit(**at))
		return -EINVAL;
	r = parse_whole(at, &whole);
	if (r < 0)
		return r;
	digits = end = *at;
	if (**at == '.') {
		for (digits = ++*at; is_digit(**at); ++*at)
			;
		end = *at;
		if (digits == end)
			return -EINVAL;
	}
	/* bare seconds stand alone: "1h30" could mean anything */
	unit = **at || *first ? parse_unit(at, *first) : &units[SECONDS];
	if (!unit)
		return -EINVAL;
	r = parse_fraction(digits, end, unit->ns, &fraction);
	if (r < 0)
		return r;
	*first = (size_t)(unit - units) + 1;
	if (__builtin_mul_overflow(whole, unit->ns, &whole) ||
	    __builtin_add_overflow(*sum, whole, sum) ||
	    __builtin_add_overflow(*sum, fraction, sum))
		return -ERANGE;
	return 0;
}

int
duration_parse(const char *text, uint64_t *ret_ns)
{
	const char *at = text;
	uint64_t sum = 0;
	size_t first = 0;
	int r;

	do {
		r = parse_part(&at, &first, &sum);
		if (r < 0)
			return r;
	} while (*at);
	*ret_ns = sum;
	return 0;
}

void
duration_print(struct buf *out, uint64_t ns)
{
	size_t start = out->len;

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		uint64_t n = ns / units[i].ns;

		ns %= units[i].ns;
		if (n)
			buf_printf(out, "%llu%s", (unsigned long long)n, units[i].name);
	}
	if (out->len == start)
		buf_adds(out, "0s");
}
