/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Flights: calls that the recorder has begun and not yet put into the ring
 *
 * The owner must be dead or stand still.  What is found is copied and judged like
 * everything that the job can write.
 */

#include "recorder/recorder.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct region;

/* A copy of a flight, with room for its record. */
struct flight_copy {
	struct flight flight;
	uint64_t past_the_end; /* fields may be looked at a few bytes too far */
};

/*
 * Takes the next flight of @tid down: a copy in @ret, and the place is free again.
 * False when there is none left.  @ret's state is FLIGHT_BEGUN or FLIGHT_RETURNED, with
 * a sound record of that task that is not in the ring.
 */
bool flights_take(struct region *r, pid_t tid, struct flight_copy *ret);
