/* SPDX-License-Identifier: MIT */
#include "sink/depname.h"

#include "base/buf.h"
#include "base/compiler.h"

#include <ctype.h>

/*
 * make reads a name in three steps, so it is written in three, backwards:
 * wildcards are looked up last, blanks and the like end a name before, and first
 * of all variables are expanded.
 */

static bool
is_one_of(char c, const char *set)
{
	return c && strchr(set, c);
}

/*
 * Words that make knows where a rule's first input stands, and blanks of its that a
 * name does not end at but may not begin with.  A directory in front helps.
 */
static bool
needs_directory(const char *name, size_t len)
{
	static const char *const words[] = { "define",	 "undefine", "export",
					     "unexport", "override", "private" };

	if (is_one_of(*name, "\v\f\r"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (len == strlen(words[i]) && !memcmp(name, words[i], len))
			return true;
	return false;
}

/* Whether make would look for something else than just this name. */
static bool
is_pattern(const char *name, size_t len)
{
	if (*name == '~' || (len > 1 && name[0] == '-' && name[1] == 'l'))
		return true;
	for (size_t i = 0; i < len; i++)
		if (is_one_of(name[i], "*?["))
			return true;
	return false;
}

/* A pattern that fits this name only; with anything to match, \ takes what follows as it is. */
static void
add_pattern(struct buf *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i == 0 && is_one_of(name[i], "~-")) {
			buf_addc(out, '[');
			buf_addc(out, name[i]);
			buf_addc(out, ']');
			continue;
		}
		if (is_one_of(name[i], "*?[\\"))
			buf_addc(out, '\\');
		buf_addc(out, name[i]);
	}
}

/* Backslashes at the end of @out are doubled, so that they are not an escape. */
static void
double_backslashes(struct buf *out, size_t from)
{
	for (size_t at = out->len; at > from && out->data[at - 1] == '\\'; at--)
		buf_addc(out, '\\');
}

/* What has no escape where it stands comes out of a function when variables are expanded. */
static void
add_by_function(struct buf *out, const char *escaped)
{
	buf_adds(out, "$(subst ,");
	buf_adds(out, escaped);
	buf_adds(out, ",)");
}

/* @last: nothing of the name follows. */
static void
add_make_byte(struct buf *out, size_t from, char c, enum depname_place place, bool last)
{
	const char escaped[] = { '\\', c, '\0' };
	bool target = place == DEPNAME_TARGET;

	if (is_one_of(c, target ? " \t#:;%" : " \t#:;|"))
		double_backslashes(out, from);
	if (c == '$')
		buf_adds(out, "$$");
	else if (c == '=' || (last && c == '\r') || (last && target && c == '&'))
		add_by_function(out, escaped + 1);
	else if (c == ';' || (c == '\t' && target) || (last && is_one_of(c, " \t")))
		add_by_function(out, escaped);
	else if (is_one_of(c, target ? " #:%" : " \t#:|"))
		buf_adds(out, escaped);
	else
		buf_addc(out, c);
}

bool
depname_make(struct buf *out, const char *name, size_t len, enum depname_place place)
{
	_cleanup_buf_ struct buf pattern = { 0 };
	size_t from = out->len;

	if (!len || memchr(name, '\n', len) || name[len - 1] == ')')
		return false;
	if (needs_directory(name, len))
		buf_adds(out, "./");
	if (is_pattern(name, len)) {
		add_pattern(&pattern, name, len);
		name = pattern.data;
		len = pattern.len;
	}
	for (size_t i = 0; i < len; i++)
		add_make_byte(out, from, name[i], place, i + 1 == len);
	if (name[len - 1] == '\\')
		double_backslashes(out, from);
	return true;
}

/* ninja's scanner ends a name at any byte that it does not know. */
static bool
is_ninja_byte(char c)
{
	return (c & 0x80) || isalnum((unsigned char)c) ||
	       is_one_of(c, " #$:\\+,/_.~(){}%=@[]!-");
}

static bool
can_ninja(const char *name, size_t len)
{
	size_t backslashes = 0;

	for (size_t i = 0; i < len; i++) {
		if (!is_ninja_byte(name[i]))
			return false;
		backslashes = name[i] == '\\' ? backslashes + 1 : 0;
	}
	return len && name[len - 1] != ':' && backslashes % 2 == 0;
}

bool
depname_ninja(struct buf *out, const char *name, size_t len, enum depname_place place)
{
	size_t from = out->len;
	char before = 0;

	(void)place; /* both are read alike */
	if (!can_ninja(name, len))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (name[i] == ' ')
			double_backslashes(out, from);
		if (is_one_of(name[i], " #:"))
			buf_addc(out, '\\');
		/* backslashes let it through as it is */
		if (name[i] == '$' && before != '\\')
			buf_addc(out, '$');
		buf_addc(out, name[i]);
		before = name[i];
	}
	return true;
}
