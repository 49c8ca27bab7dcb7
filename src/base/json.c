/* SPDX-License-Identifier: MIT */
#include "base/json.h"

#include "base/buf.h"
#include "base/escape.h"

#include <assert.h>

static const char hex_digits[] = "0123456789abcdef";

void
json_init(struct json *j, struct buf *out)
{
	*j = (struct json){ .out = out };
}

/* What stands before every value; @suffix is added to the key. */
static void
start(struct json *j, const char *key, const char *suffix)
{
	size_t key_len = key ? strlen(key) : 0, suffix_len = strlen(suffix);
	char *to = buf_room(j->out, key_len + suffix_len + 4);
	char *begin = to;

	if (j->comma[j->depth])
		*to++ = ',';
	j->comma[j->depth] = true;
	if (key) {
		*to++ = '"';
		to = mempcpy(to, key, key_len);
		to = mempcpy(to, suffix, suffix_len);
		*to++ = '"';
		*to++ = ':';
	}
	*to = '\0';
	j->out->len += (size_t)(to - begin);
}

static void
open_level(struct json *j, const char *key, char bracket)
{
	start(j, key, "");
	buf_addc(j->out, bracket);
	assert(j->depth + 1 < JSON_DEPTH);
	j->comma[++j->depth] = false;
}

static void
close_level(struct json *j, char bracket)
{
	assert(j->depth > 0);
	j->depth--;
	buf_addc(j->out, bracket);
}

void
json_object(struct json *j, const char *key)
{
	open_level(j, key, '{');
}

void
json_object_end(struct json *j)
{
	close_level(j, '}');
}

void
json_array(struct json *j, const char *key)
{
	open_level(j, key, '[');
}

void
json_array_end(struct json *j)
{
	close_level(j, ']');
}

void
json_int(struct json *j, const char *key, int64_t value)
{
	start(j, key, "");
	if (value < 0)
		buf_addc(j->out, '-');
	/* unsigned, so that the smallest number has a negative too */
	buf_addu(j->out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void
json_bool(struct json *j, const char *key, bool value)
{
	start(j, key, "");
	buf_adds(j->out, value ? "true" : "false");
}

void
json_raw(struct json *j, const char *key, const char *json, size_t len)
{
	start(j, key, "");
	buf_add(j->out, json, len);
}

/* @value with its last @digits digits behind a point. */
static void
add_decimal(struct json *j, const char *key, uint64_t value, int digits)
{
	char decimals[10] = { '.' };
	uint64_t scale = 1;

	for (int i = digits; i > 0; i--, scale *= 10)
		decimals[i] = (char)('0' + value / scale % 10);
	start(j, key, "");
	buf_addu(j->out, value / scale);
	buf_add(j->out, decimals, (size_t)digits + 1);
}

void
json_seconds(struct json *j, const char *key, uint64_t nanoseconds)
{
	add_decimal(j, key, nanoseconds, 9);
}

void
json_microseconds(struct json *j, const char *key, uint64_t nanoseconds)
{
	add_decimal(j, key, nanoseconds, 3);
}

/* One character that cannot stand for itself. */
static void
add_escaped(struct buf *out, uint32_t c)
{
	static const char from[] = "\b\t\n\f\r\"\\", to[] = "btnfr\"\\";
	const char *letter = c && c < 0x80 ? strchr(from, (int)c) : NULL;
	char text[6] = { '\\', 'u' };

	if (letter) {
		text[1] = to[letter - from];
		buf_add(out, text, 2);
		return;
	}
	for (int i = 5; i > 1; i--, c >>= 4)
		text[i] = hex_digits[c & 15];
	buf_add(out, text, sizeof(text));
}

/* ASCII that stands for itself, which is nearly all that names are made of. */
static bool
is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

/* Adds the bytes between quotes; false when some of them were no UTF-8. */
static bool
add_quoted(struct buf *out, const char *s, size_t len)
{
	size_t run = 0, i = 0;
	bool whole = true;

	buf_addc(out, '"');
	while (i < len) {
		size_t n;
		uint32_t code;

		if (is_plain(s[i])) {
			i++;
			continue;
		}
		n = escape_utf8_len(s + i, len - i);
		/* JSON allows these as they are, but a log is also looked at */
		code = n > 1 ? escape_unsafe(s + i, n) : 0;
		if (n > 1 && !code) {
			i += n;
			continue;
		}
		buf_add(out, s + run, i - run);
		if (n)
			add_escaped(out, n == 1 ? (unsigned char)s[i] : code);
		else
			buf_adds(out, "\xef\xbf\xbd"); /* U+FFFD */
		whole &= n > 0;
		i += n ? n : 1;
		run = i;
	}
	buf_add(out, s + run, i - run);
	buf_addc(out, '"');
	return whole;
}

static void
add_hex(struct buf *out, const char *s, size_t len)
{
	char *to = buf_room(out, len * 2 + 2);

	*to++ = '"';
	for (size_t i = 0; i < len; i++) {
		*to++ = hex_digits[(unsigned char)s[i] >> 4];
		*to++ = hex_digits[s[i] & 15];
	}
	*to = '"';
	out->len += len * 2 + 2;
	buf_str(out);
}

void
json_string(struct json *j, const char *key, const char *s)
{
	start(j, key, "");
	add_quoted(j->out, s, strlen(s));
}

/* The form of an array's element that is no UTF-8: there is no key to add to. */
static void
add_pair(struct json *j, const char *bytes, size_t len)
{
	json_object(j, NULL);
	start(j, "text", "");
	add_quoted(j->out, bytes, len);
	start(j, "hex", "");
	add_hex(j->out, bytes, len);
	json_object_end(j);
}

void
json_name(struct json *j, const char *key, const char *bytes, size_t len)
{
	size_t before = j->out->len;
	bool comma = j->comma[j->depth];

	start(j, key, "");
	if (add_quoted(j->out, bytes ? bytes : "", len))
		return;
	if (key) {
		start(j, key, "_hex");
		add_hex(j->out, bytes, len);
	} else {
		/* only now it is known that a string is not enough */
		j->out->len = before;
		j->comma[j->depth] = comma;
		add_pair(j, bytes, len);
	}
}
