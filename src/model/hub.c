/* SPDX-License-Identifier: MIT */
#include "model/hub.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "model/fold.h"
#include "model/selection.h"

#include <assert.h>
#include <stdio.h>

struct entry {
	struct sink *sink;
	char *what;
	int error; /* the first one; closes the sink for events */
};

struct hub {
	struct entry *entries;
	size_t count;
	struct fold *fold; /* only when a sink asked for it */
	struct selection *selection;
	bool all;	 /* every call is written */
	uint64_t passed; /* by the selection */
	void (*failed)(void *data);
	void *failed_data;
};

struct hub *
hub_new(void)
{
	return mem_zero(1, sizeof(struct hub));
}

void
hub_free(struct hub *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++) {
		if (h->entries[i].sink->ops->free)
			h->entries[i].sink->ops->free(h->entries[i].sink);
		free(h->entries[i].what);
	}
	fold_free(h->fold);
	free(h->entries);
	free(h);
}

void
hub_add(struct hub *h, struct sink *s, const char *what)
{
	h->entries = mem_resize(h->entries, h->count + 1, sizeof(*h->entries));
	h->entries[h->count++] = (struct entry){
		.sink = s,
		.what = mem_copy(what, strlen(what)),
	};
	if (!s->ops->fold)
		return;
	if (!h->fold) {
		h->fold = fold_new();
		fold_select(h->fold, h->selection);
	}
	s->ops->fold(s, h->fold);
}

void
hub_on_error(struct hub *h, void (*failed)(void *data), void *data)
{
	h->failed = failed;
	h->failed_data = data;
}

static void
take_result(struct hub *h, struct entry *e, int r)
{
	e->error = r;
	if (r && h->failed)
		h->failed(h->failed_data);
}

/* Calls one operation of every sink that is still open for events. */
#define HAND_OUT(h, op, ...)                                                             \
	do {                                                                             \
		for (size_t i_ = 0; i_ < (h)->count; i_++) {                             \
			struct entry *e_ = &(h)->entries[i_];                            \
			if (!e_->error && e_->sink->ops->op)                             \
				take_result(h, e_,                                       \
					    e_->sink->ops->op(e_->sink, ##__VA_ARGS__)); \
		}                                                                        \
	} while (0)

void
hub_select(struct hub *h, struct selection *s)
{
	h->selection = s;
	if (h->fold)
		fold_select(h->fold, s);
}

void
hub_begin(struct hub *h, const struct run *run)
{
	h->all = run->all;
	HAND_OUT(h, begin, run);
}

void
hub_process(struct hub *h, const struct process_event *e)
{
	if (h->fold)
		fold_process(h->fold, e);
	if (h->selection && e->kind == PROCESS_INHERITED &&
	    !selection_takes_inherited(h->selection, e))
		return;
	HAND_OUT(h, process, e);
}

void
hub_access(struct hub *h, const struct access *a)
{
	if (h->fold)
		fold_access(h->fold, a);
	if (h->selection && !selection_takes(h->selection, a))
		return;
	h->passed += a->first || h->all;
	HAND_OUT(h, access, a);
}

bool
hub_flush(struct hub *h)
{
	bool later = false;

	for (size_t i = 0; i < h->count; i++) {
		struct entry *e = &h->entries[i];
		int r = e->error || !e->sink->ops->flush ? 0
							 : e->sink->ops->flush(e->sink);

		later |= r == SINK_LATER;
		if (r < 0)
			take_result(h, e, r);
	}
	return later;
}

static void
note_error(struct gap_count *gap, const struct entry *e)
{
	if (!gap->count++)
		snprintf(gap->example, sizeof(gap->example), "%s: %s", e->what,
			 strerror(-e->error));
}

/*
 * Each sink is told of its own errors only: a log that is whole must not call
 * itself incomplete because another one could not be written.
 */
static void
end_one(struct entry *e, struct outcome *o)
{
	struct gap_count others = o->gaps[GAP_LOG];
	int r = 0;

	if (e->error)
		note_error(&o->gaps[GAP_LOG], e);
	if (e->sink->ops->end)
		r = e->sink->ops->end(e->sink, o);
	if (!e->error)
		e->error = r;
	o->gaps[GAP_LOG] = others;
}

void
hub_end(struct hub *h, struct outcome *o)
{
	if (h->selection)
		o->written = h->passed;
	/* what cannot be written should be known before the last words are */
	hub_flush(h);
	for (size_t i = 0; i < h->count; i++)
		end_one(&h->entries[i], o);
	for (size_t i = 0; i < h->count; i++)
		if (h->entries[i].error)
			note_error(&o->gaps[GAP_LOG], &h->entries[i]);
}

int
hub_error(const struct hub *h, size_t i, const char **ret_what)
{
	assert(i < h->count);
	*ret_what = h->entries[i].what;
	return h->entries[i].error;
}

const char *
hub_remark(const struct hub *h, size_t i, const char **ret_what)
{
	const struct sink *s = h->entries[i].sink;

	assert(i < h->count);
	*ret_what = h->entries[i].what;
	return s->ops->remark ? s->ops->remark(s) : NULL;
}

size_t
hub_count(const struct hub *h)
{
	return h->count;
}
