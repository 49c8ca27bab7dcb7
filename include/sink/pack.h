/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Compression of a log, by somebody else's library
 *
 * A stream can be ended at each of its flush points, also later, when the file
 * was cut back to one: what is in it then decompresses without an error.  More
 * streams may follow in the same file; zstd(1) and gzip(1) read them as one.
 */

#include <stddef.h>
#include <stdint.h>

struct buf;
struct pack;

/* What it takes to end a stream at a point that it has left behind. */
struct pack_mark {
	uint32_t crc, len; /* of the uncompressed bytes; zstd needs neither */
};

struct pack_ops {
	const char *ending;  /* ".zst": the last part of a file's name */
	const char *library; /* what it takes to build it in */

	/* A new stream; NULL where whatfiles was built without the library. */
	struct pack *(*make)(void);

	/*
	 * Adds the compressed form of @len bytes to @out, so that they can be had
	 * back from what was added until now, and says how to end here.
	 */
	struct pack_mark (*add)(struct pack *p, const char *bytes, size_t len,
				struct buf *out);

	/* Adds the end of a stream that was cut off at @mark to @out. */
	void (*end)(struct pack_mark mark, struct buf *out);
	void (*free)(struct pack *p);
};

/* Each in a file of its own, or in its -off twin. */
extern const struct pack_ops pack_zstd, pack_gzip;

/* What the ending of @file asks for, NULL for a file that is not compressed. */
const struct pack_ops *pack_by_name(const char *file);
