/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The processor's time stamp counter as a clock
 *
 * It takes no call to read, but counts in units of its own; every now and then it is
 * compared with CLOCK_MONOTONIC.
 */

#include <stdbool.h>
#include <stdint.h>

struct tsc {
	uint64_t tsc, ns;	      /* the newest comparison */
	uint64_t first_tsc, first_ns; /* the oldest one */
	double ns_per_tick;
};

/* Takes the first comparison, and a moment to learn the rate. */
void tsc_init(struct tsc *t);

/* Compares again; cheap, to be called before records of a new while are read. */
void tsc_update(struct tsc *t);

/* CLOCK_MONOTONIC, in nanoseconds, when the counter stood at @ticks. */
uint64_t tsc_ns(const struct tsc *t, uint64_t ticks);
