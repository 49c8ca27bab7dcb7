/* SPDX-License-Identifier: MIT */
#include "model/event.h"

#include <assert.h>

static const struct {
	const char *word;
	const char *what;
} gaps[GAP_COUNT] = {
#define GAP(id, word, what) [GAP_##id] = { word, what },
#include "model/gaps.def"
#undef GAP
};

static const struct {
	const char *word;
	const char *what;
} notes[NOTE_COUNT] = {
#define NOTE(id, word, what) [NOTE_##id] = { word, what },
#include "model/notes.def"
#undef NOTE
};

const char *
gap_word(enum gap g)
{
	assert(g < GAP_COUNT);
	return gaps[g].word;
}

const char *
gap_what(enum gap g)
{
	assert(g < GAP_COUNT);
	return gaps[g].what;
}

const char *
note_word(enum note n)
{
	assert(n < NOTE_COUNT);
	return notes[n].word;
}

const char *
note_what(enum note n)
{
	assert(n < NOTE_COUNT);
	return notes[n].what;
}

bool
outcome_complete(const struct outcome *o)
{
	for (size_t i = 0; i < GAP_COUNT; i++)
		if (o->gaps[i].count)
			return false;
	/* a command that we did not see end may have gone on */
	return o->status_known || o->attached;
}
