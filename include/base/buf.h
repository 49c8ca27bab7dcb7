/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Growable bytes
 *
 * { 0 } is a valid empty buffer.  Holds any byte, NUL included; data[len] is
 * always NUL once something was added, so that it can be shown as a string.
 */

#include "base/compiler.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
};

#define _cleanup_buf_ _cleanup_(buf_done)

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addu(struct buf *b, uint64_t value); /* in decimal */
void buf_printf(struct buf *b, const char *fmt, ...) _printf_(2, 3);
void buf_vprintf(struct buf *b, const char *fmt, va_list args) _printf_(2, 0);

/*
 * Makes room for @len more bytes and a NUL, and returns where they go.  The
 * caller writes there and adds to len itself; buf_str() then sets the NUL.
 */
char *buf_room(struct buf *b, size_t len);

/* Empties it and keeps the memory. */
void buf_reset(struct buf *b);

/* Frees the memory; the buffer is empty and usable afterwards. */
void buf_done(struct buf *b);

/* The bytes as a string, "" when nothing was ever added. */
const char *buf_str(const struct buf *b);
