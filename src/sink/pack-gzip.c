/* SPDX-License-Identifier: MIT */
/*
 * gzip: RFC 1951, RFC 1952.  One member; each flush ends at a whole byte, behind
 * which an empty last block, the checksum and the size end the member.
 */
#include "sink/pack.h"

#include "base/buf.h"
#include "base/mem.h"

#include <zlib.h>

/* The best one takes ten times as long, and the command may be waiting for us. */
#define LEVEL 3
#define GZIP_WINDOW (15 + 16) /* as zlib.h has it: 32 KiB, and a header of gzip's */
#define ROOM (64 * 1024)

struct pack {
	z_stream stream;
};

static struct pack *
gzip_make(void)
{
	struct pack *p = mem_zero(1, sizeof(*p));

	if (deflateInit2(&p->stream, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		mem_fail();
	return p;
}

static struct pack_mark
gzip_add(struct pack *p, const char *bytes, size_t len, struct buf *out)
{
	z_stream *s = &p->stream;

	s->next_in = (z_const Bytef *)bytes;
	s->avail_in = (uInt)len;
	do {
		s->next_out = (Bytef *)buf_room(out, ROOM);
		s->avail_out = ROOM;
		deflate(s, Z_SYNC_FLUSH);
		out->len += ROOM - s->avail_out;
		/* room that is left means that all is out */
	} while (!s->avail_out);
	return (struct pack_mark){ (uint32_t)s->adler, (uint32_t)s->total_in };
}

static void
add_u32(struct buf *out, uint32_t value)
{
	for (int shift = 0; shift < 32; shift += 8)
		buf_addc(out, (char)(value >> shift));
}

static void
gzip_end(struct pack_mark mark, struct buf *out)
{
	buf_add(out, "\x03\0", 2);
	add_u32(out, mark.crc);
	add_u32(out, mark.len);
}

static void
gzip_free(struct pack *p)
{
	deflateEnd(&p->stream);
	free(p);
}

const struct pack_ops pack_gzip = {
	.ending = ".gz",
	.library = "zlib",
	.make = gzip_make,
	.add = gzip_add,
	.end = gzip_end,
	.free = gzip_free,
};
