/* SPDX-License-Identifier: MIT */
#include "sink/logread.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "model/hub.h"
#include "model/selection.h"
#include "sink/jsonl.h"
#include "sink/logend.h"
#include "sink/logevents.h"
#include "sink/logfields.h"
#include <stdio.h>

/* No line of ours is as long; what is, is thrown away unread. */
#define LINE_MAX_BYTES (64 * 1024 * 1024)

struct logread {
	struct hub *hub;
	struct selection *selection;
	struct buf pending; /* the beginning of a line that goes on */
	bool skipping;	    /* the rest of a line that is too long */
	bool begun;	    /* the hub was told of the run */
	int result;	    /* a logread_result that nothing goes on behind */
	struct logfields fields;
	struct logevents events;
	struct loghead head;
	struct logend end;
	struct outcome outcome;
	struct logread_faults faults;
	uint64_t accesses; /* lines of that type */
	uint64_t processes, execs, last_time;
};

struct logread *
logread_new(struct hub *hub)
{
	struct logread *r = mem_zero(1, sizeof(*r));

	r->hub = hub;
	logevents_init(&r->events);
	loghead_init(&r->head);
	return r;
}

void
logread_free(struct logread *r)
{
	if (!r)
		return;
	buf_done(&r->pending);
	logevents_done(&r->events);
	loghead_done(&r->head);
	logend_done(&r->end);
	free(r);
}

void
logread_ask(struct logread *r, const struct run *asked)
{
	struct run *run = &r->head.run;

	run->failed = asked->failed;
	run->probes = asked->probes;
	run->targets = asked->targets;
	run->depend_base = asked->depend_base;
	run->depend_system = asked->depend_system;
}

void
logread_select(struct logread *r, struct selection *s)
{
	r->selection = s;
}

const struct run *
logread_run(const struct logread *r)
{
	return &r->head.run;
}

const struct outcome *
logread_outcome(const struct logread *r)
{
	return &r->outcome;
}

const struct logread_faults *
logread_faults(const struct logread *r)
{
	return &r->faults;
}

static void
broken(struct logread *r)
{
	if (!r->faults.broken++)
		r->faults.first_broken = r->faults.lines;
}

static void
begin(struct logread *r)
{
	r->begun = true;
	if (!r->head.run.depend_base.bytes)
		r->head.run.depend_base = r->head.run.cwd;
	r->events.all = r->head.run.all;
	if (r->selection) {
		r->head.run.selected = true;
		selection_start(r->selection, r->head.run.cwd.bytes, r->head.run.cwd.len);
	}
	hub_select(r->hub, r->selection);
	hub_begin(r->hub, &r->head.run);
}

static void
on_process(struct logread *r, enum process_event_kind kind)
{
	struct process_event e;

	if (!logevents_process(&r->events, &r->fields, kind, &e)) {
		broken(r);
		return;
	}
	r->processes +=
		kind == PROCESS_START || kind == PROCESS_FORK || kind == PROCESS_ATTACH;
	r->execs += kind == PROCESS_EXEC;
	r->last_time = MAX(r->last_time, e.time);
	hub_process(r->hub, &e);
}

static void
on_access(struct logread *r)
{
	struct access a;

	if (!logevents_access(&r->events, &r->fields, &a)) {
		broken(r);
		return;
	}
	r->accesses++;
	r->last_time = MAX(r->last_time, a.time);
	hub_access(r->hub, &a);
}

/* The types of lines; a header is only the first one. */
static const struct {
	const char *word;
	int kind; /* of a process event; -1 where it is none */
} types[] = {
	{ "access", -1 },
	{ "fork", PROCESS_FORK },
	{ "exec", PROCESS_EXEC },
	{ "exit", PROCESS_EXIT },
	{ "start", PROCESS_START },
	{ "inherited", PROCESS_INHERITED },
	{ "attach", PROCESS_ATTACH },
	{ "detach", PROCESS_DETACH },
	{ "end", -1 },
};

static size_t
type_of(const struct logfields *f)
{
	struct span type = logfields_string(f, KEY_TYPE);
	size_t i = 0;

	while (i < ARRAY_SIZE(types) &&
	       (strlen(types[i].word) != type.len ||
		memcmp(types[i].word, type.bytes, type.len) != 0))
		i++;
	return i;
}

static int
on_line(struct logread *r, size_t type)
{
	if (type == ARRAY_SIZE(types)) {
		/* a type that is newer than we are, or no line of a log at all */
		if (!logfields_string(&r->fields, KEY_TYPE).bytes ||
		    loghead_is(&r->fields))
			broken(r);
	} else if (r->end.seen) {
		broken(r);
	} else if (types[type].kind >= 0) {
		on_process(r, (enum process_event_kind)types[type].kind);
	} else if (type == 0) {
		on_access(r);
	} else {
		logend_read(&r->end, &r->fields);
	}
	return LOGREAD_OK;
}

/* The first line, which should be a header. */
static int
on_first(struct logread *r, const char *start, size_t len, bool is_json)
{
	size_t type = type_of(&r->fields);

	if (!is_json)
		return len > 6 && (!memcmp(start, "mode: ", 6) ||
				   !memcmp(start, "end: ", 5))
			       ? LOGREAD_TEXT
			       : LOGREAD_NO_LOG;
	if (loghead_is(&r->fields)) {
		r->faults.version = logfields_int(&r->fields, KEY_VERSION, 0);
		if (r->faults.version > JSONL_VERSION)
			return LOGREAD_NEWER;
		loghead_read(&r->head, &r->fields);
		begin(r);
		return LOGREAD_OK;
	}
	if (type == ARRAY_SIZE(types))
		return LOGREAD_NO_LOG;
	/* the end of a log, without its beginning */
	r->faults.headless = true;
	begin(r);
	return on_line(r, type);
}

static void
take_line(struct logread *r, char *line, size_t len)
{
	char start[8] = { 0 };
	bool is_json;

	r->faults.lines++;
	memcpy(start, line, MIN(len, sizeof(start)));
	is_json = logfields_read(&r->fields, line, len);
	if (!r->begun)
		r->result = on_first(r, start, len, is_json);
	else if (is_json)
		r->result = on_line(r, type_of(&r->fields));
	else
		broken(r);
}

/* Keeps the beginning of a line, unless that is beyond all measure. */
static void
keep(struct logread *r, const char *bytes, size_t len)
{
	if (r->skipping)
		return;
	if (r->pending.len + len <= LINE_MAX_BYTES) {
		buf_add(&r->pending, bytes, len);
		return;
	}
	buf_reset(&r->pending);
	r->skipping = true;
}

/* The end of a line that began in an earlier piece. */
static void
finish_pending(struct logread *r, const char *bytes, size_t len)
{
	keep(r, bytes, len);
	if (r->skipping) {
		r->faults.lines++;
		r->skipping = false;
		if (r->begun)
			broken(r);
		else
			r->result = LOGREAD_NO_LOG;
		return;
	}
	take_line(r, r->pending.data, r->pending.len);
	buf_reset(&r->pending);
}

int
logread_feed(struct logread *r, char *bytes, size_t len)
{
	char *end = bytes + len, *newline;

	while (!r->result && bytes < end &&
	       (newline = memchr(bytes, '\n', (size_t)(end - bytes)))) {
		if (r->pending.len || r->skipping)
			finish_pending(r, bytes, (size_t)(newline - bytes));
		else
			take_line(r, bytes, (size_t)(newline - bytes));
		bytes = newline + 1;
	}
	if (!r->result && bytes < end)
		keep(r, bytes, (size_t)(end - bytes));
	return r->result;
}

static void
fill_outcome(struct logread *r)
{
	struct outcome *o = &r->outcome;
	struct logread_faults *f = &r->faults;
	struct gap_count *gap = &o->gaps[GAP_SOURCE];

	logend_outcome(&r->end, o);
	f->endless = !r->end.seen;
	if (f->endless) {
		o->time = r->last_time;
		o->processes = r->processes;
		o->execs = r->execs;
		o->accesses = o->written = r->accesses;
	}
	if (r->end.seen && o->written > r->accesses)
		f->missing = o->written - r->accesses;
	gap->count += f->broken + f->missing + f->headless + f->endless;
	if (gap->count && !gap->example[0])
		snprintf(gap->example, sizeof(gap->example), "%s",
			 f->endless    ? "it has no end"
			 : f->headless ? "it has no beginning"
			 : f->missing  ? "accesses are missing"
				       : "lines cannot be read");
	o->written = r->accesses;
}

int
logread_end(struct logread *r)
{
	if (!r->result && (r->pending.len || r->skipping))
		finish_pending(r, "", 0);
	if (!r->result && !r->begun)
		r->result = LOGREAD_EMPTY;
	if (r->result)
		return r->result;
	fill_outcome(r);
	hub_end(r->hub, &r->outcome);
	return LOGREAD_OK;
}
