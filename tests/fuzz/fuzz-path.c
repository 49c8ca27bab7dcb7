/* SPDX-License-Identifier: MIT */

/*
 * Path resolution on any names against a second one that is as simple as can be: lists
 * of components, no bytes are moved.  The input is a directory, a root and a name, ended
 * by NUL each.
 */

#include "fuzz.h"

#include "base/buf.h"
#include "model/path.h"

#include <stdio.h>

#define PARTS 512

struct parts {
	const char *start[PARTS];
	size_t len[PARTS];
	size_t count;
};

static void
push(struct parts *p, const char *start, size_t len)
{
	REQUIRE(p->count < PARTS);
	p->start[p->count] = start;
	p->len[p->count++] = len;
}

static void
cut(struct parts *p, const char *name, size_t len)
{
	size_t begin = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && name[i] != '/')
			continue;
		if (i > begin)
			push(p, name + begin, i - begin);
		begin = i + 1;
	}
}

static bool
is(const struct parts *p, size_t i, const char *word)
{
	return p->len[i] == strlen(word) && memcmp(p->start[i], word, p->len[i]) == 0;
}

static bool
begins_with(const struct parts *p, const struct parts *start)
{
	if (p->count < start->count)
		return false;
	for (size_t i = 0; i < start->count; i++)
		if (p->len[i] != start->len[i] ||
		    memcmp(p->start[i], start->start[i], p->len[i]) != 0)
			return false;
	return true;
}

static void
join(struct buf *out, const struct parts *p)
{
	for (size_t i = 0; i < p->count; i++) {
		buf_addc(out, '/');
		buf_add(out, p->start[i], p->len[i]);
	}
	if (!p->count)
		buf_addc(out, '/');
}

/* What the kernel calls a directory: absolute, without dots or empty parts. */
static void
as_kernel_says(struct buf *out, const char *text, size_t len)
{
	struct parts all = { .count = 0 }, good = { .count = 0 };

	cut(&all, text, len);
	for (size_t i = 0; i < all.count; i++)
		if (!is(&all, i, ".") && !is(&all, i, ".."))
			push(&good, all.start[i], all.len[i]);
	join(out, &good);
}

/* ".." goes up at the start of a relative name, and never above the root. */
static void
walk(struct parts *at, size_t floor, const char *name, size_t len, bool relative)
{
	struct parts steps = { .count = 0 };
	bool up = relative;

	cut(&steps, name, len);
	for (size_t i = 0; i < steps.count; i++) {
		bool dots = is(&steps, i, "..");

		if (is(&steps, i, "."))
			continue;
		if (dots && at->count <= floor)
			continue;
		if (dots && up) {
			at->count--;
			continue;
		}
		up = false;
		push(at, steps.start[i], steps.len[i]);
	}
}

static void
reference(struct buf *out, const char *dir, const char *root, const char *name,
	  size_t len)
{
	struct parts at = { .count = 0 }, top = { .count = 0 };
	bool relative = !len || name[0] != '/';

	if (root)
		cut(&top, root, strlen(root));
	if (relative)
		cut(&at, dir, strlen(dir));
	else
		at = top;
	walk(&at, begins_with(&at, &top) ? top.count : 0, name, len, relative);
	join(out, &at);
}

static void
check_resolve(const char *dir, const char *root, const char *name, size_t len)
{
	_cleanup_buf_ struct buf out = { 0 }, want = { 0 };

	REQUIRE(path_resolve(&out, dir, root, name, len));
	reference(&want, dir, root, name, len);
	REQUIRE(out.len == want.len && memcmp(out.data, want.data, out.len) == 0);
	REQUIRE(out.data[out.len] == '\0');
}

/* A directory that nobody knows, or a descriptor that is none: all of the name stays. */
static void
check_unknown(const char *name, size_t len)
{
	_cleanup_buf_ struct buf out = { 0 };

	if (len && name[0] == '/')
		return;
	REQUIRE(!path_resolve(&out, NULL, NULL, name, len));
	REQUIRE(out.len == len && (!len || memcmp(out.data, name, len) == 0));
	REQUIRE(path_resolve(&out, "pipe:[7]", NULL, name, len) == !len);
	REQUIRE(out.len == 8 + (len ? len + 1 : 0));
}

static void
check_below(const char *path, const char *dir)
{
	struct parts p = { .count = 0 }, d = { .count = 0 };

	/* of names as the kernel has them */
	cut(&p, path, strlen(path));
	cut(&d, dir, strlen(dir));
	REQUIRE(path_is_below(path, dir) == begins_with(&p, &d));
}

/* A link at the end that is not followed is the same for all; behind "self" anything may be. */
static void
check_own(const char *path, bool followed)
{
	static const char *const from[] = { "/proc/self",  "/proc/thread-self",
					    "/dev/fd",	   "/dev/stdin",
					    "/dev/stdout", "/dev/stderr" };
	static const char *const to[] = {
		"/proc/7",	"/proc/7/task/9", "/proc/7/fd",
		"/proc/7/fd/0", "/proc/7/fd/1",	  "/proc/7/fd/2"
	};
	_cleanup_buf_ struct buf out = { 0 }, want = { 0 };
	bool own = false;

	for (size_t i = 0; i < ARRAY_SIZE(from); i++) {
		size_t len = strlen(from[i]);

		if (strncmp(path, from[i], len) != 0 ||
		    !(path[len] == '/' || (!path[len] && followed)))
			continue;
		own = true;
		buf_adds(&want, to[i]);
		buf_adds(&want, path + len);
	}
	REQUIRE(path_own(&out, path, 7, 9, followed) == own);
	REQUIRE(!own || strcmp(buf_str(&out), buf_str(&want)) == 0);
}

static void
check_base(const char *path)
{
	const char *base = path_base(path);

	REQUIRE(base >= path && base <= path + strlen(path));
	REQUIRE(base == path || base[-1] == '/');
	REQUIRE(!*base || !strchr(base + 1, '/') || base[strlen(base) - 1] == '/');
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_buf_ struct buf dir = { 0 }, root = { 0 };
	_cleanup_free_ char *name = NULL;
	const char *text = (const char *)bytes;
	size_t part;

	if (len > PARTS)
		return 0;
	part = strnlen(text, len);
	as_kernel_says(&dir, text, part);
	text += MIN(part + 1, len);
	len -= MIN(part + 1, len);
	part = strnlen(text, len);
	as_kernel_says(&root, text, part);
	text += MIN(part + 1, len);
	len -= MIN(part + 1, len);
	len = strnlen(text, len);
	name = fuzz_copy(text, len);
	check_resolve(dir.data, root.data, name, len);
	check_resolve(dir.data, NULL, name, len);
	check_unknown(name, len);
	check_below(dir.data, root.data);
	name = realloc(name, len + 1);
	REQUIRE(name);
	name[len] = '\0';
	check_own(name, true);
	check_own(name, false);
	check_base(name);
	return 0;
}
