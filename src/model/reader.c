/* SPDX-License-Identifier: MIT */
#include "model/reader.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/tsc.h"
#include "model/hub.h"
#include "model/model.h"
#include "model/record.h"
#include "model/ring.h"
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

struct reader {
	pthread_t thread;
	atomic_bool stop;
	struct ring *ring, *spare;
	struct tsc tsc;
	struct model *model;
	struct hub *hub;
	struct record *record; /* RECORD_MAX bytes */
};

/* Takes in everything that is committed. */
static void
drain_one(struct reader *r, struct ring *ring)
{
	enum ring_result result;
	size_t size;

	while ((result = ring_read(ring, r->record, &size)) != RING_EMPTY) {
		if (result != RING_OK) {
			model_gap(r->model, GAP_LOST,
				  ring_is_broken(ring)
					  ? "the job wrote over records in its memory"
					  : "a writer died inside a record");
			continue;
		}
		if (r->record->flags & RECORD_TSC)
			r->record->time = tsc_ns(&r->tsc, r->record->time);
		model_record(r->model, r->record, size);
	}
}

static void
drain(struct reader *r)
{
	tsc_update(&r->tsc);
	drain_one(r, r->ring);
	if (r->spare)
		drain_one(r, r->spare);
}

static void *
run(void *data)
{
	struct reader *r = data;

	while (!atomic_load(&r->stop)) {
		drain(r);
		/* what is known is on disk before we sleep: we may be killed meanwhile */
		ring_wait(r->ring, hub_flush(r->hub));
	}
	drain(r);
	return NULL;
}

struct reader *
reader_start(struct ring *ring, struct ring *spare, struct model *model, struct hub *hub)
{
	struct reader *r = mem_zero(1, sizeof(*r));
	sigset_t all, old;
	int error;

	r->ring = ring;
	r->spare = spare;
	tsc_init(&r->tsc);
	r->model = model;
	r->hub = hub;
	r->record = mem_zero(1, RECORD_MAX);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	error = pthread_create(&r->thread, NULL, run, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!error)
		return r;
	free(r->record);
	free(r);
	errno = error;
	return NULL;
}

void
reader_stop(struct reader *r)
{
	atomic_store(&r->stop, true);
	ring_wake(r->ring);
	pthread_join(r->thread, NULL);
	free(r->record);
	free(r);
}
