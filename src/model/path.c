/* SPDX-License-Identifier: MIT */
#include "model/path.h"

#include "base/buf.h"
#include "base/compiler.h"
#include <string.h>

/* One component of a path; @len 0 at the end. */
struct part {
	const char *start;
	size_t len;
};

/* The next component at *@s before @end, which is moved behind it. */
static struct part
next_part(const char **s, const char *end)
{
	struct part p;

	while (*s < end && **s == '/')
		(*s)++;
	p.start = *s;
	while (*s < end && **s != '/')
		(*s)++;
	p.len = (size_t)(*s - p.start);
	return p;
}

static bool
part_is(struct part p, const char *what)
{
	return p.len == strlen(what) && memcmp(p.start, what, p.len) == 0;
}

/* Takes the last component off, but never more than the first @keep bytes. */
static void
drop_last(struct buf *out, size_t keep)
{
	while (out->len > keep && out->data[out->len - 1] != '/')
		out->len--;
	while (out->len > keep && out->data[out->len - 1] == '/')
		out->len--;
}

static void
add_part(struct buf *out, struct part p)
{
	if (!out->len || out->data[out->len - 1] != '/')
		buf_addc(out, '/');
	buf_add(out, p.start, p.len);
}

/* "/" as a prefix is nothing. */
static const char *
as_prefix(const char *root)
{
	return root && strcmp(root, "/") != 0 ? root : "";
}

bool
path_resolve(struct buf *out, const char *dir, const char *root, const char *name,
	     size_t len)
{
	const char *prefix = as_prefix(root), *end = name + len;
	bool absolute = len && name[0] == '/', exact = !absolute;
	size_t keep = strlen(prefix);

	buf_reset(out);
	if (absolute) {
		buf_adds(out, prefix);
	} else if (dir && dir[0] == '/') {
		if (!path_is_below(dir, prefix))
			keep = 0;
		buf_adds(out, dir[1] ? dir : "");
	} else {
		/* a descriptor that is no directory ("pipe:[7]"), or nothing known */
		buf_adds(out, dir ? dir : "");
		if (len && dir)
			buf_addc(out, '/');
		buf_add(out, name, len);
		return dir && !len;
	}
	for (struct part p = next_part(&name, end); p.len; p = next_part(&name, end)) {
		if (part_is(p, "."))
			continue;
		if (part_is(p, "..") && (exact || out->len <= keep)) {
			drop_last(out, keep);
			continue;
		}
		exact = false;
		add_part(out, p);
	}
	if (!out->len)
		buf_addc(out, '/');
	/* drop_last() only moved len */
	out->data[out->len] = '\0';
	return true;
}

bool
path_is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	if (len && dir[len - 1] == '/')
		len--;
	return strncmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

bool
path_own(struct buf *out, const char *path, pid_t pid, pid_t tid, bool followed)
{
	static const struct {
		const char *name, *means;
		bool by_thread;
	} own[] = {
		{ "/proc/self", "", false },	   { "/proc/thread-self", "", true },
		{ "/dev/fd", "/fd", false },	   { "/dev/stdin", "/fd/0", false },
		{ "/dev/stdout", "/fd/1", false }, { "/dev/stderr", "/fd/2", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		const char *rest = path + strlen(own[i].name);

		if (!path_is_below(path, own[i].name) || (!*rest && !followed))
			continue;
		buf_reset(out);
		buf_printf(out, "/proc/%d", (int)pid);
		if (own[i].by_thread)
			buf_printf(out, "/task/%d", (int)tid);
		buf_adds(out, own[i].means);
		buf_adds(out, rest);
		return true;
	}
	return false;
}

const char *
path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}
