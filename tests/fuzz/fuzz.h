/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What every fuzz target needs
 *
 * A target takes any bytes at all and returns; where something is not as it must be it
 * traps.  It is linked with libFuzzer, or with replay.c, which goes through a corpus.
 */

#include "base/compiler.h"

#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define REQUIRE(what)                                                              \
	do {                                                                       \
		if (!(what)) {                                                     \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
				#what);                                            \
			__builtin_trap();                                          \
		}                                                                  \
	} while (0)

/* A copy that ends where its memory ends: a look behind it is seen.  The caller's to free. */
static inline void *
fuzz_copy(const void *bytes, size_t len)
{
	void *copy = calloc(1, len ? len : 1);

	REQUIRE(copy);
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

/* The input taken bit by bit; behind its end it is zeroes. */
struct fuzz_in {
	const uint8_t *at, *end;
};

static inline uint8_t
fuzz_byte(struct fuzz_in *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static inline uint64_t
fuzz_number(struct fuzz_in *in, unsigned bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | fuzz_byte(in);
	return n;
}

static inline bool
fuzz_more(const struct fuzz_in *in)
{
	return in->at < in->end;
}

/* The next bytes, as many as there are up to @len; borrowed. */
static inline const uint8_t *
fuzz_bytes(struct fuzz_in *in, size_t len, size_t *ret_len)
{
	const uint8_t *at = in->at;

	*ret_len = MIN(len, (size_t)(in->end - in->at));
	in->at += *ret_len;
	return at;
}
