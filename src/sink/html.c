/* SPDX-License-Identifier: MIT */
#include "sink/html.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/json.h"
#include "base/mem.h"
#include "model/fold.h"
#include "sink/flags.h"
#include "sink/whole.h"

#include <stdio.h>

#define ERRORS 4096 /* MAX_ERRNO of the kernel, and one more */

/* The page, made at build time of what is in html/; the data comes between. */
extern const unsigned char html_before[], html_behind[];
extern const size_t html_before_len, html_behind_len;

struct html {
	struct sink sink;
	int fd;
	const struct fold *fold;
	struct run run; /* what it points to outlives us */
};

/* Where in the order of births a process is. */
struct place {
	uint64_t serial;
	size_t number;
};

struct writing {
	struct buf *out, *uses; /* the first block's body, and the second */
	size_t *named;		/* by number of process: how many files it named */
	size_t *newest;		/* likewise: the newest of them, counted from 1 */
	struct place *places;	/* sorted by serial */
	size_t processes;
	uint64_t *mounts; /* those that were met, numbered from 1 */
	size_t mount_count;
	bool errors[ERRORS]; /* which ones occur */
};

static void
add_number(struct buf *out, uint64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_addc(out, (char)(n | 0x80));
	buf_addc(out, (char)n);
}

static void
add_string(struct buf *out, const char *bytes, size_t len)
{
	add_number(out, len);
	buf_add(out, bytes, len);
}

static void
add_interned(struct buf *out, const struct interned *s)
{
	add_string(out, s ? s->bytes : "", s ? s->len : 0);
}

/* Nanoseconds from @from to @to in microseconds; clocks of processes differ a little. */
static void
add_time(struct buf *out, uint64_t from, uint64_t to)
{
	add_number(out, to > from ? (to - from) / 1000 : 0);
}

static int
compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->serial < y->serial ? -1 : x->serial > y->serial;
}

static void
place_processes(struct writing *w, const struct fold *f)
{
	size_t n = 0;

	w->processes = fold_processes(f);
	w->places = mem_zero(w->processes + 1, sizeof(*w->places));
	w->named = mem_zero(w->processes + 1, sizeof(*w->named));
	w->newest = mem_zero(w->processes + 1, sizeof(*w->newest));
	for (const struct fold_process *p = fold_first_process(f); p;
	     p = fold_next_process(p), n++)
		w->places[n] = (struct place){ p->serial, n };
	qsort(w->places, n, sizeof(*w->places), compare_places);
}

static size_t
place_of(const struct writing *w, const struct fold_process *p)
{
	const struct place key = { .serial = p->serial };
	const struct place *found = bsearch(&key, w->places, w->processes,
					    sizeof(*w->places), compare_places);

	return found ? found->number : 0;
}

/* Mount namespaces have long numbers, which tell nobody anything. */
static size_t
mount_number(struct writing *w, uint64_t mnt_ns)
{
	if (!mnt_ns)
		return 0;
	for (size_t i = 0; i < w->mount_count; i++)
		if (w->mounts[i] == mnt_ns)
			return i + 1;
	w->mounts = mem_resize(w->mounts, w->mount_count + 1, sizeof(*w->mounts));
	w->mounts[w->mount_count++] = mnt_ns;
	return w->mount_count;
}

static uint64_t
error_number(struct writing *w, int error)
{
	if (error == FOLD_UNFINISHED)
		return 1;
	if (error <= 0)
		return 0;
	if (error < ERRORS)
		w->errors[error] = true;
	return (uint64_t)error + 1;
}

static void
add_use(struct writing *w, const struct fold_use *u, size_t process, size_t before)
{
	int64_t step = (int64_t)process - (int64_t)before;

	add_number(w->uses, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
	add_number(w->uses, u->op);
	add_number(w->uses, error_number(w, u->error));
	add_number(w->uses, u->count);
	add_time(w->uses, u->file->first, u->first);
	add_number(w->uses, u->to != NULL);
	if (u->to)
		add_interned(w->uses, u->to);
}

/* Adds the uses of file @number (from 1); returns how many processes they are by. */
static size_t
add_uses(struct writing *w, const struct fold_file *file, size_t number)
{
	size_t count = 0, before = 0, users = 0;

	for (const struct fold_use *u = fold_first_use_of(file); u;
	     u = fold_next_use_of(u))
		count++;
	add_number(w->uses, count);
	for (const struct fold_use *u = fold_first_use_of(file); u;
	     u = fold_next_use_of(u)) {
		size_t process = place_of(w, u->process);

		add_use(w, u, process, before);
		before = process;
		if (w->newest[process] == number)
			continue;
		w->newest[process] = number;
		w->named[process]++;
		users++;
	}
	return users;
}

static size_t
shared(const struct interned *a, const struct interned *b)
{
	size_t n = 0, max = MIN(a->len, b->len);

	while (n < max && a->bytes[n] == b->bytes[n])
		n++;
	return n;
}

static void
add_file(struct writing *w, const struct fold_file *file, const struct fold_file *before,
	 size_t number)
{
	size_t same = before ? shared(before->path, file->path) : 0;

	add_number(w->out, same);
	add_string(w->out, file->path->bytes + same, file->path->len - same);
	add_number(w->out, mount_number(w, file->mnt_ns));
	add_number(w->out, fold_role(file));
	add_number(w->out, file->flags);
	add_number(w->out, file->count);
	add_number(w->out, file->failed);
	add_time(w->out, 0, file->first);
	add_time(w->out, file->first, file->last);
	add_number(w->out, add_uses(w, file, number));
}

static void
add_files(struct writing *w, const struct fold *f)
{
	size_t count;
	const struct fold_file **files = fold_sort_files(f, &count);

	add_number(w->out, count);
	for (size_t i = 0; i < count; i++)
		add_file(w, files[i], i ? files[i - 1] : NULL, i + 1);
	free(files);
}

static void
add_execs(struct writing *w, const struct fold_process *p)
{
	size_t count = 0;

	for (const struct fold_exec *e = p->execs; e; e = e->next)
		count++;
	add_number(w->out, count);
	for (const struct fold_exec *e = p->execs; e; e = e->next) {
		add_time(w->out, p->start, e->time);
		add_interned(w->out, e->exe);
		add_number(w->out, e->argv_cut);
		add_string(w->out, e->argv.bytes, e->argv.len);
	}
}

static void
add_process(struct writing *w, const struct fold_process *p)
{
	add_number(w->out, (uint64_t)p->pid);
	add_number(w->out, p->parent ? place_of(w, p->parent) + 1 : 0);
	add_time(w->out, 0, p->start);
	add_time(w->out, p->start, p->end);
	add_number(w->out, !p->ended	     ? 1
			   : p->status_known ? (uint64_t)(unsigned)p->status + 2
					     : 0);
	add_number(w->out, p->count);
	add_number(w->out, p->failed);
	add_number(w->out, w->named[place_of(w, p)]);
	add_interned(w->out, p->name);
	add_interned(w->out, p->exe);
	add_interned(w->out, p->cwd);
	add_execs(w, p);
}

static void
add_words(struct json *j, const char *key, size_t count, const char *(*word)(unsigned),
	  const char *(*what)(unsigned))
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++) {
		json_array(j, NULL);
		json_string(j, NULL, word((unsigned)i));
		json_string(j, NULL, what((unsigned)i));
		json_array_end(j);
	}
	json_array_end(j);
}

static const char *
role_word_of(unsigned i)
{
	return role_word((enum role)i);
}

static const char *
role_what_of(unsigned i)
{
	return role_what((enum role)i);
}

static const char *
op_word_of(unsigned i)
{
	return op_word((enum op)i);
}

static const char *
op_what_of(unsigned i)
{
	return op_what((enum op)i);
}

/* The names of the errors that occur, by number. */
static void
add_errors(struct json *j, const struct writing *w)
{
	_cleanup_buf_ struct buf word = { 0 };
	char number[16];

	json_object(j, "errors");
	for (int i = 0; i < ERRORS; i++) {
		if (!w->errors[i])
			continue;
		buf_reset(&word);
		flags_error(&word, i);
		snprintf(number, sizeof(number), "%d", i);
		json_string(j, number, buf_str(&word));
	}
	json_object_end(j);
}

static void
add_counts(struct json *j, const char *key, const struct gap_count *counts, size_t count,
	   const char *(*what)(unsigned))
{
	json_array(j, key);
	for (size_t i = 0; i < count; i++) {
		if (!counts[i].count)
			continue;
		json_object(j, NULL);
		json_string(j, "what", what((unsigned)i));
		json_int(j, "count", (int64_t)counts[i].count);
		json_name(j, "example", counts[i].example,
			  strnlen(counts[i].example, sizeof(counts[i].example)));
		json_object_end(j);
	}
	json_array_end(j);
}

static const char *
gap_what_of(unsigned i)
{
	return gap_what((enum gap)i);
}

static const char *
note_what_of(unsigned i)
{
	return note_what((enum note)i);
}

static void
add_outcome(struct json *j, const struct outcome *o)
{
	json_int(j, "took", (int64_t)(o->time / 1000));
	json_bool(j, "complete", outcome_complete(o));
	json_int(j, "status", o->status_known ? o->status + 2 : 0);
	json_int(j, "threads", (int64_t)o->threads);
	json_int(j, "execs", (int64_t)o->execs);
	json_int(j, "strict", (int64_t)o->calls[ENGINE_STRICT]);
	json_int(j, "fast", (int64_t)o->calls[ENGINE_FAST]);
	add_counts(j, "gaps", o->gaps, GAP_COUNT, gap_what_of);
	add_counts(j, "notes", o->notes, NOTE_COUNT, note_what_of);
}

static void
add_text(struct buf *out, const struct writing *w, const struct run *run,
	 const struct outcome *o)
{
	struct json json, *j = &json;

	json_init(j, out);
	json_object(j, NULL);
	json_string(j, "version", run->version);
	json_array(j, "command");
	for (char *const *arg = run->argv; arg && *arg; arg++)
		json_name(j, NULL, *arg, strlen(*arg));
	json_array_end(j);
	json_array(j, "attached");
	for (size_t i = 0; run->pids && i < run->pid_count; i++)
		json_int(j, NULL, run->pids[i]);
	json_array_end(j);
	json_name(j, "cwd", run->cwd.bytes ? run->cwd.bytes : "", run->cwd.len);
	json_int(j, "started", (int64_t)(run->wall_ns / 1000000));
	json_string(j, "engine", run->engine ? run->engine : "");
	add_outcome(j, o);
	add_words(j, "roles", ROLE_COUNT, role_word_of, role_what_of);
	add_words(j, "ops", OP_COUNT, op_word_of, op_what_of);
	add_errors(j, w);
	json_object_end(j);
}

void
html_data(struct buf *first, struct buf *second, const struct fold *f,
	  const struct run *run, const struct outcome *o)
{
	_cleanup_buf_ struct buf body = { 0 }, text = { 0 };
	struct writing w = { .out = &body, .uses = second };

	place_processes(&w, f);
	add_files(&w, f);
	add_number(&body, w.processes);
	for (const struct fold_process *p = fold_first_process(f); p;
	     p = fold_next_process(p))
		add_process(&w, p);
	add_text(&text, &w, run, o);
	add_string(first, buf_str(&text), text.len);
	buf_add(first, buf_str(&body), body.len);
	free(w.places);
	free(w.named);
	free(w.newest);
	free(w.mounts);
}

/* RFC 4648, with padding; no line breaks. */
static void
add_base64(struct buf *out, const unsigned char *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = buf_room(out, (len + 2) / 3 * 4);

	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, (size_t)3);
		unsigned bits = (unsigned)bytes[i] << 16;

		if (n > 1)
			bits |= (unsigned)bytes[i + 1] << 8;
		if (n > 2)
			bits |= bytes[i + 2];
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = n > 1 ? digits[bits >> 6 & 63] : '=';
		*to++ = n > 2 ? digits[bits & 63] : '=';
	}
	out->len += (len + 2) / 3 * 4;
	out->data[out->len] = '\0';
}

static struct sink *
html_make(int fd, const struct pack_ops *pack)
{
	struct html *h = mem_zero(1, sizeof(*h));

	(void)pack;
	h->sink.ops = &html_sink;
	h->fd = fd;
	return &h->sink;
}

static void
html_free(struct sink *s)
{
	free(s);
}

static void
html_fold(struct sink *s, const struct fold *f)
{
	((struct html *)s)->fold = f;
}

static int
html_begin(struct sink *s, const struct run *run)
{
	((struct html *)s)->run = *run;
	return 0;
}

static int
html_end(struct sink *s, const struct outcome *o)
{
	const struct html *h = (const struct html *)s;
	_cleanup_buf_ struct buf first = { 0 }, second = { 0 }, page = { 0 };

	html_data(&first, &second, h->fold, &h->run, o);
	buf_add(&page, html_before, html_before_len);
	add_base64(&page, (const unsigned char *)first.data, first.len);
	buf_addc(&page, ' ');
	add_base64(&page, (const unsigned char *)second.data, second.len);
	buf_add(&page, html_behind, html_behind_len);
	return whole_write(h->fd, page.data, page.len);
}

const struct sink_ops html_sink = {
	.format = "html",
	.endings = ".html .htm",
	.what = "a report to be opened in a browser, one page that needs nothing else",
	.at_once = true,
	.make = html_make,
	.fold = html_fold,
	.begin = html_begin,
	.end = html_end,
	.free = html_free,
};
