/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whole lines to a descriptor, compressed
 *
 * What was written can be decompressed at any time, also after we were killed.
 * After an error a regular file is cut back to the end of an earlier write, and
 * the last line gets room by giving up more of them: compressed bytes cannot be
 * cut anywhere else.  output.h has the rules, and is who uses this.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pack_ops;
struct packed;

/* @fd stays the caller's and must be open until packed_free(). */
struct packed *packed_new(int fd, const struct pack_ops *ops);

/* Frees it without writing anything; NULL is allowed. */
void packed_free(struct packed *p);

/*
 * Compresses and writes @len bytes, which are @lines whole lines.  0 or -errno:
 * then they are lost.
 */
int packed_write(struct packed *p, const char *bytes, size_t len, uint64_t lines);

/*
 * Likewise a last line, with all that ends the file.  After an error it may be
 * tried again, as long as packed_can_go_on().
 */
int packed_last(struct packed *p, const char *bytes, size_t len);

/* False after an error that left part of a write in the file, or in a pipe. */
bool packed_can_go_on(const struct packed *p);

/*
 * Makes room by taking back what was written last; @ret_lost is how many lines
 * that were.  False when there is nothing that could be taken back.
 */
bool packed_give_way(struct packed *p, uint64_t *ret_lost);
