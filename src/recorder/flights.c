/* SPDX-License-Identifier: MIT */
#include "recorder/flights.h"

#include "model/event.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "recorder/region.h"
#include <string.h>

static bool
is_sound(const struct flight_copy *c, pid_t tid)
{
	const struct record *r = &c->flight.record;

	return r->size <= FLIGHT_SIZE - offsetof(struct flight, record) &&
	       record_check(r, r->size) && r->kind == RECORD_CALL && r->tid == tid &&
	       r->engine == ENGINE_FAST && r->row < syscall_row_count && r->abi == 0;
}

/* Whether the record of a call that returned is still to be put into the ring. */
static bool
is_missing(struct region *r, pid_t tid, const struct flight *f)
{
	/* killed or stopped between claim and commit: the claim is nobody's then */
	bool withdrawn = ring_withdraw(r->ring, tid);

	return withdrawn || !f->at;
}

bool
flights_take(struct region *r, pid_t tid, struct flight_copy *ret)
{
	for (unsigned i = 0; i < FLIGHT_COUNT; i++) {
		uint32_t state;

		if (atomic_load(&r->shared->owner[i]) != (uint32_t)tid)
			continue;
		memcpy(&ret->flight, &r->shared->flights[i], sizeof(ret->flight));
		atomic_store(&r->shared->flights[i].state, FLIGHT_IDLE);
		atomic_store(&r->shared->owner[i], 0);
		state = ret->flight.state;
		if (!is_sound(ret, tid))
			continue;
		if (state == FLIGHT_BEGUN)
			return true;
		if (state == FLIGHT_RETURNED && is_missing(r, tid, &ret->flight))
			return true;
	}
	return false;
}
