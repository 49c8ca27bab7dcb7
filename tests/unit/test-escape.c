/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/escape.h"

#include <stdio.h>

#define ESCAPED(bytes, want) check_escaped(__LINE__, bytes, sizeof(bytes) - 1, want)

static void
check_escaped(int line, const char *bytes, size_t len, const char *want)
{
	_cleanup_buf_ struct buf text = { 0 }, back = { 0 };

	escape_text(&text, bytes, len);
	unit_check_str(__FILE__, line, buf_str(&text), want, "escaped");
	unit_check(__FILE__, line, escape_undo(&back, want, strlen(want)), "undone");
	unit_check_mem(__FILE__, line, back.data, back.len, bytes, len, "back");
}

TEST(plain_stays)
{
	ESCAPED("", "");
	ESCAPED("/usr/lib/x86_64-linux-gnu/libc.so.6",
		"/usr/lib/x86_64-linux-gnu/libc.so.6");
	ESCAPED("a b  'c' \"d\" $e", "a b  'c' \"d\" $e");
	ESCAPED("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
		"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(controls)
{
	ESCAPED("a\nb", "a\\nb");
	ESCAPED("\a\b\t\n\v\f\r", "\\a\\b\\t\\n\\v\\f\\r");
	ESCAPED("\x01\x1b[31m\x7f", "\\x01\\x1b[31m\\x7f");
	ESCAPED("a\0b", "a\\x00b");
	ESCAPED("\\n", "\\\\n");
}

TEST(no_field_can_end)
{
	ESCAPED("a,b", "a,b");
	ESCAPED("a, b", "a\\x2c b");
	ESCAPED("a,", "a\\x2c");
	ESCAPED("a,,", "a,\\x2c");
	ESCAPED("x, syscall: open(), PID: 1", "x\\x2c syscall: open()\\x2c PID: 1");
}

TEST(no_utf8)
{
	ESCAPED("\xff\xfe", "\\xff\\xfe");
	ESCAPED("\x80", "\\x80");
	ESCAPED("\xc0\xaf", "\\xc0\\xaf"); /* overlong slash */
	ESCAPED("\xe0\x80\xaf", "\\xe0\\x80\\xaf");
	ESCAPED("\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf");
	ESCAPED("\xc0\x8a", "\\xc0\\x8a");		     /* overlong newline */
	ESCAPED("\xed\xa0\x80", "\\xed\\xa0\\x80");	     /* surrogate */
	ESCAPED("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
	ESCAPED("\xe2\x82", "\\xe2\\x82");		     /* cut off */
	ESCAPED("\xe2\x82\n", "\\xe2\\x82\\n");
	ESCAPED("\xf0\x9f\x98"
		"a",
		"\\xf0\\x9f\\x98"
		"a");
}

TEST(direction_and_cursor)
{
	ESCAPED("a\xe2\x80\xae"
		"fdp.exe",
		"a\\u202efdp.exe");
	ESCAPED("\xe2\x81\xa6\xe2\x81\xa9", "\\u2066\\u2069");
	ESCAPED("\xd8\x9c\xe2\x80\x8e\xe2\x80\x8f", "\\u061c\\u200e\\u200f");
	ESCAPED("\xe2\x80\xa8\xe2\x80\xa9", "\\u2028\\u2029");
	ESCAPED("\xc2\x85\xc2\x9b", "\\u0085\\u009b");
	ESCAPED("\xc2\xa0\xe2\x80\xaf", "\xc2\xa0\xe2\x80\xaf");
}

static bool
undone(const char *text)
{
	_cleanup_buf_ struct buf out = { 0 };
	bool ok;

	buf_adds(&out, "kept");
	ok = escape_undo(&out, text, strlen(text));
	CHECK(ok || !strcmp(buf_str(&out), "kept"));
	return ok;
}

TEST(undo_refuses_what_was_never_written)
{
	CHECK(undone(""));
	CHECK(undone("abc"));
	CHECK(!undone("\\"));
	CHECK(!undone("\\q"));
	CHECK(!undone("\\x1"));
	CHECK(!undone("\\x1B"));
	CHECK(!undone("\\x41"));
	CHECK(!undone("\\x0a"));
	CHECK(!undone("\\x2cb"));
	CHECK(!undone("\\u202"));
	CHECK(!undone("\\u0041"));
	CHECK(!undone("\\u20ac"));
	CHECK(!undone("\\ud800"));
	CHECK(!undone("\\xe2\\x80\\xae"));
	CHECK(!undone("a\nb"));
	CHECK(!undone("a, b"));
	CHECK(!undone("a,"));
	CHECK(!undone("\xff"));
}

TEST(every_pair_of_bytes_comes_back)
{
	for (unsigned i = 0; i < 65536; i++) {
		char name[2] = { (char)(i >> 8), (char)i };
		_cleanup_buf_ struct buf text = { 0 }, back = { 0 };

		escape_text(&text, name, 2);
		CHECK(escape_undo(&back, text.data, text.len));
		CHECK_MEM(back.data, back.len, name, 2);
	}
}

TEST(every_character_is_measured)
{
	for (uint32_t c = 0x80; c < 0x110000; c++) {
		char s[4];
		size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
		size_t want = c >= 0xd800 && c < 0xe000 ? 0 : n;
		uint32_t rest = c;

		for (size_t i = n - 1; i > 0; i--, rest >>= 6)
			s[i] = (char)(0x80 | (rest & 0x3f));
		s[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | rest);
		CHECK_INT(escape_utf8_len(s, n), want);
		CHECK_INT(escape_utf8_len(s, n - 1), 0);
		if (want && escape_unsafe(s, n))
			CHECK_INT(escape_unsafe(s, n), c);
	}
}

TEST(random_names_come_back)
{
	uint64_t state = 20260102;
	char name[256];

	for (int i = 0; i < 100000; i++) {
		size_t len = unit_random_name(&state, name, sizeof(name));
		_cleanup_buf_ struct buf text = { 0 }, back = { 0 };

		escape_text(&text, name, len);
		CHECK(!strchr(buf_str(&text), '\n'));
		CHECK(!strstr(buf_str(&text), ", "));
		CHECK(text.data[text.len - 1] != ',');
		CHECK_INT(strlen(buf_str(&text)), text.len);
		CHECK(escape_undo(&back, text.data, text.len));
		CHECK_MEM(back.data, back.len, name, len);
	}
}

TEST(messages_stay_readable)
{
	_cleanup_buf_ struct buf out = { 0 };

	escape_message(&out, "a, b\\c\nd\x1b\xff\xe2\x80\xae,", 14);
	escape_message(&out, NULL, 0);
	CHECK_STR(buf_str(&out), "a, b\\c\\nd\\x1b\\xff\\u202e,");
}
