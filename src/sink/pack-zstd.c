/* SPDX-License-Identifier: MIT */
/*
 * zstd: RFC 8878.  One frame, a block or more for each flush.  The frame has no
 * checksum and no size, so three bytes end it after any block: the header of an
 * empty one that says it is the last.
 */
#include "sink/pack.h"

#include "base/buf.h"
#include "base/mem.h"

#include <zstd.h>

struct pack {
	ZSTD_CCtx *ctx;
};

static struct pack *
zstd_make(void)
{
	struct pack *p = mem_zero(1, sizeof(*p));

	p->ctx = ZSTD_createCCtx();
	if (!p->ctx)
		mem_fail();
	return p;
}

static struct pack_mark
zstd_add(struct pack *p, const char *bytes, size_t len, struct buf *out)
{
	ZSTD_inBuffer in = { .src = bytes, .size = len };
	size_t left;

	do {
		ZSTD_outBuffer to = { .size = ZSTD_CStreamOutSize() };

		to.dst = buf_room(out, to.size);
		left = ZSTD_compressStream2(p->ctx, &to, &in, ZSTD_e_flush);
		/* only memory can run out: there is room, and the calls are in order */
		if (ZSTD_isError(left))
			mem_fail();
		out->len += to.pos;
	} while (left);
	return (struct pack_mark){ 0 };
}

static void
zstd_end(struct pack_mark mark, struct buf *out)
{
	(void)mark;
	buf_add(out, "\x01\0\0", 3);
}

static void
zstd_free(struct pack *p)
{
	ZSTD_freeCCtx(p->ctx);
	free(p);
}

const struct pack_ops pack_zstd = {
	.ending = ".zst",
	.library = "libzstd",
	.make = zstd_make,
	.add = zstd_add,
	.end = zstd_end,
	.free = zstd_free,
};
