/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * From the fields of a log's line to the event that it was written from
 *
 * For sink/logread only.
 */

#include "base/arena.h"
#include "base/table.h"
#include "model/event.h"

struct intern;
struct logfields;

/* Start with { 0 }; what it hands out lives until logevents_done(). */
struct logevents {
	struct intern *names;
	struct arena arena;
	struct table processes; /* by serial number */
	struct table words;	/* operations and calls */
	struct logprocess *recent;
	bool all; /* the log has every call */
};

void logevents_init(struct logevents *e);
void logevents_done(struct logevents *e);

/*
 * The event of a line about a process, or about an access.  False when the line lacks
 * what it needs, or holds what cannot be.
 */
bool logevents_process(struct logevents *e, struct logfields *f,
		       enum process_event_kind kind, struct process_event *ret);
bool logevents_access(struct logevents *e, struct logfields *f, struct access *ret);

/* The status of wait(2) that "status" or "signal" stands for; false for neither. */
bool logevents_status(const struct logfields *f, int *ret);
