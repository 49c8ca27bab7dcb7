/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Names as text
 *
 * Any bytes become printable UTF-8 on one line, in a way that can be undone and
 * that cannot end a field of the text log: backslash and control characters as
 * C writes them, bytes that are no UTF-8 as \xNN, characters that move a
 * terminal's cursor or turn its writing direction as \uNNNN, and a comma that
 * is followed by a space or ends the name as \x2c.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Adds the escaped form of @len bytes to @out. */
void escape_text(struct buf *out, const char *bytes, size_t len);

/*
 * Adds it so that it stays on one line and cannot confuse a terminal, for
 * messages: commas and backslashes stay, so this cannot be undone.
 */
void escape_message(struct buf *out, const char *bytes, size_t len);

/* Undoes escape_text(); false when @text is nothing that it could have written. */
bool escape_undo(struct buf *out, const char *text, size_t len);

/*
 * How many bytes the UTF-8 character at @s takes, 1 to 4, or 0 where there is
 * none: truncated, overlong, a surrogate, above U+10FFFF (RFC 3629).
 */
size_t escape_utf8_len(const char *s, size_t len);

/*
 * The code point of the character of @n bytes at @s if it moves a terminal's
 * cursor or turns its writing direction (C1 controls, line and paragraph
 * separator, bidi marks), 0 if it does not.  @n is what escape_utf8_len() said.
 */
uint32_t escape_unsafe(const char *s, size_t n);
