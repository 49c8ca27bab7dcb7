/* SPDX-License-Identifier: MIT */
#include "sink/logfields.h"

#include "base/compiler.h"

/*
 * Keys come in the order in which jsonl.c writes them, and a line mostly has those of
 * the line before: so the key that stood there last time is tried first.
 */

static const struct {
	const char *word;
	size_t len;
} keys[KEY_COUNT] = {
#define KEY(id, word) [KEY_##id] = { word, sizeof(word) - 1 },
#include "sink/logkeys.def"
#undef KEY
};

static bool
is_key(enum log_key key, const char *bytes, size_t len)
{
	return len == keys[key].len && !memcmp(bytes, keys[key].word, len);
}

static enum log_key
find_key(const char *bytes, size_t len)
{
	enum log_key key = 0;

	while (key < KEY_COUNT && !is_key(key, bytes, len))
		key++;
	return key;
}

static void
put(struct logfields *f, struct jsonread_value *values, enum log_key key,
    const struct jsonread_value *value)
{
	if (!f->values[key].kind && !f->hex[key].kind)
		f->used[f->used_count++] = (uint16_t)key;
	values[key] = *value;
}

/* Puts the value number @i of the line where it belongs. */
static void
take(struct logfields *f, size_t i, const struct jsonread_value *name,
     const struct jsonread_value *value)
{
	const size_t tail = strlen("_hex");
	enum log_key key = i < KEY_COUNT ? f->order[i] : KEY_COUNT;

	if (key == KEY_COUNT || !is_key(key, name->bytes, name->len))
		key = find_key(name->bytes, name->len);
	if (i < KEY_COUNT)
		f->order[i] = (uint16_t)key;
	if (key < KEY_COUNT) {
		put(f, f->values, key, value);
		return;
	}
	if (name->len <= tail ||
	    memcmp(name->bytes + name->len - tail, "_hex", tail) != 0)
		return;
	key = find_key(name->bytes, name->len - tail);
	if (key < KEY_COUNT)
		put(f, f->hex, key, value);
}

bool
logfields_read(struct logfields *f, char *text, size_t len)
{
	struct jsonread_value key, value;
	struct jsonread j;
	size_t i = 0;

	while (f->used_count) {
		size_t used = f->used[--f->used_count];

		f->values[used].kind = f->hex[used].kind = JSONREAD_NONE;
	}
	jsonread_init(&j, text, len);
	if (!jsonread_object(&j))
		return false;
	while (jsonread_key(&j, &key) && jsonread_value(&j, &value))
		take(f, i++, &key, &value);
	return jsonread_end(&j);
}

bool
logfields_has(const struct logfields *f, enum log_key key)
{
	return f->values[key].kind || f->hex[key].kind;
}

bool
logfields_true(const struct logfields *f, enum log_key key)
{
	return f->values[key].kind == JSONREAD_TRUE;
}

struct span
logfields_string(const struct logfields *f, enum log_key key)
{
	const struct jsonread_value *v = &f->values[key];

	if (v->kind != JSONREAD_STRING)
		return (struct span){ NULL, 0 };
	return (struct span){ v->bytes, v->len };
}

int64_t
logfields_int(const struct logfields *f, enum log_key key, int64_t otherwise)
{
	int64_t n;

	return jsonread_int(&f->values[key], &n) ? n : otherwise;
}

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool
logfields_unhex(struct jsonread_value *v)
{
	if (v->kind != JSONREAD_STRING || v->len % 2)
		return false;
	for (size_t i = 0; i < v->len; i++)
		if (digit(v->bytes[i]) < 0)
			return false;
	v->len /= 2;
	for (size_t i = 0; i < v->len; i++)
		v->bytes[i] =
			(char)(digit(v->bytes[2 * i]) << 4 | digit(v->bytes[2 * i + 1]));
	return true;
}

struct span
logfields_name(struct logfields *f, enum log_key key)
{
	struct jsonread_value *hex = &f->hex[key];

	if (!hex->kind)
		return logfields_string(f, key);
	/* decoded once: from now on it is the string */
	if (!logfields_unhex(hex))
		return logfields_string(f, key);
	f->values[key] = *hex;
	hex->kind = JSONREAD_NONE;
	return logfields_string(f, key);
}

/* What stands for one string of an array: itself, or an object with its bytes in hex. */
static bool
take_item(struct jsonread_value *item)
{
	struct jsonread_value key, part;
	struct jsonread j;

	if (item->kind != JSONREAD_OBJECT)
		return item->kind == JSONREAD_STRING;
	jsonread_init(&j, item->bytes, item->len);
	if (!jsonread_object(&j))
		return false;
	while (jsonread_key(&j, &key) && jsonread_value(&j, &part)) {
		if (!is_key(KEY_HEX, key.bytes, key.len) || !logfields_unhex(&part))
			continue;
		*item = part;
		return true;
	}
	return false;
}

struct span
logfields_strings(struct logfields *f, enum log_key key)
{
	const struct jsonread_value *array = &f->values[key];
	char *to = array->bytes;
	struct jsonread_value item;
	struct jsonread j;

	if (array->kind != JSONREAD_ARRAY)
		return (struct span){ "", 0 };
	jsonread_init(&j, array->bytes, array->len);
	jsonread_array(&j);
	/* written over what was read: a string and its NUL are never longer */
	while (jsonread_item(&j, &item)) {
		if (!take_item(&item))
			continue;
		memmove(to, item.bytes, item.len);
		to += item.len;
		*to++ = '\0';
	}
	return (struct span){ array->bytes, (size_t)(to - array->bytes) };
}
