/* SPDX-License-Identifier: MIT */
#include "sink/packed.h"

#include "base/buf.h"
#include "base/fdio.h"
#include "base/mem.h"
#include "sink/pack.h"

#include <fcntl.h>
#include <sys/stat.h>

/*
 * The places where the file can be cut, oldest first: the end of each write of
 * late, or of several small ones.  points[0] may be where the file begins, at
 * which no stream has.
 *
 *	points[0]      points[1]  ...  points[count - 1]
 *	| stream ...   | stream ...    | (a write that failed)
 */
#define POINTS 64
#define APART 512 /* bytes: closer ones are one, so that all of them are some blocks */

struct point {
	off_t end;
	uint64_t lines; /* until here */
	bool begun;	/* a stream, which is not ended */
	struct pack_mark mark;
};

struct packed {
	int fd;
	bool can_cut; /* a regular file, and we always could */
	const struct pack_ops *ops;
	struct pack *stream; /* NULL before the first write and after an error */
	struct buf out;
	off_t end; /* of the file, when we last wrote to it; 0 where it has no places */
	struct point points[POINTS];
	size_t count;
};

struct packed *
packed_new(int fd, const struct pack_ops *ops)
{
	struct packed *p = mem_zero(1, sizeof(*p));
	struct stat st;

	p->fd = fd;
	p->ops = ops;
	p->can_cut = !fstat(fd, &st) && S_ISREG(st.st_mode);
	p->count = 1;
	return p;
}

static void
drop_stream(struct packed *p)
{
	if (p->stream)
		p->ops->free(p->stream);
	p->stream = NULL;
}

void
packed_free(struct packed *p)
{
	if (!p)
		return;
	drop_stream(p);
	buf_done(&p->out);
	free(p);
}

static struct point *
last_point(struct packed *p)
{
	return &p->points[p->count - 1];
}

static void
add_point(struct packed *p, struct point new)
{
	if (p->count > 1 && new.end - p->points[p->count - 2].end < APART)
		p->count--;
	if (p->count == POINTS)
		memmove(p->points, p->points + 1, --p->count * sizeof(*p->points));
	p->points[p->count++] = new;
}

/* Cuts the file back to the last point; what others wrote behind is never cut. */
static bool
cut_file(struct packed *p)
{
	const off_t to = last_point(p)->end;
	struct stat st;

	if (!p->can_cut || fstat(p->fd, &st) || st.st_size != p->end)
		return false;
	if (p->end == to)
		return true;
	if (ftruncate(p->fd, to) || lseek(p->fd, to, SEEK_SET) != to)
		return false;
	p->end = to;
	return true;
}

/* Writes what was compressed; after an error the file is as it was, if it can be. */
static int
send_out(struct packed *p)
{
	size_t done;
	int r = fdio_write_all(p->fd, p->out.data, p->out.len, &done);

	if (p->can_cut && done)
		p->end = lseek(p->fd, 0, SEEK_CUR);
	else
		p->end += (off_t)done;
	buf_reset(&p->out);
	if (!r)
		return 0;
	/* the stream has gone on beyond what the file has of it */
	drop_stream(p);
	p->can_cut = cut_file(p);
	return r;
}

/* Compresses into the stream, or a new one: then what is left of the old is ended. */
static struct pack_mark
compress(struct packed *p, const char *bytes, size_t len)
{
	const struct point *last = last_point(p);

	if (!p->stream && last->begun)
		p->ops->end(last->mark, &p->out);
	if (!p->stream)
		p->stream = p->ops->make();
	return p->ops->add(p->stream, bytes, len, &p->out);
}

int
packed_write(struct packed *p, const char *bytes, size_t len, uint64_t lines)
{
	const struct pack_mark mark = compress(p, bytes, len);
	int r = send_out(p);

	if (!r)
		add_point(p, (struct point){ .end = p->end,
					     .lines = last_point(p)->lines + lines,
					     .begun = true,
					     .mark = mark });
	return r;
}

int
packed_last(struct packed *p, const char *bytes, size_t len)
{
	p->ops->end(compress(p, bytes, len), &p->out);
	return send_out(p);
}

bool
packed_can_go_on(const struct packed *p)
{
	return p->can_cut;
}

bool
packed_give_way(struct packed *p, uint64_t *ret_lost)
{
	const uint64_t lines = last_point(p)->lines;

	if (!p->can_cut || p->count < 2)
		return false;
	p->count--;
	if (!cut_file(p))
		return false;
	*ret_lost = lines - last_point(p)->lines;
	return true;
}
