/* SPDX-License-Identifier: MIT */
#include "trace/tracee.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "model/record.h"

struct tracee *
tracees_find(const struct tracees *t, pid_t tid)
{
	return tidmap_get(&t->map, tid);
}

void
tracees_join(struct tracee *tracee, struct tracee *sibling)
{
	tracee->prev->next = tracee->next;
	tracee->next->prev = tracee->prev;
	tracee->tgid = sibling->tgid;
	tracee->next = sibling->next;
	tracee->prev = sibling;
	sibling->next->prev = tracee;
	sibling->next = tracee;
}

static void
memory_drop(struct tracee *tracee)
{
	if (tracee->memory && !--tracee->memory->users)
		free(tracee->memory);
	tracee->memory = NULL;
}

void
tracees_own_memory(struct tracee *tracee)
{
	if (tracee->memory && tracee->memory->users == 1)
		return;
	memory_drop(tracee);
	tracee->memory = mem_zero(1, sizeof(*tracee->memory));
	tracee->memory->users = 1;
}

void
tracees_share_memory(struct tracee *tracee, struct tracee *other)
{
	if (tracee->memory == other->memory)
		return;
	memory_drop(tracee);
	tracee->memory = other->memory;
	tracee->memory->users++;
}

bool
tracees_has_shared_memory(const struct tracee *tracee)
{
	return tracee->memory->users > 1;
}

struct tracee *
tracees_add(struct tracees *t, pid_t tid, struct tracee *sibling)
{
	struct tracee *tracee = mem_zero(1, sizeof(*tracee));

	tracee->tid = tid;
	tracee->tgid = tid;
	tracee->next = tracee->prev = tracee;
	tracees_own_memory(tracee);
	if (sibling)
		tracees_join(tracee, sibling);
	tidmap_put(&t->map, tid, tracee);
	t->count++;
	return tracee;
}

void
pending_set(struct pending_call *call, const struct record *record)
{
	if (record->size > call->room) {
		call->room = record->size * 2;
		call->record = mem_resize(call->record, 1, call->room);
	}
	memcpy(call->record, record, record->size);
	call->active = true;
}

void
tracees_park(struct tracees *t, struct tracee *tracee, uint64_t round)
{
	tracee->parked = true;
	tracee->parked_round = round;
	tracee->next_parked = t->parked;
	tracee->parked_link = &t->parked;
	if (t->parked)
		t->parked->parked_link = &tracee->next_parked;
	t->parked = tracee;
}

void
tracees_unpark(struct tracee *tracee)
{
	if (!tracee->parked)
		return;
	tracee->parked = false;
	*tracee->parked_link = tracee->next_parked;
	if (tracee->next_parked)
		tracee->next_parked->parked_link = tracee->parked_link;
}

void
tracees_remove(struct tracees *t, struct tracee *tracee)
{
	tracees_unpark(tracee);
	tracee->prev->next = tracee->next;
	tracee->next->prev = tracee->prev;
	tidmap_put(&t->map, tracee->tid, NULL);
	memory_drop(tracee);
	free(tracee->call.record);
	for (size_t i = 0; i < HELD_MAX; i++)
		free(tracee->held[i].record);
	free(tracee);
	t->count--;
}

void
tracees_rename(struct tracees *t, struct tracee *tracee, pid_t tid)
{
	tidmap_put(&t->map, tracee->tid, NULL);
	tracee->tid = tid;
	tidmap_put(&t->map, tid, tracee);
}

static void
remove_one(void *value, void *data)
{
	tracees_remove(data, value);
}

void
tracees_done(struct tracees *t)
{
	tidmap_each(&t->map, remove_one, t);
	tidmap_done(&t->map);
}
