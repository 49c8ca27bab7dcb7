/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads a JSONL log back
 *
 * Turns its lines into the events that they were written from and hands these to a hub,
 * so that whatever works live works later.  A log is somebody else's: it may be cut,
 * broken in any place or made up.  What can be read is read; what could not is counted,
 * and makes the outcome incomplete (GAP_SOURCE).
 *
 * Names and processes live as long as the reader.
 */

#include "model/event.h"

struct hub;
struct logread;
struct selection;

/* Why nothing at all can be read. */
enum logread_result {
	LOGREAD_OK,
	LOGREAD_EMPTY,	/* there was not a single line */
	LOGREAD_NO_LOG, /* the first line is none of a JSONL log */
	LOGREAD_TEXT,	/* it looks like a text log */
	LOGREAD_NEWER,	/* its version is higher than we know */
};

/* What was wrong with a log that was read. */
struct logread_faults {
	uint64_t lines;	       /* in all */
	uint64_t broken;       /* lines that are no JSON, or lack what their type needs */
	uint64_t first_broken; /* number of the first of them, from 1 */
	uint64_t missing;      /* accesses that the end tells of and that are not there */
	bool headless;	       /* no header: what ran, and when, is not known */
	bool endless;	       /* no end: it was cut short, or is still being written */
	int64_t version;       /* what the header says */
};

/* @hub stays the caller's and has its sinks already. */
struct logread *logread_new(struct hub *hub);

/* Frees it; NULL is allowed. */
void logread_free(struct logread *r);

/* Tells the hub only of what @s takes, which stays the caller's and may be NULL. */
void logread_select(struct logread *r, struct selection *s);

/*
 * What sinks are asked for in struct run, but for what the log says itself: failed,
 * probes, targets, depend_*.  A base whose bytes are NULL is where the command was
 * started.  Before the first line; what is pointed to is borrowed.
 */
void logread_ask(struct logread *r, const struct run *asked);

/* Takes in the next @len bytes, which it may change.  A logread_result. */
int logread_feed(struct logread *r, char *bytes, size_t len);

/* There is no more: ends the hub.  A logread_result; but for OK nothing was told. */
int logread_end(struct logread *r);

/* Of what was read so far; the outcome only after the end. */
const struct run *logread_run(const struct logread *r);
const struct outcome *logread_outcome(const struct logread *r);
const struct logread_faults *logread_faults(const struct logread *r);
