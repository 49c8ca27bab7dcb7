/* SPDX-License-Identifier: MIT */
#include "recorder/spaces.h"

#include "base/mem.h"
#include <stdlib.h>

struct space *
space_new(void)
{
	struct space *s = mem_zero(1, sizeof(*s));

	s->users = 1;
	return s;
}

struct space *
space_copy(const struct space *s)
{
	struct space *copy = space_new();

	*copy = *s;
	copy->users = 1;
	copy->saved = NULL;
	return copy;
}

struct space *
space_share(struct space *s)
{
	if (s)
		s->users++;
	return s;
}

void
space_drop(struct space *s)
{
	if (!s || --s->users)
		return;
	free(s->saved);
	free(s);
}

bool
space_has_file(const struct space *s, unsigned file, uint64_t base)
{
	for (unsigned i = 0; i < s->file_count; i++)
		if (s->files[i].file == file && s->files[i].base == base)
			return true;
	return false;
}

bool
space_add_file(struct space *s, unsigned file, uint64_t base)
{
	/* one word holds a file's address: it can be patched where it is mapped once */
	for (unsigned i = 0; i < s->file_count; i++)
		if (s->files[i].file == file)
			return s->files[i].base == base;
	if (s->file_count == SPACE_FILES)
		return false;
	s->files[s->file_count].file = file;
	s->files[s->file_count++].base = base;
	return true;
}

void
space_note_fragile(struct space *s, uint64_t ip)
{
	for (unsigned i = 0; i < s->fragile_count && i < SPACE_FRAGILE; i++)
		if (s->fragile[i] == ip)
			return;
	if (s->fragile_count < SPACE_FRAGILE)
		s->fragile[s->fragile_count] = ip;
	if (s->fragile_count <= SPACE_FRAGILE)
		s->fragile_count++;
}

bool
space_is_fragile(const struct space *s, uint64_t at, size_t len)
{
	if (s->fragile_count > SPACE_FRAGILE)
		return true;
	for (unsigned i = 0; i < s->fragile_count; i++)
		if (s->fragile[i] > at && s->fragile[i] < at + len)
			return true;
	return false;
}

const char *
stop_reason_word(enum stop_reason r)
{
	static const char *const words[REASON_COUNT] = {
#define REASON(id, word, what) [REASON_##id] = (word),
#include "recorder/reasons.def"
#undef REASON
	};

	return words[r];
}

const char *
stop_reason_what(enum stop_reason r)
{
	static const char *const whats[REASON_COUNT] = {
#define REASON(id, word, what) [REASON_##id] = (what),
#include "recorder/reasons.def"
#undef REASON
	};

	return whats[r];
}
