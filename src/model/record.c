/* SPDX-License-Identifier: MIT */
#include "model/record.h"

#include "base/compiler.h"
#include "base/mem.h"
#include <string.h>

#define FIELD_ALIGN 4u

static size_t
field_room(size_t len)
{
	return (sizeof(struct field) + len + FIELD_ALIGN - 1) &
	       ~(size_t)(FIELD_ALIGN - 1);
}

static const struct field *
field_at(const struct record *r, size_t offset)
{
	return (const void *)((const char *)r + offset);
}

bool
record_check(const struct record *r, size_t size)
{
	size_t at = sizeof(*r);

	if (size < sizeof(*r) || size > RECORD_MAX || r->size != size)
		return false;
	if (r->kind < RECORD_CALL || r->kind >= RECORD_KIND_END || r->tid <= 0)
		return false;
	while (at < size) {
		const struct field *f = field_at(r, at);

		if (size - at < sizeof(*f) || field_room(f->len) > size - at)
			return false;
		if (f->kind < FIELD_PATH || f->kind >= FIELD_KIND_END)
			return false;
		at += field_room(f->len);
	}
	return true;
}

static const struct field *
field_from(const struct record *r, size_t at, unsigned kind)
{
	while (at < r->size) {
		const struct field *f = field_at(r, at);

		if (f->kind == kind)
			return f;
		at += field_room(f->len);
	}
	return NULL;
}

const struct field *
record_field(const struct record *r, enum field_kind kind)
{
	return field_from(r, sizeof(*r), kind);
}

const struct field *
record_field_next(const struct record *r, const struct field *f)
{
	size_t at = (size_t)((const char *)f - (const char *)r);

	return field_from(r, at + field_room(f->len), f->kind);
}

void
record_builder_init(struct record_builder *b)
{
	b->r = mem_zero(1, RECORD_MAX);
}

void
record_builder_done(struct record_builder *b)
{
	free(b->r);
	b->r = NULL;
}

struct record *
record_begin(struct record_builder *b, enum record_kind kind, int32_t tid)
{
	memset(b->r, 0, sizeof(*b->r));
	b->r->size = sizeof(*b->r);
	b->r->kind = (uint8_t)kind;
	b->r->tid = tid;
	return b->r;
}

bool
record_fits(const struct record_builder *b, size_t len)
{
	return len <= FIELD_MAX && field_room(len) <= RECORD_MAX - b->r->size;
}

bool
record_add(struct record_builder *b, enum field_kind kind, const void *bytes, size_t len)
{
	size_t room = RECORD_MAX - b->r->size;
	size_t most = room > field_room(0) ? room - field_room(0) : 0;
	size_t take = MIN(len, MIN(most & ~(size_t)(FIELD_ALIGN - 1), (size_t)FIELD_MAX));
	struct field *f = (void *)((char *)b->r + b->r->size);

	if (room < field_room(0))
		return false;
	f->kind = (uint16_t)kind;
	f->len = (uint16_t)take;
	memcpy(f->bytes, bytes, take);
	memset(f->bytes + take, 0, field_room(take) - field_room(0) - take);
	b->r->size += (uint32_t)field_room(take);
	return take == len;
}
