/* SPDX-License-Identifier: MIT */
#include "model/reader.h"

#include "base/compiler.h"
#include "base/mem.h"
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
	struct ring *ring;
	struct model *model;
	struct hub *hub;
	struct record *record; /* RECORD_MAX bytes */
};

/* Takes in everything that is committed. */
static void
drain(struct reader *r)
{
	enum ring_result result;
	size_t size;

	while ((result = ring_read(r->ring, r->record, &size)) != RING_EMPTY) {
		if (result == RING_OK)
			model_record(r->model, r->record, size);
		else
			model_gap(r->model, GAP_LOST, "a writer died inside a record");
	}
}

static void *
run(void *data)
{
	struct reader *r = data;

	while (!atomic_load(&r->stop)) {
		drain(r);
		/* what is known is on disk before we sleep: we may be killed meanwhile */
		hub_flush(r->hub);
		ring_wait(r->ring);
	}
	drain(r);
	return NULL;
}

struct reader *
reader_start(struct ring *ring, struct model *model, struct hub *hub)
{
	struct reader *r = mem_zero(1, sizeof(*r));
	sigset_t all, old;
	int error;

	r->ring = ring;
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
