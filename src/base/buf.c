/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "base/mem.h"

#include <stdio.h>

#define BUF_FIRST 128

char *
buf_room(struct buf *b, size_t len)
{
	size_t need, cap;

	/* one more than asked for: the NUL */
	if (__builtin_add_overflow(b->len, len, &need) || need > SIZE_MAX / 4)
		need = SIZE_MAX / 2;
	if (need >= b->cap) {
		cap = MAX(b->cap * 2, (size_t)BUF_FIRST);
		b->cap = MAX(cap, need + 1);
		b->data = mem_resize(b->data, b->cap, 1);
	}
	return b->data + b->len;
}

void
buf_add(struct buf *b, const void *bytes, size_t len)
{
	char *to = buf_room(b, len);

	if (len)
		memcpy(to, bytes, len);
	to[len] = '\0';
	b->len += len;
}

void
buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void
buf_addc(struct buf *b, char c)
{
	char *to = buf_room(b, 1);

	to[0] = c;
	to[1] = '\0';
	b->len++;
}

void
buf_addu(struct buf *b, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	buf_add(b, digits + at, sizeof(digits) - at);
}

void
buf_vprintf(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	char *to = buf_room(b, 0);
	int len;

	va_copy(again, args);
	len = vsnprintf(to, b->cap - b->len, fmt, args);
	if (len > 0 && (size_t)len >= b->cap - b->len) {
		to = buf_room(b, (size_t)len);
		len = vsnprintf(to, (size_t)len + 1, fmt, again);
	}
	va_end(again);
	if (len > 0)
		b->len += (size_t)len;
	b->data[b->len] = '\0';
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_vprintf(b, fmt, args);
	va_end(args);
}

void
buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void
buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}

const char *
buf_str(const struct buf *b)
{
	if (!b->data)
		return "";
	/* len may have been moved by hand after buf_room() */
	b->data[b->len] = '\0';
	return b->data;
}
