/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * JSON writer
 *
 * Writes one value after the other into a buffer; commas are its own business.
 * Depth is bounded by JSON_DEPTH.  Names are bytes: one that is no UTF-8 is
 * written twice, readable with U+FFFD and exact in hex (json_name).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_DEPTH 16

struct buf;

struct json {
	struct buf *out;
	unsigned depth;
	bool comma[JSON_DEPTH]; /* something stands before the next value */
};

/* Starts a value at the end of @out, which must outlive @j. */
void json_init(struct json *j, struct buf *out);

/* Each @key is NULL inside an array and at the top. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
void json_int(struct json *j, const char *key, int64_t value);
void json_bool(struct json *j, const char *key, bool value);
void json_string(struct json *j, const char *key, const char *s);

/* A value that is JSON already. */
void json_raw(struct json *j, const char *key, const char *json, size_t len);

/* Seconds with nine decimals, exact: no floating point is involved. */
void json_seconds(struct json *j, const char *key, uint64_t nanoseconds);

/* Microseconds with three decimals, likewise. */
void json_microseconds(struct json *j, const char *key, uint64_t nanoseconds);

/*
 * @len bytes under @key, and when they are no UTF-8 also all of them as lower
 * case hex under "@key_hex".  In an array (@key NULL) such a name becomes an
 * object {"text": ..., "hex": ...}.
 */
void json_name(struct json *j, const char *key, const char *bytes, size_t len);
