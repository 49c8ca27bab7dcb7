/* SPDX-License-Identifier: MIT */
#include "base/escape.h"

#include "base/buf.h"

/*
 * Most names are plain ASCII, so whole runs of bytes that stand for themselves
 * are copied at once.  A byte that needs thought ends the run.
 */

static const char hex_digits[] = "0123456789abcdef";

/* What C writes after a backslash for a control character, by its code. */
static const char letters[32] = {
	['\a'] = 'a', ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n',
	['\v'] = 'v', ['\f'] = 'f', ['\r'] = 'r',
};

static bool
continues(const char *s, size_t n)
{
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t
escape_utf8_len(const char *s, size_t len)
{
	unsigned char a = len ? (unsigned char)s[0] : 0xff;
	unsigned char b = len > 1 ? (unsigned char)s[1] : 0;
	size_t n;

	if (a < 0x80)
		return 1;
	if (a < 0xc2 || a > 0xf4)
		return 0;
	n = a < 0xe0 ? 2 : a < 0xf0 ? 3 : 4;
	if (n > len || !continues(s, n))
		return 0;
	/* overlong, surrogates, above U+10FFFF: told by the second byte */
	if ((a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f) ||
	    (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
		return 0;
	return n;
}

uint32_t
escape_unsafe(const char *s, size_t n)
{
	uint32_t c;

	/* all of them lie below U+10000 and above ASCII */
	if (n == 2)
		c = (uint32_t)((s[0] & 0x1f) << 6 | (s[1] & 0x3f));
	else if (n == 3)
		c = (uint32_t)((s[0] & 0x0f) << 12 | (s[1] & 0x3f) << 6 | (s[2] & 0x3f));
	else
		return 0;
	if (c <= 0x9f || c == 0x61c || c == 0x200e || c == 0x200f)
		return c;
	if ((c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069))
		return c;
	return 0;
}

static void
add_byte(struct buf *out, unsigned char c)
{
	char text[4] = { '\\', 'x', hex_digits[c >> 4], hex_digits[c & 15] };

	if (c < sizeof(letters) && letters[c]) {
		text[1] = letters[c];
		buf_add(out, text, 2);
	} else if (c == '\\') {
		buf_add(out, "\\\\", 2);
	} else {
		buf_add(out, text, 4);
	}
}

static void
add_code(struct buf *out, uint32_t c)
{
	char text[6] = { '\\', 'u' };

	for (int i = 5; i > 1; i--, c >>= 4)
		text[i] = hex_digits[c & 15];
	buf_add(out, text, sizeof(text));
}

/* Whether the ASCII byte at @i stands for itself. */
static bool
is_plain(const char *s, size_t len, size_t i, bool fields)
{
	unsigned char c = (unsigned char)s[i];

	if (c < 0x20 || c == 0x7f)
		return false;
	if (!fields)
		return true;
	if (c == ',')
		return i + 1 < len && s[i + 1] != ' ';
	return c != '\\';
}

static void
escape(struct buf *out, const char *s, size_t len, bool fields)
{
	size_t run = 0, i = 0;

	while (i < len) {
		size_t n = escape_utf8_len(s + i, len - i);
		uint32_t code = n > 1 ? escape_unsafe(s + i, n) : 0;

		if (n == 1 ? is_plain(s, len, i, fields) : n && !code) {
			i += n;
			continue;
		}
		buf_add(out, s + run, i - run);
		if (code)
			add_code(out, code);
		else
			add_byte(out, (unsigned char)s[i]);
		i += n ? n : 1;
		run = i;
	}
	buf_add(out, s + run, i - run);
}

void
escape_text(struct buf *out, const char *bytes, size_t len)
{
	escape(out, bytes ? bytes : "", len, true);
}

void
escape_message(struct buf *out, const char *bytes, size_t len)
{
	escape(out, bytes ? bytes : "", len, false);
}

/* The value of @n lower case hex digits, -1 if they are not. */
static int
hex_value(const char *s, size_t len, size_t n)
{
	int value = 0;

	if (len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			value = value * 16 + (s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			value = value * 16 + (s[i] - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static void
add_utf8(struct buf *out, int c)
{
	if (c >= 0x800) {
		buf_addc(out, (char)(0xe0 | c >> 12));
		buf_addc(out, (char)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_addc(out, (char)(0xc0 | c >> 6));
	}
	buf_addc(out, (char)(0x80 | (c & 0x3f)));
}

/* Decodes what follows a backslash; returns its length, 0 when it is nothing. */
static size_t
undo_one(struct buf *out, const char *s, size_t len)
{
	static const char from[] = "abtnvfr\\", to[] = "\a\b\t\n\v\f\r\\";
	const char *letter = len && s[0] ? strchr(from, *s) : NULL;
	int value;

	if (letter) {
		buf_addc(out, to[letter - from]);
		return 1;
	}
	if (len && *s == 'x') {
		value = hex_value(s + 1, len - 1, 2);
		if (value < 0)
			return 0;
		buf_addc(out, (char)value);
		return 3;
	}
	if (len && *s == 'u') {
		value = hex_value(s + 1, len - 1, 4);
		if (value < 0x80)
			return 0;
		add_utf8(out, value);
		return 5;
	}
	return 0;
}

bool
escape_undo(struct buf *out, const char *text, size_t len)
{
	_cleanup_buf_ struct buf again = { 0 };
	size_t start = out->len;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '\\') {
			size_t n = undo_one(out, text + i + 1, len - i - 1);

			if (!n)
				goto refuse;
			i += n;
		} else {
			buf_addc(out, text[i]);
		}
	}
	/* each name has one escaped form: anything else was not written by us */
	escape_text(&again, buf_str(out) + start, out->len - start);
	if (again.len == len && !memcmp(buf_str(&again), text, len))
		return true;
refuse:
	out->len = start;
	return false;
}
