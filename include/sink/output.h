/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whole lines to a descriptor
 *
 * Collects lines and writes many at once.  A file never ends in part of a line
 * through our doing: where the disk is full, it is cut back to the last whole
 * one, and the last words get room by giving up lines before them, so that a
 * log that is not complete says so.  Only bytes that this output wrote, and
 * that nobody has written behind, are ever cut.
 *
 * Compressed, a file ends in whole lines likewise, but more of them are given up:
 * all that came with the write that failed, and with those that had to give way.
 */

#include <stddef.h>
#include <stdint.h>

struct buf;
struct outcome;
struct output;
struct pack_ops;

/*
 * @fd stays the caller's and must be open until output_free().  @pack, which may
 * be NULL, is how to compress.
 */
struct output *output_new(int fd, const struct pack_ops *pack);

/* Frees it without writing anything; NULL is allowed. */
void output_free(struct output *o);

/* Where to add the next line, without its newline; then output_line_end(). */
struct buf *output_line(struct output *o);

/*
 * Ends the line, and writes when much was collected.  0 or the first error that
 * this output had, as -errno; after one, lines are counted and thrown away.
 */
int output_line_end(struct output *o);

/* Gives all whole lines to the kernel; 0 or the first error. */
int output_flush(struct output *o);

/* Adds the last line, without its newline, to @line. */
typedef void output_last(struct buf *line, const struct outcome *outcome, void *ctx);

/*
 * Writes the last line, made by @last.  Where it does not fit @last is asked
 * again, with an outcome whose GAP_LOG says what went wrong, and lines before
 * it give way.  0 or the first error, also when the last line could be written.
 */
int output_finish(struct output *o, const struct outcome *outcome, output_last *last,
		  void *ctx);

/* How many lines were given to it that the file does not hold. */
uint64_t output_lost(const struct output *o);
