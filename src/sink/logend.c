/* SPDX-License-Identifier: MIT */
#include "sink/logend.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "sink/logevents.h"
#include "sink/logfields.h"
#include <limits.h>
#include <stdio.h>
#include <time.h>

#define STOPS_MAX 64 /* reasons; far fewer are known */

static const char nobody[] = "";

void
loghead_init(struct loghead *h)
{
	memset(h, 0, sizeof(*h));
	h->argv = mem_zero(1, sizeof(*h->argv));
	h->run = (struct run){
		.version = nobody,
		.argv = h->argv,
		.engine = nobody,
		.cwd = { nobody, 0 },
	};
}

void
loghead_done(struct loghead *h)
{
	free(h->pids);
	buf_done(&h->text);
	free(h->argv);
}

static bool
is(struct span s, const char *word)
{
	return s.bytes && s.len == strlen(word) && !memcmp(s.bytes, word, s.len);
}

bool
loghead_is(const struct logfields *f)
{
	return is(logfields_string(f, KEY_TYPE), "header") &&
	       is(logfields_string(f, KEY_FORMAT), "whatfiles-log");
}

/* Keeps a string, with its NUL; returns where in the text it begins. */
static size_t
keep(struct loghead *h, struct span s)
{
	size_t at = h->text.len;

	buf_add(&h->text, s.bytes ? s.bytes : "", s.len);
	buf_addc(&h->text, '\0');
	return at;
}

/* "2026-01-02T03:04:05.123456789Z" */
static uint64_t
started(struct span s)
{
	struct tm tm = { 0 };
	unsigned nanoseconds = 0;
	char text[40];
	time_t seconds;

	if (!s.bytes || s.len >= sizeof(text))
		return 0;
	memcpy(text, s.bytes, s.len);
	text[s.len] = '\0';
	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%9uZ", &tm.tm_year, &tm.tm_mon,
		   &tm.tm_mday, &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &nanoseconds) != 7)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm);
	return seconds < 0 ? 0 : (uint64_t)seconds * 1000000000 + nanoseconds;
}

static unsigned
classes(const struct logfields *f)
{
	const struct jsonread_value *array = &f->values[KEY_CLASSES];
	struct jsonread_value item;
	unsigned bits = 0;
	struct jsonread j;

	if (array->kind != JSONREAD_ARRAY)
		return 0;
	jsonread_init(&j, array->bytes, array->len);
	jsonread_array(&j);
	while (jsonread_item(&j, &item))
		for (enum class_index c = 0; c < CLASS_COUNT; c++)
			if (item.kind == JSONREAD_STRING &&
			    is((struct span){ item.bytes, item.len },
			       syscall_class_word(c)))
				bits |= 1u << c;
	return bits;
}

static void
read_pids(struct loghead *h, const struct jsonread_value *array)
{
	struct jsonread_value item;
	struct jsonread j;
	int64_t pid;

	if (array->kind != JSONREAD_ARRAY)
		return;
	jsonread_init(&j, array->bytes, array->len);
	jsonread_array(&j);
	while (jsonread_item(&j, &item)) {
		if (!jsonread_int(&item, &pid) || pid < 1 || pid > INT_MAX)
			continue;
		h->pids = mem_resize(h->pids, h->run.pid_count + 1, sizeof(*h->pids));
		h->pids[h->run.pid_count++] = (pid_t)pid;
	}
	h->run.pids = h->pids;
}

static size_t
count_nul(struct span s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += !s.bytes[i];
	return n;
}

void
loghead_read(struct loghead *h, struct logfields *f)
{
	struct span argv = logfields_strings(f, KEY_COMMAND);
	size_t count = count_nul(argv), words, version, engine, cwd;
	struct run *run = &h->run;
	char *at;

	words = h->text.len;
	buf_add(&h->text, argv.bytes, argv.len);
	version = keep(h, logfields_string(f, KEY_WHATFILES));
	engine = keep(h, logfields_string(f, KEY_ENGINE));
	cwd = keep(h, logfields_name(f, KEY_CWD));
	h->argv = mem_resize(h->argv, count + 1, sizeof(*h->argv));
	/* only now the text stays where it is */
	at = h->text.data + words;
	for (size_t i = 0; i < count; i++, at += strlen(at) + 1)
		h->argv[i] = at;
	h->argv[count] = NULL;
	run->argv = h->argv;
	run->version = h->text.data + version;
	run->engine = h->text.data + engine;
	run->cwd = (struct span){ h->text.data + cwd, strlen(h->text.data + cwd) };
	run->wall_ns = started(logfields_string(f, KEY_STARTED));
	run->pid = (pid_t)logfields_int(f, KEY_PID, 0);
	run->classes = classes(f);
	read_pids(h, &f->values[KEY_ATTACHED]);
	run->all = logfields_true(f, KEY_ALL);
	run->selected = logfields_true(f, KEY_SELECTED);
}

void
logend_done(struct logend *e)
{
	for (size_t i = 0; i < e->stopped_count; i++)
		free((char *)e->stopped[i].word);
	free(e->stopped);
}

static uint64_t
count_of(const struct logfields *f, enum log_key key)
{
	int64_t n = logfields_int(f, key, 0);

	return n > 0 ? (uint64_t)n : 0;
}

static int
find_gap(struct span word)
{
	for (enum gap g = 0; g < GAP_COUNT; g++)
		if (is(word, gap_word(g)))
			return (int)g;
	return -1;
}

static int
find_note(struct span word)
{
	for (enum note n = 0; n < NOTE_COUNT; n++)
		if (is(word, note_word(n)))
			return (int)n;
	return -1;
}

static void
set_count(struct gap_count *g, struct logfields *f)
{
	struct span example = logfields_name(f, KEY_EXAMPLE);

	g->count += count_of(f, KEY_COUNT_);
	snprintf(g->example, sizeof(g->example), "%.*s",
		 (int)MIN(example.len, sizeof(g->example)),
		 example.bytes ? example.bytes : "");
}

/* One of "gaps" or "notes". */
static void
read_count(struct outcome *o, struct jsonread_value *item, bool is_gap)
{
	struct logfields f = { 0 };
	struct span kind;
	int i;

	if (item->kind != JSONREAD_OBJECT || !logfields_read(&f, item->bytes, item->len))
		return;
	kind = logfields_string(&f, KEY_KIND);
	i = is_gap ? find_gap(kind) : find_note(kind);
	if (i >= 0)
		set_count(is_gap ? &o->gaps[i] : &o->notes[i], &f);
	else if (is_gap) /* something is missing, whatever it is */
		set_count(&o->gaps[GAP_SOURCE], &f);
}

static void
read_counts(struct outcome *o, const struct jsonread_value *array, bool is_gap)
{
	struct jsonread_value item;
	struct jsonread j;

	if (array->kind != JSONREAD_ARRAY)
		return;
	jsonread_init(&j, array->bytes, array->len);
	jsonread_array(&j);
	while (jsonread_item(&j, &item))
		read_count(o, &item, is_gap);
}

/* The count of the reason @word, made where there is none yet. */
static struct stop_count *
stop_of(struct logend *e, const char *bytes, size_t len)
{
	struct stop_count *s;

	for (size_t i = 0; i < e->stopped_count; i++)
		if (is((struct span){ bytes, len }, e->stopped[i].word))
			return &e->stopped[i];
	e->stopped = mem_resize(e->stopped, e->stopped_count + 1, sizeof(*e->stopped));
	s = &e->stopped[e->stopped_count++];
	*s = (struct stop_count){ .word = mem_copy(bytes, len) };
	return s;
}

static void
read_stops(struct logend *e, const struct jsonread_value *object, bool calls)
{
	struct jsonread_value key, value;
	struct jsonread j;
	int64_t n;

	if (object->kind != JSONREAD_OBJECT)
		return;
	jsonread_init(&j, object->bytes, object->len);
	jsonread_object(&j);
	while (jsonread_key(&j, &key) && jsonread_value(&j, &value)) {
		struct stop_count *s;

		if (!jsonread_int(&value, &n) || n < 0 || e->stopped_count == STOPS_MAX)
			continue;
		s = stop_of(e, key.bytes, key.len);
		*(calls ? &s->calls : &s->images) = (uint64_t)n;
	}
}

static void
read_calls(struct outcome *o, const struct jsonread_value *object)
{
	struct logfields f = { 0 };

	if (object->kind != JSONREAD_OBJECT ||
	    !logfields_read(&f, object->bytes, object->len))
		return;
	o->calls[ENGINE_STRICT] = count_of(&f, KEY_STRICT);
	o->calls[ENGINE_FAST] = count_of(&f, KEY_FAST);
}

void
logend_read(struct logend *e, struct logfields *f)
{
	struct outcome *o = &e->outcome;

	e->seen = true;
	jsonread_seconds(&f->values[KEY_T], &o->time);
	o->status_known = logevents_status(f, &o->status);
	o->attached = logfields_true(f, KEY_ATTACHED);
	o->processes = count_of(f, KEY_PROCESSES);
	o->threads = count_of(f, KEY_THREADS);
	o->execs = count_of(f, KEY_EXECS);
	o->stops = count_of(f, KEY_STOPS);
	o->accesses = count_of(f, KEY_ACCESSES);
	o->written = count_of(f, KEY_WRITTEN);
	read_calls(o, &f->values[KEY_CALLS]);
	read_stops(e, &f->values[KEY_STOPPED], true);
	read_stops(e, &f->values[KEY_PROGRAMS], false);
	read_counts(o, &f->values[KEY_GAPS], true);
	read_counts(o, &f->values[KEY_NOTES], false);
}

void
logend_outcome(const struct logend *e, struct outcome *ret)
{
	*ret = e->outcome;
	ret->stopped = e->stopped;
	ret->stopped_count = e->stopped_count;
}
