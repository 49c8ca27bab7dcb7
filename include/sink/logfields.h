/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One line of a JSONL log, by its keys
 *
 * Keys that are not known are passed over, as whatfiles-log(5) asks of readers.
 */

#include "base/jsonread.h"
#include "model/event.h"

enum log_key {
#define KEY(id, word) KEY_##id,
#include "sink/logkeys.def"
#undef KEY
	KEY_COUNT,
};

/* Start with { 0 }; the values of a line last until the next one. */
struct logfields {
	struct jsonread_value values[KEY_COUNT];
	struct jsonread_value hex[KEY_COUNT]; /* of "path_hex" and the like */
	uint16_t used[KEY_COUNT];
	size_t used_count;
	uint16_t order[KEY_COUNT]; /* the key number i of the last line: a guess */
};

/* Takes the object @text apart, in place.  False where it is no JSON object. */
bool logfields_read(struct logfields *f, char *text, size_t len);

bool logfields_has(const struct logfields *f, enum log_key key);
bool logfields_true(const struct logfields *f, enum log_key key);

/* What is no string, or no whole number, is as if it were not there. */
struct span logfields_string(const struct logfields *f, enum log_key key);
int64_t logfields_int(const struct logfields *f, enum log_key key, int64_t otherwise);

/*
 * A name, all of its bytes: those of "KEY_hex" where that is there, decoded in place.
 * { NULL, 0 } where there is none.
 */
struct span logfields_name(struct logfields *f, enum log_key key);

/*
 * The strings of an array, each ended by NUL, decoded in place; empty where there is
 * none.  Only once for each line.
 */
struct span logfields_strings(struct logfields *f, enum log_key key);

/* Decodes hex in place; false when it is none. */
bool logfields_unhex(struct jsonread_value *v);
