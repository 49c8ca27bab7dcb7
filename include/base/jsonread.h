/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * JSON reader
 *
 * Takes one text apart, in place: strings are decoded where they stand, so nothing is
 * allocated and values are borrowed from the text.  An array or object inside is only
 * passed, its brackets and strings seen to, and left to a reader of its own.  Follows
 * RFC 8259, but for bytes that are no UTF-8, which are passed through.
 *
 *	jsonread_init(&j, text, len);
 *	if (jsonread_object(&j))
 *		while (jsonread_key(&j, &key))
 *			jsonread_value(&j, &value);
 *	ok = jsonread_end(&j);
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSONREAD_DEPTH 64 /* of arrays and objects in each other */

enum jsonread_kind {
	JSONREAD_NONE,
	JSONREAD_STRING, /* decoded */
	JSONREAD_NUMBER, /* as it is written */
	JSONREAD_TRUE,
	JSONREAD_FALSE,
	JSONREAD_NULL,
	JSONREAD_ARRAY, /* the text of it, with its brackets */
	JSONREAD_OBJECT,
};

struct jsonread_value {
	enum jsonread_kind kind;
	char *bytes;
	size_t len;
};

struct jsonread {
	char *at, *end;
	bool first; /* nothing of the array or object has been taken yet */
	bool bad;   /* it is no JSON; everything says false from there on */
};

void jsonread_init(struct jsonread *j, char *text, size_t len);

/* Enters the object or array that comes next. */
bool jsonread_object(struct jsonread *j);
bool jsonread_array(struct jsonread *j);

/* The next key of the object; false at its end, which is passed.  Then its value. */
bool jsonread_key(struct jsonread *j, struct jsonread_value *ret);
bool jsonread_value(struct jsonread *j, struct jsonread_value *ret);

/* The next value of the array; false at its end, which is passed. */
bool jsonread_item(struct jsonread *j, struct jsonread_value *ret);

/* Whether that was all of the text, and all of it was JSON. */
bool jsonread_end(struct jsonread *j);

/* A whole number; false for all others, and for what does not fit. */
bool jsonread_int(const struct jsonread_value *v, int64_t *ret);

/* Seconds, not negative and without an exponent, as nanoseconds; more decimals are cut. */
bool jsonread_seconds(const struct jsonread_value *v, uint64_t *ret);
