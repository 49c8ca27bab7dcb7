/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The model: turns the stream of records into events
 *
 * Knows nothing of ptrace and nothing of sinks' formats: records come in, in
 * their one order, and events go out to the hub.
 */

#include "model/event.h"
#include <stdint.h>

struct hub;
struct model;
struct record;

/* @run and @hub stay the caller's; @start is CLOCK_MONOTONIC at the run's time 0. */
struct model *model_new(const struct run *run, struct hub *hub, uint64_t start);

/* Frees the model; NULL is allowed. */
void model_free(struct model *m);

/* Takes in one record of @size bytes, which may be anything at all. */
void model_record(struct model *m, const struct record *r, size_t size);

/* Counts a gap; @example may be NULL. */
void model_gap(struct model *m, enum gap gap, const char *example);

/*
 * The stream is over: processes that never ended are told, the sinks are ended
 * and @ret holds the totals; its stops are the caller's to set before.  @status
 * is the command's.
 */
void model_end(struct model *m, uint64_t time, int status, bool status_known,
	       struct outcome *ret);
