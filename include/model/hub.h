/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The hub: hands each event to every sink
 *
 * A sink is a struct with operations; it never learns where events come from.
 * Any operation may be NULL.  An error (negative errno) from a sink closes that
 * sink for events and is kept; the other sinks and the job go on.
 */

#include "model/event.h"

struct fold;
struct pack_ops;
struct selection;
struct sink;

/* What a sink's flush() says besides 0 and -errno. */
#define SINK_LATER 1

struct sink_ops {
	const char *format;  /* word for --format */
	const char *endings; /* ".jsonl .ndjson": which file names mean this format */
	const char *what;    /* one line for --help */
	bool product; /* for the next program: an old one gives way, and all may read it */
	bool at_once;	 /* writes all at the end: the file is not emptied before */
	bool whole_file; /* cannot be written to a pipe or a device */

	/*
	 * Makes a sink that writes to @fd, which stays the caller's: @fd is open
	 * until after free().  @pack is how to compress, or NULL: only where packs
	 * is true it may be something.  Never fails (memory aside).
	 */
	struct sink *(*make)(int fd, const struct pack_ops *pack);
	bool packs;

	/*
	 * Who has this wants the folded accesses: called once, before begin().  The
	 * hub keeps one fold for all such sinks, tells it of each event before the
	 * sinks, and frees it after them.  Where no sink asks there is none.
	 */
	void (*fold)(struct sink *s, const struct fold *f);
	int (*begin)(struct sink *s, const struct run *run);
	int (*process)(struct sink *s, const struct process_event *e);
	int (*access)(struct sink *s, const struct access *a);
	/*
	 * Gives what was collected to the kernel; called when the stream pauses.
	 * SINK_LATER keeps it back and asks to be called again in a while.
	 */
	int (*flush)(struct sink *s);
	/* The last words, also after an error: then they tell of it. */
	int (*end)(struct sink *s, const struct outcome *o);
	/* After end(): what the user should know of what was written, NULL for nothing. */
	const char *(*remark)(const struct sink *s);
	void (*free)(struct sink *s);
};

/* The common part: first member of every sink's own struct. */
struct sink {
	const struct sink_ops *ops;
};

struct hub;

struct hub *hub_new(void);

/* Frees the hub and the sinks in it; NULL is allowed. */
void hub_free(struct hub *h);

/* Gives @s to the hub, under the name @what that its errors are told with. */
void hub_add(struct hub *h, struct sink *s, const char *what);

/*
 * Sinks and the fold tell only of accesses that @s takes, which stays the caller's; so
 * "written" is how many of these there were.  Before hub_begin().
 */
void hub_select(struct hub *h, struct selection *s);

/* Calls @failed at the first error of each sink, in whatever thread that happens. */
void hub_on_error(struct hub *h, void (*failed)(void *data), void *data);

void hub_begin(struct hub *h, const struct run *run);
void hub_process(struct hub *h, const struct process_event *e);
void hub_access(struct hub *h, const struct access *a);

/* Whether a sink asks to be flushed again, when nothing came for a second or so. */
bool hub_flush(struct hub *h);

/*
 * Flushes, and has each sink say its last words.  Also writes what went wrong
 * with sinks into @o's GAP_LOG; a sink itself is told of its own errors only.
 */
void hub_end(struct hub *h, struct outcome *o);

/* The first error of sink number @i (counted as added), 0 for none; its name in @ret_what. */
int hub_error(const struct hub *h, size_t i, const char **ret_what);
/* What sink number @i has to say about what it wrote, NULL for nothing; after hub_end(). */
const char *hub_remark(const struct hub *h, size_t i, const char **ret_what);
size_t hub_count(const struct hub *h);
