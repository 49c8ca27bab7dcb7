/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A sink that looks at all it is told
 *
 * For targets that make events of any bytes: every name is read to its end, and what
 * event.h says of an event is so.
 */

#include "fuzz.h"

#include "base/intern.h"
#include "model/hub.h"

struct events {
	struct sink base;
	uint64_t accesses;
};

static inline void
events_touch(const char *bytes, size_t len)
{
	unsigned sum = 0;

	REQUIRE(bytes || !len);
	for (size_t i = 0; i < len; i++)
		sum += (unsigned char)bytes[i];
	__asm__ volatile("" : : "r"(sum)); /* else nothing need be read */
}

static inline void
events_name(const struct interned *name)
{
	if (!name)
		return;
	events_touch(name->bytes, name->len);
	REQUIRE(name->bytes[name->len] == '\0');
}

static inline void
events_process(const struct process *p)
{
	REQUIRE(p && p->serial && p->parent < p->serial);
	events_name(p->name);
	events_name(p->exe);
}

static inline int
events_on_process(struct sink *s, const struct process_event *e)
{
	(void)s;
	events_process(e->process);
	events_touch(e->cwd.bytes, e->cwd.len);
	events_touch(e->root.bytes, e->root.len);
	events_touch(e->argv.bytes, e->argv.len);
	events_touch(e->file.bytes, e->file.len);
	return 0;
}

static inline int
events_on_access(struct sink *s, const struct access *a)
{
	((struct events *)s)->accesses++;
	events_process(a->process);
	REQUIRE(a->path && a->row && a->op < OP_COUNT);
	REQUIRE((unsigned)a->engine < ENGINE_COUNT && (unsigned)a->abi < ABI_COUNT);
	REQUIRE(a->error >= 0 && (!a->error || !a->result));
	events_name(a->path);
	events_name(a->to);
	events_name(a->opened);
	events_name(a->path_after);
	events_name(a->to_after);
	events_name(a->file.path);
	events_name(a->replaced.path);
	events_name(a->root);
	events_touch(a->name.bytes, a->name.len);
	events_touch(a->to_name.bytes, a->to_name.len);
	return 0;
}

static inline void
events_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops events_ops = {
	.format = "events",
	.endings = "",
	.process = events_on_process,
	.access = events_on_access,
	.free = events_free,
};

/* The hub's, once it was added. */
static inline struct sink *
events_new(void)
{
	struct events *e = calloc(1, sizeof(*e));

	REQUIRE(e);
	e->base.ops = &events_ops;
	return &e->base;
}
