/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/duration.h"

#include <errno.h>

#define S 1000000000u

#define PARSES(text, want) check_parsed(__LINE__, text, 0, want)
#define REFUSED(text, error) check_parsed(__LINE__, text, error, 77)

static void
check_parsed(int line, const char *text, int error, uint64_t want)
{
	uint64_t ns = 77;

	unit_check(__FILE__, line, duration_parse(text, &ns) == error, text);
	unit_check(__FILE__, line, ns == want, text);
}

TEST(seconds_without_a_unit)
{
	PARSES("0", 0);
	PARSES("30", 30ull * S);
	PARSES("0.5", S / 2);
	PARSES("1.25", S + S / 4);
	PARSES("0.000000001", 1);
}

TEST(units)
{
	PARSES("7ns", 7);
	PARSES("7us", 7000);
	PARSES("7ms", 7000000);
	PARSES("7s", 7ull * S);
	PARSES("2m", 120ull * S);
	PARSES("3h", 10800ull * S);
	PARSES("1d", 86400ull * S);
	PARSES("1.5s", 3ull * S / 2);
	PARSES("0.1d", 8640ull * S);
	PARSES("1.50000000000000000000h", 5400ull * S);
}

TEST(several_parts)
{
	PARSES("1h30m", 5400ull * S);
	PARSES("1d1s", 86401ull * S);
	PARSES("1m0.5s", 60ull * S + S / 2);
	PARSES("1s500ms", 3ull * S / 2);
}

TEST(what_is_no_duration)
{
	REFUSED("", -EINVAL);
	REFUSED("s", -EINVAL);
	REFUSED("-1", -EINVAL);
	REFUSED("+1", -EINVAL);
	REFUSED(" 1", -EINVAL);
	REFUSED("1 ", -EINVAL);
	REFUSED("1 s", -EINVAL);
	REFUSED(".5", -EINVAL);
	REFUSED("1.", -EINVAL);
	REFUSED("1.s", -EINVAL);
	REFUSED("1e3", -EINVAL);
	REFUSED("1sec", -EINVAL);
	REFUSED("1S", -EINVAL);
	REFUSED("1h30", -EINVAL);
	REFUSED("30m1h", -EINVAL);
	REFUSED("1s1s", -EINVAL);
	REFUSED("inf", -EINVAL);
	REFUSED("0x10", -EINVAL);
	REFUSED("0.5ns", -EINVAL);
	REFUSED("0.0000000001", -EINVAL);
}

TEST(what_is_too_long)
{
	PARSES("18446744073709551615ns", UINT64_MAX);
	PARSES("18446744073.709551615s", UINT64_MAX);
	REFUSED("18446744073709551616ns", -ERANGE);
	REFUSED("18446744073.709551616s", -ERANGE);
	REFUSED("18446744074", -ERANGE);
	REFUSED("213504d", -ERANGE);
	REFUSED("99999999999999999999999999d", -ERANGE);
}

static void
check_printed(int line, uint64_t ns, const char *want)
{
	_cleanup_buf_ struct buf text = { 0 };
	uint64_t back = 0;

	duration_print(&text, ns);
	unit_check_str(__FILE__, line, buf_str(&text), want, "printed");
	unit_check(__FILE__, line, !duration_parse(buf_str(&text), &back), want);
	unit_check(__FILE__, line, back == ns, want);
}

TEST(printed)
{
	check_printed(__LINE__, 0, "0s");
	check_printed(__LINE__, 10ull * S, "10s");
	check_printed(__LINE__, 3ull * S / 2, "1s500ms");
	check_printed(__LINE__, 5400ull * S, "1h30m");
	check_printed(__LINE__, 86400ull * S + 1, "1d1ns");
	check_printed(__LINE__, UINT64_MAX, "213503d23h34m33s709ms551us615ns");
}
