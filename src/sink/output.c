/* SPDX-License-Identifier: MIT */
#include "sink/output.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/fdio.h"
#include "base/mem.h"
#include "model/event.h"
#include "sink/packed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/*
 * The buffer holds the end of what was written, then what was not yet:
 *
 *	0        floor                     sent               len
 *	| others  | only our lines, in file  | not yet written |
 *
 * From floor to sent the file has the same bytes at its end, so ends of lines
 * are found without reading the file, which may be open for writing only.
 */

#define FLUSH_AT (64 * 1024)
#define TAIL (32 * 1024) /* what is kept of the written part, at least */
#define BLOCK 4096	 /* what a file system gives out at once, mostly */

struct output {
	int fd;
	bool can_cut; /* a regular file */
	bool torn;    /* part of a line was written and could not be cut off */
	int error;
	uint64_t lost;
	struct buf buf;
	size_t sent;
	size_t floor;
	off_t end;	       /* of the file, when we last wrote to it */
	struct packed *packed; /* owned: what the buffer goes to then; sent stays 0 */
};

struct output *
output_new(int fd, const struct pack_ops *pack)
{
	struct output *o = mem_zero(1, sizeof(*o));
	struct stat st;

	o->fd = fd;
	o->can_cut = !fstat(fd, &st) && S_ISREG(st.st_mode);
	o->end = -1;
	buf_room(&o->buf, FLUSH_AT + 3 * TAIL);
	o->packed = pack ? packed_new(fd, pack) : NULL;
	return o;
}

void
output_free(struct output *o)
{
	if (!o)
		return;
	packed_free(o->packed);
	buf_done(&o->buf);
	free(o);
}

uint64_t
output_lost(const struct output *o)
{
	return o->lost;
}

struct buf *
output_line(struct output *o)
{
	return &o->buf;
}

int
output_line_end(struct output *o)
{
	if (o->error) {
		o->buf.len = o->sent;
		o->lost++;
		return o->error;
	}
	buf_addc(&o->buf, '\n');
	return o->buf.len - o->sent < FLUSH_AT ? 0 : output_flush(o);
}

static uint64_t
count_lines(const char *at, const char *end)
{
	uint64_t count = 0;

	for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		count++;
	return count;
}

/* The end of the last whole line in the first @len bytes, not before floor. */
static size_t
last_line_end(const struct output *o, size_t len)
{
	const char *from = o->buf.data + o->floor;
	const char *newline = memrchr(from, '\n', len - o->floor);

	return newline ? (size_t)(newline + 1 - o->buf.data) : o->floor;
}

/* Forgets what was written longest ago, so that the buffer stays small. */
static void
shrink(struct output *o)
{
	size_t drop;

	if (o->sent < 3 * TAIL)
		return;
	drop = o->sent - TAIL;
	o->buf.len -= drop;
	o->sent -= drop;
	o->floor = o->floor > drop ? o->floor - drop : 0;
	memmove(o->buf.data, o->buf.data + drop, o->buf.len);
	/* the tail may begin inside a line, which is then nothing to cut at */
	if (!o->floor && o->sent) {
		const char *newline = memchr(o->buf.data, '\n', o->sent);

		o->floor = newline ? (size_t)(newline + 1 - o->buf.data) : o->sent;
	}
}

/* Writes what is in the buffer and notes how far that went. */
static int
send_pending(struct output *o)
{
	size_t done;
	int r = fdio_write_all(o->fd, o->buf.data + o->sent, o->buf.len - o->sent, &done);

	if (o->can_cut && done) {
		off_t end = lseek(o->fd, 0, SEEK_CUR);

		/* a log on stdout may share its file with the job's output */
		if (end != o->end + (off_t)done)
			o->floor = o->sent;
		o->end = end;
	}
	o->sent += done;
	return r;
}

/* Cuts our lines behind @to, an index into the buffer, off the file. */
static bool
cut_file(struct output *o, size_t to)
{
	off_t end = o->end - (off_t)(o->sent - to);
	struct stat st;

	if (to == o->sent)
		return true;
	if (!o->can_cut || fstat(o->fd, &st) || st.st_size != o->end)
		return false;
	if (ftruncate(o->fd, end) || lseek(o->fd, end, SEEK_SET) != end)
		return false;
	o->sent = to;
	o->end = end;
	return true;
}

static int
flush_packed(struct output *o)
{
	uint64_t lines = count_lines(o->buf.data, o->buf.data + o->buf.len);

	o->error = packed_write(o->packed, o->buf.data, o->buf.len, lines);
	if (o->error)
		o->lost += lines;
	buf_reset(&o->buf);
	return o->error;
}

int
output_flush(struct output *o)
{
	if (o->error || o->sent == o->buf.len)
		return o->error;
	if (o->packed)
		return flush_packed(o);
	o->error = send_pending(o);
	if (o->error) {
		/* a line is lost when its newline was not written */
		o->lost += count_lines(o->buf.data + o->sent, o->buf.data + o->buf.len);
		o->torn = !cut_file(o, last_line_end(o, o->sent));
		o->buf.len = o->sent;
	}
	shrink(o);
	return o->error;
}

/* Makes the last line and writes it; @ret_len gets its length. */
static int
try_last(struct output *o, const struct outcome *outcome, output_last *last, void *ctx,
	 size_t *ret_len)
{
	size_t before = o->sent;
	int r;

	o->buf.len = o->sent;
	if (o->torn)
		buf_addc(&o->buf, '\n');
	last(&o->buf, outcome, ctx);
	buf_addc(&o->buf, '\n');
	*ret_len = o->buf.len - before;
	r = send_pending(o);
	if (r && !cut_file(o, before))
		o->torn = true;
	o->buf.len = o->sent;
	return r;
}

/*
 * Gives up lines until the last one fits.  The first try gives up no more than
 * the room it needs, which mostly keeps the block that the job, hungry for space
 * too, could take from us; later ones free whole blocks.
 */
static void
make_way(struct output *o, const struct outcome *outcome, output_last *last, void *ctx,
	 size_t len)
{
	size_t give = len;

	while (o->sent > o->floor) {
		size_t keep = o->sent - MIN(give, o->sent - o->floor);
		size_t to = last_line_end(o, keep), from = o->sent;

		if (!cut_file(o, to))
			return;
		o->lost += count_lines(o->buf.data + to, o->buf.data + from);
		if (!try_last(o, outcome, last, ctx, &len))
			return;
		give = MAX(give * 2, len + BLOCK);
	}
}

static int
try_last_packed(struct output *o, const struct outcome *outcome, output_last *last,
		void *ctx)
{
	buf_reset(&o->buf);
	last(&o->buf, outcome, ctx);
	buf_addc(&o->buf, '\n');
	return packed_last(o->packed, o->buf.data, o->buf.len);
}

/* The last line of a log that is not whole tells why. */
static struct outcome
tell_of_error(const struct outcome *outcome, int error)
{
	struct outcome told = *outcome;
	struct gap_count *gap = &told.gaps[GAP_LOG];

	if (!gap->count) {
		gap->count = 1;
		snprintf(gap->example, sizeof(gap->example), "%s", strerror(-error));
	}
	return told;
}

static int
finish_packed(struct output *o, const struct outcome *outcome, output_last *last,
	      void *ctx)
{
	struct outcome told;
	uint64_t lost = 0;

	if (!output_flush(o)) {
		o->error = try_last_packed(o, outcome, last, ctx);
		if (!o->error)
			return 0;
	}
	if (!packed_can_go_on(o->packed))
		return o->error;
	told = tell_of_error(outcome, o->error);
	while (try_last_packed(o, &told, last, ctx)) {
		if (!packed_give_way(o->packed, &lost))
			break;
		o->lost += lost;
	}
	return o->error;
}

int
output_finish(struct output *o, const struct outcome *outcome, output_last *last,
	      void *ctx)
{
	struct outcome told;
	size_t len;

	if (o->packed)
		return finish_packed(o, outcome, last, ctx);
	if (!output_flush(o)) {
		o->error = try_last(o, outcome, last, ctx, &len);
		if (!o->error)
			return 0;
	}
	if (!o->can_cut)
		return o->error;
	told = tell_of_error(outcome, o->error);
	if (try_last(o, &told, last, ctx, &len))
		make_way(o, &told, last, ctx, len);
	return o->error;
}
