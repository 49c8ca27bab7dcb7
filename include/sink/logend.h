/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A log's first line and its last one
 *
 * For sink/logread only.
 */

#include "base/buf.h"
#include "model/event.h"

struct logfields;

struct loghead {
	struct run run;
	struct buf text; /* what the run's strings are in */
	char **argv;
	pid_t *pids; /* owned */
};

/* An empty run, until a header is read. */
void loghead_init(struct loghead *h);
void loghead_done(struct loghead *h);

/* Whether the line is the header of a log of ours, of any version. */
bool loghead_is(const struct logfields *f);
void loghead_read(struct loghead *h, struct logfields *f);

/* Starts with { 0 }. */
struct logend {
	bool seen;
	struct outcome outcome;
	struct stop_count *stopped; /* owned, and so are the words in it */
	size_t stopped_count;
};

void logend_done(struct logend *e);
void logend_read(struct logend *e, struct logfields *f);

/* What the end told, or nothing; borrows from @e. */
void logend_outcome(const struct logend *e, struct outcome *ret);
