/* SPDX-License-Identifier: MIT */

/*
 * The ptrace loop behind a made-up kernel (world.h), with whatever the input makes
 * happen there: each stop is gone on from exactly once, nothing is left when everybody
 * is gone, and the ring holds each call, birth and death exactly once and in order.
 *
 * The first byte says what kind of run it is, the rest what happens.
 */

#include "world.h"

#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "trace/attach.h"
#include "trace/fast.h"
#include "trace/filter.h"
#include "trace/loop.h"
#include "trace/tracee.h"
#include <errno.h>

/* What the ring told of one tid. */
struct told {
	bool begun, ended;
	unsigned births;
	struct expected items[WORLD_ITEMS];
	size_t count;
};

static struct told told[WORLD_TASKS];
static struct ring *ring;
static struct record *record;

static struct told *
told_of(pid_t tid)
{
	REQUIRE(tid >= WORLD_FIRST && tid < WORLD_FIRST + WORLD_TASKS);
	return &told[tid - WORLD_FIRST];
}

static void
note(struct told *t, struct expected e)
{
	REQUIRE(t->begun && !t->ended && t->count < WORLD_ITEMS);
	t->items[t->count++] = e;
}

static void
begin_one(pid_t tid)
{
	struct told *t = told_of(tid);

	REQUIRE(!t->begun && !t->births++);
	t->begun = true;
}

static void
note_call(struct told *t, const struct record *r)
{
	bool unfinished = r->flags & CALL_UNFINISHED;

	note(t, (struct expected){ .kind = unfinished ? EXPECT_UNFINISHED : EXPECT_CALL,
				   .row = r->row,
				   .result = unfinished ? 0 : r->result });
}

static void
take(const struct record *r)
{
	struct told *t = told_of(r->tid);

	switch ((enum record_kind)r->kind) {
	case RECORD_CALL:
		note_call(t, r);
		break;
	case RECORD_START:
	case RECORD_ATTACH:
		begin_one(r->tid);
		break;
	case RECORD_FORK:
		/* somebody who is dead may be guessed to be the parent */
		REQUIRE(t->begun);
		begin_one((pid_t)r->args[0]);
		break;
	case RECORD_EXEC:
		note(t, (struct expected){ .kind = EXPECT_EXEC });
		break;
	case RECORD_EXIT:
		note(t, (struct expected){ .kind = EXPECT_EXIT,
					   .optional = r->flags & EXIT_UNKNOWN,
					   .result = r->result });
		t->ended = true;
		break;
	case RECORD_DETACH:
		note(t, (struct expected){ .kind = EXPECT_DETACH });
		t->ended = true;
		break;
	case RECORD_GAP:
		break;
	case RECORD_PLACE:
	case RECORD_DESCRIPTOR:
	case RECORD_KIND_END:
		REQUIRE(!"a record of another kind");
	}
}

static void
drain(void)
{
	size_t size;

	while (ring_read(ring, record, &size) == RING_OK) {
		REQUIRE(record_check(record, size));
		take(record);
	}
}

/* --- a fast engine that only asks for standstills ----------------------------------- */

static const struct record *
no_exec_call(struct fast *f, pid_t former)
{
	(void)f;
	(void)former;
	return NULL;
}

static void
no_exec(struct fast *f, struct tracing *tr, struct tracee *t)
{
	(void)f;
	(void)tr;
	(void)t;
}

static void
no_birth(struct fast *f, struct tracee *parent, struct tracee *child, enum birth how,
	 bool shares_vm)
{
	(void)f;
	(void)parent;
	(void)child;
	(void)how;
	(void)shares_vm;
}

static void
nothing(struct fast *f, struct tracee *t)
{
	(void)f;
	(void)t;
}

static bool
some_entry(struct fast *f, struct tracee *t, const struct syscall_row *row, int abi,
	   struct syscall_stop *stop)
{
	(void)f;
	(void)row;
	(void)abi;
	(void)stop;
	return !t->froze && !t->thawed && world_byte() % 4 == 1;
}

static bool
no_unlisted(struct fast *f, struct tracee *t, const struct syscall_stop *stop)
{
	(void)f;
	(void)t;
	(void)stop;
	return false;
}

static bool
no_signal(struct fast *f, struct tracing *tr, struct tracee *t, int signal)
{
	(void)f;
	(void)tr;
	(void)t;
	(void)signal;
	return false;
}

static bool
not_recorded(const struct fast *f, uint64_t ip)
{
	(void)f;
	(void)ip;
	return false;
}

static const struct fast_ops fast_ops = {
	.exec_call = no_exec_call,
	.exec = no_exec,
	.birth = no_birth,
	.orphan = nothing,
	.first_run = nothing,
	.entry = some_entry,
	.unlisted = no_unlisted,
	.returned = nothing,
	.signal = no_signal,
	.hush = nothing,
	.end = no_exec,
	.is_recorded = not_recorded,
};

/* --- one run -------------------------------------------------------------------------- */

static bool
tell_left(const pid_t *pids, size_t count, bool ended)
{
	(void)pids;
	(void)ended;
	REQUIRE(count);
	return world_byte() % 2;
}

static bool
is_same(const struct expected *want, const struct expected *got)
{
	if (want->kind != got->kind)
		return false;
	if (want->kind == EXPECT_EXIT)
		return got->optional || want->result == got->result;
	return want->kind > EXPECT_UNFINISHED ||
	       (want->row == got->row &&
		(want->kind == EXPECT_UNFINISHED || want->result == got->result));
}

/* Of somebody who was never told nothing else is, and all that happened to others. */
static void
check_account(const struct account *a, const struct told *t)
{
	size_t at = 0;

	REQUIRE(!t->begun || a->born);
	REQUIRE(!a->announced || t->begun || a->fuzzy);
	if (a->fuzzy)
		return;
	if (!t->begun) {
		for (size_t i = 0; i < a->count; i++)
			REQUIRE(a->items[i].kind >= EXPECT_EXIT);
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		if (at < t->count && is_same(&a->items[i], &t->items[at]))
			at++;
		else
			REQUIRE(a->items[i].optional);
	}
	REQUIRE(at == t->count);
	REQUIRE(t->ended || a->vanished);
}

static void
run(const struct loop_config *config)
{
	struct loop_result result = { 0 };

	loop_run(&world_kernel, ring, config, config->attach ? 0 : WORLD_ROOT, &result);
	world_end();
	drain();
	REQUIRE(!ring_is_broken(ring));
	if (!result.started) {
		REQUIRE(!told[0].begun);
		return;
	}
	for (size_t i = 0; i < WORLD_TASKS; i++)
		check_account(world_account(i), &told[i]);
}

static void
run_attached(struct loop_config *config, const struct world_setup *setup)
{
	struct seized tasks[WORLD_TASKS];
	struct attach attach = { .tasks = tasks };

	for (unsigned p = 0; p < setup->processes; p++) {
		pid_t tgid = WORLD_FIRST + (pid_t)attach.count;

		for (unsigned i = 0; i <= setup->threads; i++)
			tasks[attach.count++] = (struct seized){ tgid + (pid_t)i, tgid,
								 p ? WORLD_ROOT : 1 };
	}
	config->attach = &attach;
	config->allow_uring = true;
	run(config);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char memory[1 << 20] __attribute__((aligned(64)));
	struct fast fast = { &fast_ops };
	struct fuzz_in in = { bytes, bytes + len };
	uint8_t kind = fuzz_byte(&in);
	struct world_setup setup = { .attach = kind & 1 };
	struct loop_config config = { .classes = CLASS_ALL, .mark = FILTER_TRACE_DATA };

	if (kind & 2 && !setup.attach)
		config.fast = &fast;
	if (setup.attach) {
		setup.processes = (kind >> 2 & 3) + 1;
		setup.threads = kind >> 4 & 3;
	} else {
		config.ending.timeout = kind & 4 ? UINT64_C(200) * 1000 * 1000 : 0;
		config.ending.has_grace = kind & 8;
		config.ending.grace = kind & 16 ? UINT64_C(100) * 1000 * 1000 : 0;
		config.ending.kill_left = kind & 32;
		config.ending.tell_left = kind & 64 ? tell_left : NULL;
	}
	memset(told, 0, sizeof(told));
	if (!record)
		record = malloc(RECORD_MAX);
	memset(memory, 0, ring_size(0));
	ring = ring_at(memory, 0);
	world_drain = drain;
	world_begin(&in, &setup);
	if (setup.attach)
		run_attached(&config, &setup);
	else
		run(&config);
	ring_free(ring);
	return 0;
}
