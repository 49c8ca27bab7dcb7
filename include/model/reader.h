/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The reader: the thread that drains the ring into the model
 *
 * It alone touches the model, the sinks and the disk.
 */

struct hub;
struct model;
struct reader;
struct ring;

/*
 * @spare, which may be NULL, has what comes after @ring was broken.
 *
 * Starts the thread with all signals blocked; everything stays the caller's but
 * may not be touched until reader_stop().  NULL with errno set.
 */
struct reader *reader_start(struct ring *ring, struct ring *spare, struct model *model,
			    struct hub *hub);

/* Drains what is in the ring, ends the thread and frees the reader. */
void reader_stop(struct reader *r);
