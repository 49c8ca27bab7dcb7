/* SPDX-License-Identifier: MIT */
#include "sink/formats.h"

#include "base/compiler.h"
#include "model/hub.h"
#include "sink/depfile.h"
#include "sink/html.h"
#include "sink/jsonl.h"
#include "sink/pack.h"
#include "sink/perfetto.h"
#include "sink/sqlite.h"
#include "sink/text.h"

/* The first is what an unknown ending means. */
static const struct sink_ops *const formats[] = {
	&text_sink,	     &jsonl_sink, &perfetto_sink, &depfile_make_sink,
	&depfile_ninja_sink, &html_sink,  &sqlite_sink,
};

const struct sink_ops *
formats_get(size_t i)
{
	return i < ARRAY_SIZE(formats) ? formats[i] : NULL;
}

const struct sink_ops *
formats_by_word(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (!strcmp(formats[i]->format, word))
			return formats[i];
	return NULL;
}

/* Whether @name, @len bytes, ends in one of the words of @endings. */
static bool
has_ending(const char *name, size_t len, const char *endings)
{
	size_t n;

	for (const char *at = endings; *at; at += n + (at[n] == ' ')) {
		n = strcspn(at, " ");
		if (n <= len && !memcmp(at, name + len - n, n))
			return true;
	}
	return false;
}

const struct sink_ops *
formats_by_name(const char *file)
{
	const struct pack_ops *pack = pack_by_name(file);
	size_t len = strlen(file) - (pack ? strlen(pack->ending) : 0);

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (has_ending(file, len, formats[i]->endings))
			return formats[i];
	return formats[0];
}
