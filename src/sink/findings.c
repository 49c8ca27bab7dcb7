/* SPDX-License-Identifier: MIT */
#include "sink/findings.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/fold.h"
#include "sink/rows.h"
#include "sink/schema.h"

#include <stdio.h>
#include <time.h>

static void
bind_started(struct rows *r, struct buf *words, uint64_t wall_ns)
{
	time_t seconds = (time_t)(wall_ns / 1000000000);
	struct tm tm = { 0 };
	char text[64];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(words, "%s.%09uZ", text, (unsigned)(wall_ns % 1000000000));
	rows_text(r, buf_str(words));
}

static void
bind_classes(struct rows *r, struct buf *words, unsigned classes)
{
	for (unsigned i = 0; i < CLASS_COUNT; i++)
		if (classes & 1u << i)
			buf_printf(words, "%s%s", words->len ? "," : "",
				   syscall_class_word(i));
	rows_text(r, buf_str(words));
}

/* What we attached to instead of running a command. */
static void
bind_pids(struct rows *r, struct buf *words, const struct run *run)
{
	for (size_t i = 0; i < run->pid_count; i++)
		buf_printf(words, "%c%d", i ? ',' : '[', (int)run->pids[i]);
	if (words->len)
		buf_addc(words, ']');
	rows_text(r, words->len ? buf_str(words) : NULL);
}

int
findings_start(struct rows *r, const struct run *run)
{
	_cleanup_buf_ struct buf started = { 0 }, argv = { 0 };
	_cleanup_buf_ struct buf pids = { 0 }, classes = { 0 };

	for (char *const *arg = run->argv; *arg; arg++)
		buf_add(&argv, *arg, strlen(*arg) + 1);
	rows_start(r, ROW_RUN);
	rows_int(r, SCHEMA_VERSION);
	rows_text(r, run->version);
	bind_started(r, &started, run->wall_ns);
	rows_int(r, run->pid);
	rows_argv(r, (struct span){ argv.data, argv.len });
	bind_pids(r, &pids, run);
	rows_span(r, run->cwd);
	rows_text(r, run->engine);
	bind_classes(r, &classes, run->classes);
	rows_int(r, run->all);
	return rows_add(r);
}

static int
add_role(struct rows *r, const struct fold_file *f)
{
	static const enum fold_flag columns[] = {
		FOLD_READ,    FOLD_WRITTEN, FOLD_CREATED, FOLD_DELETED,
		FOLD_RENAMED, FOLD_LISTED,  FOLD_PROBED,  FOLD_EXECUTED,
		FOLD_META,    FOLD_MISSING, FOLD_DENIED,  FOLD_CONNECTED,
	};
	const uint8_t known[] = { f->existed, f->present };

	rows_start(r, ROW_ROLE);
	rows_int(r, (int64_t)f->number);
	rows_text(r, role_word(fold_role(f)));
	rows_int(r, fold_was_input(f));
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i] == KNOWN_NOT)
			rows_null(r);
		else
			rows_int(r, known[i] == KNOWN_YES);
	}
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		rows_int(r, (f->flags & columns[i]) != 0);
	rows_number(r, f->moved_to ? (int64_t)f->moved_to->number : 0);
	rows_int(r, (int64_t)f->count);
	rows_int(r, (int64_t)f->failed);
	rows_seconds(r, f->first);
	rows_seconds(r, f->last);
	return rows_add(r);
}

int
findings_roles(struct rows *r, const struct fold *fold)
{
	const struct fold_file *f;
	int e = 0;

	for (f = fold_first_file(fold); f && !e; f = fold_next_file(f))
		e = add_role(r, f);
	return e;
}

static int
add_gap(struct rows *r, const struct gap_count *g, const char *word, const char *what,
	bool note)
{
	if (!g->count)
		return 0;
	rows_start(r, ROW_GAP);
	rows_text(r, word);
	rows_text(r, what);
	rows_int(r, (int64_t)g->count);
	rows_name(r, g->example[0] ? g->example : NULL,
		  strnlen(g->example, sizeof(g->example)));
	rows_int(r, note);
	return rows_add(r);
}

int
findings_outcome(struct rows *r, const struct outcome *o)
{
	int e = 0;

	for (size_t i = 0; i < GAP_COUNT && !e; i++)
		e = add_gap(r, &o->gaps[i], gap_word(i), gap_what(i), false);
	for (size_t i = 0; i < NOTE_COUNT && !e; i++)
		e = add_gap(r, &o->notes[i], note_word(i), note_what(i), true);
	if (e)
		return e;
	rows_start(r, ROW_END);
	rows_int(r, outcome_complete(o));
	rows_status(r, o->status_known, o->status);
	rows_seconds(r, o->time);
	rows_int(r, (int64_t)o->processes);
	rows_int(r, (int64_t)o->threads);
	rows_int(r, (int64_t)o->execs);
	rows_int(r, (int64_t)o->stops);
	rows_int(r, (int64_t)o->calls[ENGINE_STRICT]);
	rows_int(r, (int64_t)o->calls[ENGINE_FAST]);
	rows_int(r, (int64_t)o->accesses);
	return rows_add(r);
}
