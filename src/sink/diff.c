/* SPDX-License-Identifier: MIT */
#include "sink/diff.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/mem.h"
#include "base/table.h"
#include "model/path.h"
#include "sink/flags.h"
#include "sink/view.h"

/* A file or a process of one run, as it is compared. */
struct entry {
	const char *key;   /* what it is called */
	const char *deeds; /* what was done to it, sorted words; of processes "" */
	enum role role;
};

struct side {
	const struct view_in *in;
	struct arena arena;
	struct table pids;
	struct entry *entries;
	size_t count, cap;
};

/* What was found, entry for entry; either may be NULL. */
struct pair {
	const struct entry *a, *b;
};

struct pairs {
	struct pair *pairs;
	size_t count, cap;
	size_t gone, fresh, changed;
};

static char *
keep(struct side *s, const struct buf *text)
{
	char *copy = arena_take(&s->arena, text->len + 1);

	return memcpy(copy, buf_str(text), text->len);
}

static struct entry *
add_entry(struct side *s)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 256;
		s->entries = mem_resize(s->entries, s->cap, sizeof(*s->entries));
	}
	s->entries[s->count] = (struct entry){ .deeds = "" };
	return &s->entries[s->count++];
}

static bool
is_passing(enum role role)
{
	return role == ROLE_TEMPORARY || role == ROLE_PASSING;
}

/* Adds a name as both runs would have it. */
static void
add_name(const struct side *s, struct buf *out, const char *name, size_t len)
{
	const struct span cwd = s->in->run->cwd;
	const struct fold_file *file = fold_find_file(s->in->fold, name, len, 0);

	if (file && is_passing(fold_role(file))) {
		buf_adds(out, "<temporary>");
	} else if (cwd.len > 1 && len >= cwd.len && !memcmp(name, cwd.bytes, cwd.len) &&
		   (len == cwd.len || name[cwd.len] == '/')) {
		buf_addc(out, '.');
		buf_add(out, name + cwd.len, len - cwd.len);
	} else {
		buf_add(out, name, len);
	}
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The different operations and outcomes, sorted: "read", "stat ENOENT". */
static const char *
deeds_of(struct side *s, const struct fold_file *file)
{
	_cleanup_buf_ struct buf text = { 0 };
	const struct fold_use *u = fold_first_use_of(file);
	_cleanup_free_ const char **words = NULL;
	size_t count = 0;

	for (; u; u = fold_next_use_of(u)) {
		buf_reset(&text);
		buf_adds(&text, op_word(u->op));
		if (u->error > 0) {
			buf_addc(&text, ' ');
			flags_error(&text, u->error);
		} else if (u->error) {
			buf_adds(&text, " killed");
		}
		words = mem_resize(words, count + 1, sizeof(*words));
		words[count++] = keep(s, &text);
	}
	if (count)
		qsort(words, count, sizeof(*words), by_text);
	buf_reset(&text);
	for (size_t i = 0; i < count; i++)
		if (!i || strcmp(words[i], words[i - 1]) != 0)
			buf_printf(&text, "%s%s", text.len ? ", " : "", words[i]);
	return keep(s, &text);
}

/* Whether it, or a directory above it, is there for a while only. */
static bool
is_fleeting(const struct fold_file *file)
{
	for (; file; file = file->parent)
		if (is_passing(fold_role(file)))
			return true;
	return false;
}

static void
add_files(struct side *s)
{
	const struct fold_file *file = fold_first_file(s->in->fold);

	for (; file; file = fold_next_file(file)) {
		_cleanup_buf_ struct buf name = { 0 };
		enum role role = fold_role(file);
		struct entry *e;

		if (role == ROLE_SPECIAL || is_fleeting(file))
			continue;
		add_name(s, &name, file->path->bytes, file->path->len);
		e = add_entry(s);
		e->key = keep(s, &name);
		e->deeds = deeds_of(s, file);
		e->role = role;
	}
}

/* Whether an argument is the relative name of something that was there for a while. */
static bool
is_fleeting_argument(const struct side *s, const struct fold_process *p, const char *arg,
		     size_t len)
{
	_cleanup_buf_ struct buf path = { 0 };
	const struct fold_file *file;

	if (!len || *arg == '/' || *arg == '-' || !p->cwd ||
	    !path_resolve(&path, p->cwd->bytes, NULL, arg, len))
		return false;
	file = fold_find_file(s->in->fold, path.data, path.len, 0);
	return file && is_passing(fold_role(file));
}

static void
add_argument(const struct side *s, struct buf *out, const char *arg, size_t len)
{
	/* "-o/tmp/x", "--plugin=/tmp/x": what begins with a slash may be a name */
	const char *name = memchr(arg, '/', len);
	size_t before = name ? (size_t)(name - arg) : len;

	buf_add(out, arg, before);
	if (name)
		add_name(s, out, name, len - before);
}

static void
add_exec(struct side *s, const struct fold_process *p, const struct fold_exec *x)
{
	_cleanup_buf_ struct buf text = { 0 };
	const char *at = x->argv.bytes, *end = at + x->argv.len;

	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		if (text.len)
			buf_addc(&text, ' ');
		if (is_fleeting_argument(s, p, at, len))
			buf_adds(&text, "<temporary>");
		else
			add_argument(s, &text, at, len);
		at += len + 1;
	}
	add_entry(s)->key = keep(s, &text);
}

static void
add_processes(struct side *s)
{
	const struct fold_process *p = fold_first_process(s->in->fold);

	for (; p; p = fold_next_process(p))
		for (const struct fold_exec *x = p->execs; x; x = x->next)
			add_exec(s, p, x);
}

static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int order = strcmp(x->key, y->key);

	return order ? order : strcmp(x->deeds, y->deeds);
}

static void
add_pair(struct pairs *p, const struct entry *a, const struct entry *b)
{
	if (a && b && !strcmp(a->deeds, b->deeds) && a->role == b->role)
		return;
	if (p->count == p->cap) {
		p->cap = p->cap ? p->cap * 2 : 64;
		p->pairs = mem_resize(p->pairs, p->cap, sizeof(*p->pairs));
	}
	p->pairs[p->count++] = (struct pair){ a, b };
}

/* Pairs what is called the same; both are sorted. */
static void
match(const struct side *a, const struct side *b, struct pairs *p)
{
	size_t i = 0, k = 0;

	while (i < a->count || k < b->count) {
		int order = i == a->count ? 1
			    : k == b->count
				    ? -1
				    : strcmp(a->entries[i].key, b->entries[k].key);

		add_pair(p, order <= 0 ? &a->entries[i] : NULL,
			 order >= 0 ? &b->entries[k] : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

static bool
is_pid(const struct side *s, uint32_t number)
{
	uint32_t hash = table_mix(number);
	const struct fold_process *p;
	size_t at = hash;

	while ((p = table_next(&s->pids, hash, &at)))
		if ((uint32_t)p->pid == number)
			return true;
	return false;
}

/* The key with "<pid>" for every number in it that was a process of the run. */
static const char *
without_pids(struct side *s, const char *key)
{
	_cleanup_buf_ struct buf text = { 0 };

	while (*key) {
		size_t digits = strspn(key, "0123456789"), other;

		if (digits > 0 && digits < 9 && is_pid(s, (uint32_t)atol(key)))
			buf_adds(&text, "<pid>");
		else
			buf_add(&text, key, digits);
		key += digits;
		other = strcspn(key, "0123456789");
		buf_add(&text, key, other);
		key += other;
	}
	return keep(s, &text);
}

static void
learn_pids(struct side *s)
{
	const struct fold_process *p = fold_first_process(s->in->fold);

	for (; p; p = fold_next_process(p))
		table_add(&s->pids, table_mix((uint32_t)p->pid), (void *)p);
}

/* Makes a side of those that have no partner in @p, without pids. */
static void
leftovers(struct side *s, const struct pairs *p, bool of_a)
{
	struct entry *old = s->entries;

	s->entries = NULL;
	s->count = s->cap = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct entry *e = of_a ? p->pairs[i].a : p->pairs[i].b;
		struct entry *to;

		if (!e || (p->pairs[i].a && p->pairs[i].b))
			continue;
		to = add_entry(s);
		*to = *e;
		to->key = without_pids(s, e->key);
	}
	if (s->count)
		qsort(s->entries, s->count, sizeof(*s->entries), by_key);
	free(old);
}

static int
by_pair(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp((x->a ? x->a : x->b)->key, (y->a ? y->a : y->b)->key);
}

/* Compares what is in both sides, and empties them of what was equal. */
static void
compare(struct side *a, struct side *b, struct pairs *ret)
{
	struct pairs first = { 0 };

	if (a->count)
		qsort(a->entries, a->count, sizeof(*a->entries), by_key);
	if (b->count)
		qsort(b->entries, b->count, sizeof(*b->entries), by_key);
	match(a, b, &first);
	for (size_t i = 0; i < first.count; i++)
		if (first.pairs[i].a && first.pairs[i].b) {
			struct entry *x = arena_take(&a->arena, sizeof(*x));
			struct entry *y = arena_take(&a->arena, sizeof(*y));

			*x = *first.pairs[i].a;
			*y = *first.pairs[i].b;
			add_pair(ret, x, y);
		}
	/* each frees its own old entries, so both read the pairs before */
	leftovers(a, &first, true);
	leftovers(b, &first, false);
	free(first.pairs);
	match(a, b, ret);
	if (ret->count)
		qsort(ret->pairs, ret->count, sizeof(*ret->pairs), by_pair);
	for (size_t i = 0; i < ret->count; i++) {
		ret->gone += !ret->pairs[i].b;
		ret->fresh += !ret->pairs[i].a;
		ret->changed += ret->pairs[i].a && ret->pairs[i].b;
	}
}

static void
add_line(const struct view_in *in, struct buf *out, char sign, enum style style,
	 const struct entry *e)
{
	view_style(in, out, style);
	buf_addc(out, sign);
	buf_addc(out, ' ');
	view_name(in, out, e->key, strlen(e->key), (unsigned)-1);
	view_style(in, out, STYLE_PLAIN);
	if (*e->deeds)
		buf_printf(out, "  (%s: %s)", role_word(e->role), e->deeds);
	buf_addc(out, '\n');
}

static void
add_change(const struct view_in *in, struct buf *out, const struct pair *p)
{
	view_style(in, out, STYLE_ODD);
	buf_adds(out, "~ ");
	view_name(in, out, p->a->key, strlen(p->a->key), (unsigned)-1);
	view_style(in, out, STYLE_PLAIN);
	buf_printf(out, "  (%s: %s) -> (%s: %s)\n", role_word(p->a->role), p->a->deeds,
		   role_word(p->b->role), p->b->deeds);
}

static void
add_pairs(const struct view_in *in, struct buf *out, const char *what,
	  const struct pairs *p)
{
	view_style(in, out, STYLE_HEAD);
	buf_printf(out, "%s: ", what);
	view_count(out, p->fresh);
	buf_adds(out, " new, ");
	view_count(out, p->gone);
	buf_adds(out, " gone, ");
	view_count(out, p->changed);
	buf_adds(out, " changed");
	view_style(in, out, STYLE_PLAIN);
	buf_addc(out, '\n');
	for (size_t i = 0; i < p->count; i++) {
		if (p->pairs[i].a && p->pairs[i].b)
			add_change(in, out, &p->pairs[i]);
		else if (p->pairs[i].a)
			add_line(in, out, '-', STYLE_BAD, p->pairs[i].a);
		else
			add_line(in, out, '+', STYLE_GOOD, p->pairs[i].b);
	}
}

static void
side_done(struct side *s)
{
	free(s->entries);
	table_done(&s->pids);
	arena_done(&s->arena);
}

/* One kind of thing compared; whether there was a difference. */
static bool
compare_kind(const struct view_in *a, const struct view_in *b, struct buf *out,
	     const char *what, void (*collect)(struct side *s))
{
	struct side x = { .in = a }, y = { .in = b };
	struct pairs pairs = { 0 };
	bool different;

	learn_pids(&x);
	learn_pids(&y);
	collect(&x);
	collect(&y);
	compare(&x, &y, &pairs);
	different = pairs.count;
	if (different)
		add_pairs(a, out, what, &pairs);
	free(pairs.pairs);
	side_done(&x);
	side_done(&y);
	return different;
}

static bool
compare_ends(const struct view_in *a, const struct view_in *b, struct buf *out)
{
	_cleanup_buf_ struct buf x = { 0 }, y = { 0 };

	view_status(&x, a->outcome->status_known, a->outcome->status);
	view_status(&y, b->outcome->status_known, b->outcome->status);
	if (!strcmp(x.data, y.data))
		return false;
	buf_printf(out, "ended: %s -> %s\n", x.data, y.data);
	return true;
}

int
diff_print(const struct view_in *a, const struct view_in *b, struct buf *out)
{
	bool different = compare_ends(a, b, out);

	different |= compare_kind(a, b, out, "files", add_files);
	different |= compare_kind(a, b, out, "commands", add_processes);
	return different ? DIFF_DIFFERENT : DIFF_SAME;
}
