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
	if (s && !--s->users)
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
space_add_return(struct space *s, uint64_t ip)
{
	for (unsigned i = 0; i < s->return_count && i < SPACE_RETURNS; i++)
		if (s->returns[i] == ip)
			return;
	if (s->return_count < SPACE_RETURNS)
		s->returns[s->return_count++] = ip;
	else
		s->return_count = SPACE_RETURNS + 1;
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
