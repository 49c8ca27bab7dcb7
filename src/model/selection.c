/* SPDX-License-Identifier: MIT */
#include "model/selection.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/table.h"
#include "model/path.h"
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>

struct globs {
	char **globs; /* owned, and so is each */
	size_t count;
};

/* What was found out of a name, which comes again 35 to 90 times. */
struct verdict {
	const struct interned *name;
	bool wanted, ignored;
};

struct selection {
	struct globs only, ignore, under, process;
	bool ops[OP_COUNT], by_op, failed, denied;
	struct table verdicts; /* by the address of the name */
};

static const struct {
	const char *word, *globs;
} sets[] = {
#define SET(word, globs) { word, globs },
#include "model/sets.def"
#undef SET
};

const char *
selection_set(size_t i, const char **ret_globs)
{
	if (i >= ARRAY_SIZE(sets))
		return NULL;
	*ret_globs = sets[i].globs;
	return sets[i].word;
}

struct selection *
selection_new(void)
{
	return mem_zero(1, sizeof(struct selection));
}

static void
globs_done(struct globs *g)
{
	for (size_t i = 0; i < g->count; i++)
		free(g->globs[i]);
	free(g->globs);
}

void
selection_free(struct selection *s)
{
	if (!s)
		return;
	for (size_t i = 0; s->verdicts.slots && i <= s->verdicts.mask; i++)
		free(s->verdicts.slots[i]);
	table_done(&s->verdicts);
	globs_done(&s->only);
	globs_done(&s->ignore);
	globs_done(&s->under);
	globs_done(&s->process);
	free(s);
}

static void
add(struct globs *g, const char *glob, size_t len)
{
	g->globs = mem_resize(g->globs, g->count + 1, sizeof(*g->globs));
	g->globs[g->count++] = mem_copy(glob, len);
}

/* A glob, or all of a set. */
static int
add_globs(struct globs *g, const char *glob)
{
	if (*glob != '@') {
		add(g, glob, strlen(glob));
		return SELECTION_OK;
	}
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const char *at = sets[i].globs;

		if (strcmp(sets[i].word, glob + 1) != 0)
			continue;
		for (size_t n; *at; at += n + (at[n] == ' ')) {
			n = strcspn(at, " ");
			add(g, at, n);
		}
		return SELECTION_OK;
	}
	return SELECTION_NO_SET;
}

int
selection_only(struct selection *s, const char *glob)
{
	return add_globs(&s->only, glob);
}

int
selection_ignore(struct selection *s, const char *glob)
{
	return add_globs(&s->ignore, glob);
}

void
selection_under(struct selection *s, const char *dir)
{
	add(&s->under, dir, strlen(dir));
}

int
selection_process(struct selection *s, const char *glob)
{
	return add_globs(&s->process, glob);
}

int
selection_ops(struct selection *s, const char *words, char ret_bad[32])
{
	for (;;) {
		size_t len = strcspn(words, ",");
		enum op op = 0;

		while (op < OP_COUNT && (strlen(op_word(op)) != len ||
					 memcmp(op_word(op), words, len) != 0))
			op++;
		if (op == OP_COUNT) {
			snprintf(ret_bad, 32, "%.*s", (int)MIN(len, 31), words);
			return SELECTION_NO_OP;
		}
		s->ops[op] = s->by_op = true;
		if (!words[len])
			return SELECTION_OK;
		words += len + 1;
	}
}

void
selection_failed(struct selection *s)
{
	s->failed = true;
}

void
selection_denied(struct selection *s)
{
	s->denied = true;
}

bool
selection_is_empty(const struct selection *s)
{
	return !s->only.count && !s->ignore.count && !s->under.count &&
	       !s->process.count && !s->by_op && !s->failed && !s->denied;
}

/* Puts what starts nowhere behind the working directory. */
static void
place(struct globs *g, const char *cwd, size_t len, bool names)
{
	for (size_t i = 0; i < g->count; i++) {
		_cleanup_buf_ struct buf path = { 0 };
		const char *glob = g->globs[i];

		/* "*" at the start stands for slashes as well */
		if (*glob == '/' || *glob == '*' || (names && !strchr(glob, '/')))
			continue;
		if (names) {
			buf_add(&path, cwd, len);
			buf_printf(&path, "/%s", glob);
		} else if (!path_resolve(&path, cwd, NULL, glob, strlen(glob))) {
			continue;
		}
		free(g->globs[i]);
		g->globs[i] = TAKE(path).data;
	}
}

void
selection_start(struct selection *s, const char *cwd, size_t len)
{
	place(&s->only, cwd, len, true);
	place(&s->ignore, cwd, len, true);
	place(&s->process, cwd, len, true);
	place(&s->under, cwd, len, false);
}

static bool
matches(const struct globs *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++) {
		const char *glob = g->globs[i];

		if (fnmatch(glob, strchr(glob, '/') ? name : path_base(name), 0) == 0)
			return true;
	}
	return false;
}

static bool
is_under(const struct globs *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++)
		if (path_is_below(name, g->globs[i]))
			return true;
	return !g->count;
}

static const struct verdict *
verdict_of(struct selection *s, const struct interned *name)
{
	uint32_t hash = table_mix((uintptr_t)name);
	struct verdict *v;
	size_t at = hash;

	while ((v = table_next(&s->verdicts, hash, &at)))
		if (v->name == name)
			return v;
	v = mem_zero(1, sizeof(*v));
	v->name = name;
	v->wanted = (!s->only.count || matches(&s->only, name->bytes)) &&
		    is_under(&s->under, name->bytes);
	v->ignored = matches(&s->ignore, name->bytes);
	table_add(&s->verdicts, hash, v);
	return v;
}

bool
selection_takes_name(struct selection *s, const struct interned *name)
{
	const struct verdict *v = verdict_of(s, name);

	return v->wanted && !v->ignored;
}

static bool
takes_process(const struct selection *s, const struct process *p)
{
	if (!s->process.count)
		return true;
	return (p->name && matches(&s->process, p->name->bytes)) ||
	       (p->exe && matches(&s->process, p->exe->bytes));
}

bool
selection_takes(struct selection *s, const struct access *a)
{
	bool is_denied = a->error == EACCES || a->error == EPERM;

	if (s->by_op && !s->ops[a->op])
		return false;
	if ((s->failed || s->denied) && !(s->failed && a->error) &&
	    !(s->denied && is_denied))
		return false;
	if (!takes_process(s, a->process))
		return false;
	if (selection_takes_name(s, a->path))
		return true;
	return a->to && !a->row->target && selection_takes_name(s, a->to);
}

bool
selection_takes_inherited(const struct selection *s, const struct process_event *e)
{
	_cleanup_buf_ struct buf name = { 0 };

	if (s->by_op || s->failed || s->denied || !takes_process(s, e->process))
		return false;
	buf_add(&name, e->file.bytes ? e->file.bytes : "", e->file.len);
	return (!s->only.count || matches(&s->only, buf_str(&name))) &&
	       is_under(&s->under, buf_str(&name)) &&
	       !matches(&s->ignore, buf_str(&name));
}
