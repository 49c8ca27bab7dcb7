/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Durations as people write them: "30", "1.5s", "500ms", "2m", "1h30m", "1d"
 *
 * A number without a unit is seconds, as sleep(1) and timeout(1) have it.  A
 * duration is never negative, and nothing is rounded away: what is finer than a
 * nanosecond is refused, as is whatever the result cannot hold.
 */

#include <stdint.h>

struct buf;

/* 0 with the nanoseconds in @ret_ns, or -EINVAL (no duration) or -ERANGE (too long). */
int duration_parse(const char *text, uint64_t *ret_ns);

/* Adds it: "500ms", "1h30m", "1s500ms"; duration_parse() undoes it. */
void duration_print(struct buf *out, uint64_t ns);
