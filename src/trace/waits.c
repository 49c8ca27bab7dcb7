/* SPDX-License-Identifier: MIT */
#include "trace/waits.h"

#include "base/compiler.h"
#include "base/mem.h"
#include <errno.h>
#include <sys/wait.h>

/* From here on it is cheaper not to look at all: about a hundred tracees. */
#define CROWD_NS 5000

/* Looking at all may take one part in so many of the time. */
#define REST 8

/* After so long without a stop nobody minds one that takes longer to be found. */
#define IDLE_NS (50 * 1000 * 1000)

/* How many are asked before those that did not stop lately. */
#define MOST_HOT 64
#define LEAST_HOT 4

/* If so many have stopped unnoticed, asking each is cheaper than looking for the next. */
#define MANY 8

static void
swap(struct waits *w, size_t a, size_t b)
{
	pid_t tid = w->tids[a];

	w->tids[a] = w->tids[b];
	w->tids[b] = tid;
	tidmap_put(&w->places, w->tids[a], (void *)(uintptr_t)(a + 1));
	tidmap_put(&w->places, w->tids[b], (void *)(uintptr_t)(b + 1));
}

static size_t
add(struct waits *w, pid_t tid)
{
	if (w->count == w->capacity) {
		w->capacity = MAX(w->capacity * 2, 64);
		w->tids = mem_resize(w->tids, w->capacity, sizeof(*w->tids));
	}
	w->tids[w->count++] = tid;
	tidmap_put(&w->places, tid, (void *)(uintptr_t)w->count);
	return w->count;
}

static void
forget(struct waits *w, pid_t tid)
{
	size_t place = (size_t)(uintptr_t)tidmap_get(&w->places, tid);

	if (!place)
		return;
	place--;
	/* what fills the hole must not be taken for one of the first */
	if (place < w->hot) {
		swap(w, place, --w->hot);
		place = w->hot;
	}
	swap(w, place, w->count - 1);
	w->count--;
	tidmap_put(&w->places, tid, NULL);
}

/* It is soon to be asked again, before others. */
static void
note_stop(struct waits *w, pid_t tid)
{
	size_t place = (size_t)(uintptr_t)tidmap_get(&w->places, tid);

	if (!place)
		place = add(w, tid);
	if (place <= w->hot)
		return;
	if (w->hot < MOST_HOT)
		w->hot++;
	swap(w, place - 1, w->hot < MOST_HOT ? w->hot - 1 : w->turn++ % MOST_HOT);
}

/* A child stops first of all, at once, and nobody has heard of it. */
static void
note_birth(struct waits *w, pid_t tid, int status)
{
	pid_t child = w->kernel->born(tid, status);

	if (child > 0)
		note_stop(w, child);
}

static void
note(struct waits *w, pid_t tid, int status)
{
	if (WIFEXITED(status) || WIFSIGNALED(status))
		forget(w, tid);
	else
		note_stop(w, tid);
	if (w->any_ns >= CROWD_NS)
		note_birth(w, tid, status);
	if (w->doubt)
		return;
	w->doubt = true;
	w->due = w->kernel->now() + REST * w->any_ns;
}

/* Somebody may have been put to sleep meanwhile: what is said once is not believed. */
static void
measured(struct waits *w, uint64_t ns)
{
	w->any_ns = MIN(ns, 2 * w->any_ns + 1000);
}

static pid_t
ask_all(struct waits *w, int *ret_status)
{
	uint64_t begin = w->kernel->now(), end;
	pid_t tid = w->kernel->any(false, ret_status);

	if (tid > 0)
		return tid;
	end = w->kernel->now();
	measured(w, end - begin);
	w->due = end + REST * w->any_ns;
	w->doubt = false;
	return tid;
}

static pid_t
ask_one(struct waits *w, pid_t tid, int *ret_status)
{
	pid_t r = w->kernel->one(tid, ret_status);

	/* let go, or the former id of a thread that executed a program */
	if (r == -ECHILD)
		forget(w, tid);
	return MAX(r, 0);
}

/* The next of those that have stopped without being told; none is left out. */
static pid_t
look_at_all(struct waits *w, int *ret_status)
{
	pid_t tid;

	if (w->found < MANY) {
		tid = ask_all(w, ret_status);
		w->found = tid > 0 ? w->found + 1 : 0;
		w->left = w->count;
		return tid;
	}
	while (w->left) {
		w->left = MIN(w->left, w->count);
		/* whoever is moved meanwhile is found by the next look at all */
		tid = w->left ? ask_one(w, w->tids[--w->left], ret_status) : 0;
		if (tid)
			return tid;
	}
	w->found = 0;
	return look_at_all(w, ret_status);
}

/* Each of them once in a round: until whoever asks has to wait. */
static pid_t
ask_the_first(struct waits *w, int *ret_status)
{
	pid_t tid;

	while (w->asked < w->hot) {
		tid = ask_one(w, w->tids[w->asked++], ret_status);
		w->lucky |= tid > 0;
		if (tid)
			return tid;
	}
	if (!w->lucky && w->hot > LEAST_HOT)
		w->hot--;
	/* the next round's may be lucky, this one's are not counted twice */
	w->lucky = true;
	return 0;
}

static pid_t
ask_without_waiting(struct waits *w, int *ret_status)
{
	pid_t tid, hint;

	if (w->doubt && w->kernel->now() >= w->due) {
		tid = look_at_all(w, ret_status);
		if (tid)
			return tid;
	}
	while ((hint = w->kernel->hint(0)) > 0) {
		tid = ask_one(w, hint, ret_status);
		if (tid)
			return tid;
	}
	return ask_the_first(w, ret_status);
}

/* Sleeps until a signal names somebody; that one, 0 if none did, or -EINTR. */
static pid_t
sleep_in_crowd(struct waits *w)
{
	uint64_t now = w->kernel->now();

	if (!w->doubt)
		return w->kernel->hint(IDLE_NS);
	return now < w->due ? w->kernel->hint(w->due - now) : 0;
}

static pid_t
wait_in_crowd(struct waits *w, int *ret_status)
{
	bool was_sure;
	pid_t tid, hint;

	for (;;) {
		w->asked = 0;
		w->lucky = false;
		tid = ask_without_waiting(w, ret_status);
		if (tid)
			return tid;
		was_sure = !w->doubt;
		hint = sleep_in_crowd(w);
		if (hint < 0)
			return hint;
		if (!hint && was_sure)
			/* some ends come without a SIGCHLD (clone(2), exit signal) */
			return w->kernel->any(true, ret_status);
		tid = hint ? ask_one(w, hint, ret_status) : 0;
		if (tid)
			return tid;
	}
}

pid_t
waits_next(struct waits *w, bool block, int *ret_status)
{
	pid_t tid;

	if (w->any_ns >= CROWD_NS)
		tid = block ? wait_in_crowd(w, ret_status)
			    : ask_without_waiting(w, ret_status);
	else if (block)
		tid = w->kernel->any(true, ret_status);
	else
		tid = ask_all(w, ret_status);
	if (tid > 0)
		note(w, tid, *ret_status);
	return tid;
}

void
waits_done(struct waits *w)
{
	free(w->tids);
	tidmap_done(&w->places);
}
