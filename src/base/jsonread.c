/* SPDX-License-Identifier: MIT */
#include "base/jsonread.h"

#include "base/compiler.h"

void
jsonread_init(struct jsonread *j, char *text, size_t len)
{
	*j = (struct jsonread){ .at = text, .end = text + len };
}

static bool
fail(struct jsonread *j)
{
	j->bad = true;
	j->at = j->end;
	return false;
}

static void
skip_space(struct jsonread *j)
{
	while (j->at < j->end &&
	       (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r'))
		j->at++;
}

/* Passes @c if it comes next. */
static bool
take(struct jsonread *j, char c)
{
	skip_space(j);
	if (j->at == j->end || *j->at != c)
		return false;
	j->at++;
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* Four hex digits; -1 when they are none. */
static int32_t
hex4(const struct jsonread *j, const char *at)
{
	int32_t code = 0;

	if (j->end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_value(at[i]);

		if (digit < 0)
			return -1;
		code = code << 4 | digit;
	}
	return code;
}

/* Writes @code as UTF-8, which is never longer than what stood for it. */
static char *
put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 63));
	} else if (code < 0x10000) {
		*to++ = (char)(0xe0 | code >> 12);
		*to++ = (char)(0x80 | (code >> 6 & 63));
		*to++ = (char)(0x80 | (code & 63));
	} else {
		*to++ = (char)(0xf0 | code >> 18);
		*to++ = (char)(0x80 | (code >> 12 & 63));
		*to++ = (char)(0x80 | (code >> 6 & 63));
		*to++ = (char)(0x80 | (code & 63));
	}
	return to;
}

/* The character of a \u whose digits come next; half a pair becomes U+FFFD. */
static bool
take_code(struct jsonread *j, char **to)
{
	int32_t code = hex4(j, j->at), low;

	if (code < 0)
		return false;
	j->at += 4;
	if (code >= 0xd800 && code < 0xdc00 && j->end - j->at >= 6 && j->at[0] == '\\' &&
	    j->at[1] == 'u') {
		low = hex4(j, j->at + 2);
		if (low >= 0xdc00 && low < 0xe000) {
			j->at += 6;
			code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	if (code >= 0xd800 && code < 0xe000)
		code = 0xfffd;
	*to = put_utf8(*to, (uint32_t)code);
	return true;
}

/* What comes behind a backslash. */
static bool
take_escape(struct jsonread *j, char **to)
{
	static const char from[] = "btnfr\"\\/", means[] = "\b\t\n\f\r\"\\/";
	const char *known;
	char c;

	if (j->at == j->end)
		return false;
	c = *j->at++;
	if (c == 'u')
		return take_code(j, to);
	known = c ? strchr(from, c) : NULL;
	if (!known)
		return false;
	*(*to)++ = means[known - from];
	return true;
}

static bool
is_plain(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

/* The rest of a string whose opening quote was passed. */
static bool
take_string(struct jsonread *j, struct jsonread_value *ret)
{
	char *start = j->at, *to;

	while (j->at < j->end && is_plain(*j->at))
		j->at++;
	for (to = j->at; j->at < j->end && *j->at != '"';) {
		if (is_plain(*j->at)) {
			*to++ = *j->at++;
			continue;
		}
		if (*j->at++ != '\\' || !take_escape(j, &to))
			return fail(j);
	}
	if (j->at == j->end)
		return fail(j);
	j->at++;
	*ret = (struct jsonread_value){ JSONREAD_STRING, start, (size_t)(to - start) };
	return true;
}

static size_t
take_digits(struct jsonread *j)
{
	const char *start = j->at;

	while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
		j->at++;
	return (size_t)(j->at - start);
}

static bool
is_at(const struct jsonread *j, const char *set)
{
	return j->at < j->end && *j->at && strchr(set, *j->at);
}

static bool
take_number(struct jsonread *j, struct jsonread_value *ret)
{
	char *start = j->at;
	bool zero;

	if (*j->at == '-')
		j->at++;
	zero = is_at(j, "0");
	if ((zero ? (j->at++, (size_t)1) : take_digits(j)) == 0)
		return fail(j);
	if (is_at(j, ".") && (j->at++, !take_digits(j)))
		return fail(j);
	if (is_at(j, "eE")) {
		j->at++;
		if (is_at(j, "+-"))
			j->at++;
		if (!take_digits(j))
			return fail(j);
	}
	*ret = (struct jsonread_value){ JSONREAD_NUMBER, start, (size_t)(j->at - start) };
	return true;
}

static bool
take_word(struct jsonread *j, const char *word, enum jsonread_kind kind,
	  struct jsonread_value *ret)
{
	size_t len = strlen(word);

	if ((size_t)(j->end - j->at) < len || memcmp(j->at, word, len) != 0)
		return fail(j);
	*ret = (struct jsonread_value){ kind, j->at, len };
	j->at += len;
	return true;
}

/* Passes a string without decoding it: its reader will. */
static bool
pass_string(struct jsonread *j)
{
	for (j->at++; j->at < j->end && *j->at != '"'; j->at++) {
		if ((unsigned char)*j->at < 0x20)
			return fail(j);
		if (*j->at == '\\' && ++j->at == j->end)
			return fail(j);
	}
	if (j->at == j->end)
		return fail(j);
	j->at++;
	return true;
}

/*
 * Passes an array or object.  Only brackets and strings are told apart here, for what
 * is between them is read, or not, by a reader of its own.
 */
static bool
take_nested(struct jsonread *j, struct jsonread_value *ret)
{
	char *start = j->at, open[JSONREAD_DEPTH];
	size_t depth = 0;

	do {
		if (j->at == j->end)
			return fail(j);
		if (*j->at == '"') {
			if (!pass_string(j))
				return false;
			continue;
		}
		if (*j->at == '{' || *j->at == '[') {
			if (depth == JSONREAD_DEPTH)
				return fail(j);
			open[depth++] = *j->at;
		} else if (*j->at == '}' || *j->at == ']') {
			/* in ASCII each closes the one two before it */
			if (open[--depth] != *j->at - 2)
				return fail(j);
		}
		j->at++;
	} while (depth);
	ret->kind = *start == '{' ? JSONREAD_OBJECT : JSONREAD_ARRAY;
	ret->bytes = start;
	ret->len = (size_t)(j->at - start);
	return true;
}

bool
jsonread_value(struct jsonread *j, struct jsonread_value *ret)
{
	*ret = (struct jsonread_value){ 0 };
	skip_space(j);
	if (j->at == j->end)
		return fail(j);
	switch (*j->at) {
	case '"':
		j->at++;
		return take_string(j, ret);
	case '{':
	case '[':
		return take_nested(j, ret);
	case 't':
		return take_word(j, "true", JSONREAD_TRUE, ret);
	case 'f':
		return take_word(j, "false", JSONREAD_FALSE, ret);
	case 'n':
		return take_word(j, "null", JSONREAD_NULL, ret);
	default:
		return take_number(j, ret);
	}
}

bool
jsonread_object(struct jsonread *j)
{
	j->first = true;
	return take(j, '{') || fail(j);
}

bool
jsonread_array(struct jsonread *j)
{
	j->first = true;
	return take(j, '[') || fail(j);
}

/* Passes what stands before the next value; false at the end. */
static bool
go_on(struct jsonread *j, char close)
{
	bool first = j->first;

	j->first = false;
	if (j->bad || take(j, close))
		return false;
	return first || take(j, ',') || fail(j);
}

bool
jsonread_key(struct jsonread *j, struct jsonread_value *ret)
{
	if (!go_on(j, '}'))
		return false;
	if (!take(j, '"'))
		return fail(j);
	return take_string(j, ret) && (take(j, ':') || fail(j));
}

bool
jsonread_item(struct jsonread *j, struct jsonread_value *ret)
{
	return go_on(j, ']') && jsonread_value(j, ret);
}

bool
jsonread_end(struct jsonread *j)
{
	skip_space(j);
	return !j->bad && j->at == j->end;
}

bool
jsonread_int(const struct jsonread_value *v, int64_t *ret)
{
	bool negative;
	int64_t n = 0;

	/* of no value there is nothing else, and what is left there may be long gone */
	if (v->kind != JSONREAD_NUMBER)
		return false;
	negative = v->len && v->bytes[0] == '-';
	for (size_t i = negative; i < v->len; i++) {
		if (v->bytes[i] < '0' || v->bytes[i] > '9' ||
		    __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, v->bytes[i] - '0', &n))
			return false;
	}
	/* gathered below zero, where there is one more */
	if (!negative && __builtin_sub_overflow(0, n, &n))
		return false;
	*ret = n;
	return true;
}

bool
jsonread_seconds(const struct jsonread_value *v, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i = 0;

	if (v->kind != JSONREAD_NUMBER)
		return false;
	for (; i < v->len && v->bytes[i] >= '0' && v->bytes[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(v->bytes[i] - '0'), &n))
			return false;
	if (i < v->len && v->bytes[i++] != '.')
		return false;
	if (__builtin_mul_overflow(n, 1000000000, &n))
		return false;
	for (uint64_t unit = 100000000; i < v->len; i++, unit /= 10) {
		if (v->bytes[i] < '0' || v->bytes[i] > '9' ||
		    __builtin_add_overflow(n, unit * (uint64_t)(v->bytes[i] - '0'), &n))
			return false;
	}
	*ret = n;
	return true;
}
