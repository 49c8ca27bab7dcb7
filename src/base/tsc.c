/* SPDX-License-Identifier: MIT */
#include "base/tsc.h"

#include <time.h>
#include <x86intrin.h>

/* Long enough for a rate that is right to a thousandth. */
#define FIRST_NS 1000000

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void
tsc_init(struct tsc *t)
{
	t->first_ns = now_ns();
	t->first_tsc = __rdtsc();
	do
		tsc_update(t);
	while (t->ns - t->first_ns < FIRST_NS);
}

void
tsc_update(struct tsc *t)
{
	t->ns = now_ns();
	t->tsc = __rdtsc();
	if (t->tsc > t->first_tsc)
		t->ns_per_tick =
			(double)(t->ns - t->first_ns) / (double)(t->tsc - t->first_tsc);
}

uint64_t
tsc_ns(const struct tsc *t, uint64_t ticks)
{
	double past = (double)(int64_t)(ticks - t->tsc) * t->ns_per_tick;
	double ns = (double)t->ns + past;

	/* the job can write anything; a time is then wrong, and no more than that */
	return ns > 0 && ns < 9e18 ? (uint64_t)ns : t->ns;
}
