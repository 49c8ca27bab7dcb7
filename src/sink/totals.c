/* SPDX-License-Identifier: MIT */
#include "sink/totals.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "model/path.h"
#include <errno.h>

static bool
is_reading(enum op op)
{
	return op == OP_READ || op == OP_RDWR || op == OP_EXEC;
}

static bool
is_writing(enum op op)
{
	return op == OP_CREATE || (op_class(op) & CLASS_WRITE);
}

static void
count_place(struct totals_places *p, const struct fold_file *dir, uint64_t calls)
{
	uint32_t hash = table_mix((uintptr_t)dir);
	struct totals_place *place;
	size_t at = hash;

	while ((place = table_next(&p->table, hash, &at)))
		if (place->dir == dir)
			break;
	if (!place) {
		place = mem_zero(1, sizeof(*place));
		place->dir = dir;
		table_add(&p->table, hash, place);
	}
	place->files++;
	place->calls += calls;
}

static bool
is_before(const struct totals_place *a, const struct totals_place *b)
{
	if (a->files != b->files)
		return a->files > b->files;
	return a->calls > b->calls;
}

/* Finds those with most files, and frees all but them. */
static void
rank_places(struct totals_places *p)
{
	for (size_t i = 0; p->table.slots && i <= p->table.mask; i++) {
		struct totals_place *place = p->table.slots[i];

		for (size_t k = 0; place && k < TOTALS_TOP; k++) {
			struct totals_place *other = p->top[k];

			if (other && !is_before(place, other))
				continue;
			p->top[k] = place;
			place = other;
		}
		free(place);
	}
	table_done(&p->table);
}

static void
remember(const struct fold_file **list, const struct fold_file *file)
{
	for (size_t i = 0; i < TOTALS_TOP; i++)
		if (!list[i] || list[i] == file) {
			list[i] = file;
			return;
		}
}

static void
count_outside(struct totals *t, const struct fold_file *file, enum role role,
	      const char *cwd)
{
	if (!*cwd || path_is_below(file->path->bytes, cwd))
		return;
	if (role == ROLE_TEMPORARY) {
		t->outside_temporary++;
	} else if (role == ROLE_OUTPUT || role == ROLE_MODIFIED || role == ROLE_REMOVED ||
		   role == ROLE_MOVED) {
		t->outside_written++;
		remember(t->outside, file);
	} else if (role == ROLE_INPUT && !(file->flags & FOLD_DIRECTORY)) {
		t->outside_read++;
	}
}

/* Not an answer: readlink fails so where there is no link, as realpath(3) asks of every part. */
static bool
is_failure(const struct fold_use *u)
{
	return u->error > 0 && !(u->error == EINVAL && u->op == OP_READLINK);
}

static void
count_uses(struct totals *t, const struct fold_file *file, uint64_t *reads,
	   uint64_t *writes)
{
	const struct fold_use *u = fold_first_use_of(file);
	uint64_t denied = 0;

	for (; u; u = fold_next_use_of(u)) {
		if (is_failure(u)) {
			t->failed += u->count;
			t->errors[u->error & (TOTALS_ERRORS - 1)] += u->count;
		}
		if (u->error == EACCES || u->error == EPERM)
			denied += u->count;
		if (u->error)
			continue;
		*reads += is_reading(u->op) ? u->count : 0;
		*writes += is_writing(u->op) ? u->count : 0;
	}
	t->denied_calls += denied;
	t->denied_files += denied > 0;
	if (denied)
		remember(t->denied, file);
}

void
totals_count(struct totals *t, const struct fold *f, const struct run *run)
{
	const struct fold_file *file = fold_first_file(f);
	const char *cwd = run->cwd.len ? run->cwd.bytes : "";

	for (; file; file = fold_next_file(file)) {
		enum role role = fold_role(file);
		uint64_t reads = 0, writes = 0;

		count_uses(t, file, &reads, &writes);
		if (role == ROLE_SPECIAL)
			continue;
		count_outside(t, file, role, cwd);
		if (file->flags & FOLD_DIRECTORY) {
			t->directories++;
			continue;
		}
		t->roles[role]++;
		if (reads && file->parent)
			count_place(&t->read, file->parent, reads);
		if (writes && file->parent)
			count_place(&t->written, file->parent, writes);
	}
	rank_places(&t->read);
	rank_places(&t->written);
}

void
totals_done(struct totals *t)
{
	for (size_t i = 0; i < TOTALS_TOP; i++) {
		free(t->read.top[i]);
		free(t->written.top[i]);
	}
}
