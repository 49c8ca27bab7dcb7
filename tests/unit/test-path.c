/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "model/path.h"
#include <string.h>

static const char *
resolve(const char *dir, const char *root, const char *name)
{
	static struct buf out;

	return path_resolve(&out, dir, root, name, strlen(name)) ? buf_str(&out) : NULL;
}

TEST(absolute_names_stay)
{
	CHECK_STR(resolve("/w", NULL, "/etc/passwd"), "/etc/passwd");
	CHECK_STR(resolve(NULL, NULL, "/etc/passwd"), "/etc/passwd");
	CHECK_STR(resolve("/w", NULL, "/"), "/");
	CHECK_STR(resolve("/w", NULL, "//etc//./passwd"), "/etc/passwd");
	CHECK_STR(resolve("/w", NULL, "/etc/"), "/etc");
}

TEST(relative_names_start_in_the_directory)
{
	CHECK_STR(resolve("/w", NULL, "a/b"), "/w/a/b");
	CHECK_STR(resolve("/", NULL, "a"), "/a");
	CHECK_STR(resolve("/w", NULL, "."), "/w");
	CHECK_STR(resolve("/w", NULL, "./a"), "/w/a");
	CHECK_STR(resolve("/w", NULL, "a/"), "/w/a");
	CHECK_STR(resolve("/w", NULL, ""), "/w");
}

/* Exact at the start, where the directory is the kernel's own name for it. */
TEST(leading_dots_are_folded)
{
	CHECK_STR(resolve("/w/x", NULL, "../a"), "/w/a");
	CHECK_STR(resolve("/w/x", NULL, "../../a"), "/a");
	CHECK_STR(resolve("/w/x", NULL, "../../../../a"), "/a");
	CHECK_STR(resolve("/w/x", NULL, "./../a"), "/w/a");
	CHECK_STR(resolve("/w/x", NULL, ".."), "/w");
	CHECK_STR(resolve("/w", NULL, ".."), "/");
}

/* "x" may be a symbolic link: what is above it is not for us to guess. */
TEST(later_dots_stay)
{
	CHECK_STR(resolve("/w", NULL, "x/../a"), "/w/x/../a");
	CHECK_STR(resolve("/w", NULL, "/x/../a"), "/x/../a");
	CHECK_STR(resolve("/w", NULL, "../x/../a"), "/x/../a");
}

/* Nothing is above the root. */
TEST(dots_stop_at_the_root)
{
	CHECK_STR(resolve("/w", NULL, "/../a"), "/a");
	CHECK_STR(resolve("/jail/w", "/jail", "/a"), "/jail/a");
	CHECK_STR(resolve("/jail/w", "/jail", "/../a"), "/jail/a");
	CHECK_STR(resolve("/jail/w", "/jail", "../../a"), "/jail/a");
	CHECK_STR(resolve("/jail/w", "/jail", "b"), "/jail/w/b");
	CHECK_STR(resolve("/jail", "/jail", "/"), "/jail");
	/* a working directory that was left outside a new root */
	CHECK_STR(resolve("/out/w", "/jail", "../a"), "/out/a");
	CHECK_STR(resolve("/w", "/", "/a"), "/a");
}

TEST(a_descriptor_without_a_directory)
{
	CHECK_STR(resolve("pipe:[7]", NULL, ""), "pipe:[7]");
	CHECK(!resolve("pipe:[7]", NULL, "a"));
	CHECK(!resolve(NULL, NULL, "a"));
}

TEST(below)
{
	CHECK(path_is_below("/a/b", "/a"));
	CHECK(path_is_below("/a", "/a"));
	CHECK(path_is_below("/a", "/"));
	CHECK(!path_is_below("/ab", "/a"));
	CHECK(!path_is_below("/", "/a"));
	CHECK_STR(path_base("/usr/bin/gcc"), "gcc");
	CHECK_STR(path_base("gcc"), "gcc");
	CHECK_STR(path_base("/"), "/");
}

/* Against a slow and plain statement of the same rules. */
static void
expect(char *out, const char *dir, const char *name)
{
	char copy[64], *save = NULL;
	bool exact = name[0] != '/';

	strcpy(out, exact ? dir : "");
	strcpy(copy, name);
	for (char *p = strtok_r(copy, "/", &save); p; p = strtok_r(NULL, "/", &save)) {
		if (strcmp(p, ".") == 0)
			continue;
		if (strcmp(p, "..") == 0 && (exact || !*out)) {
			if (strrchr(out, '/'))
				*strrchr(out, '/') = '\0';
			continue;
		}
		exact = false;
		strcat(out, "/");
		strcat(out, p);
	}
	if (!*out)
		strcpy(out, "/");
}

static const char *
own(const char *path, bool followed)
{
	static struct buf out;

	return path_own(&out, path, 7, 8, followed) ? buf_str(&out) : NULL;
}

TEST(own_names)
{
	CHECK_STR(own("/proc/self", true), "/proc/7");
	CHECK_STR(own("/proc/self/fd/0", true), "/proc/7/fd/0");
	CHECK_STR(own("/proc/thread-self/comm", false), "/proc/7/task/8/comm");
	CHECK_STR(own("/dev/fd/5", false), "/proc/7/fd/5");
	CHECK_STR(own("/dev/stderr", true), "/proc/7/fd/2");
	/* the link itself is nobody's */
	CHECK_STR(own("/proc/self", false), NULL);
	CHECK_STR(own("/dev/stdin", false), NULL);
	CHECK_STR(own("/proc/selfish", true), NULL);
	CHECK_STR(own("/proc/7", true), NULL);
}

TEST(random_names_agree_with_the_rules)
{
	static const char pieces[] = "a./.b/./..//";
	uint64_t seed = 11;
	char name[32], want[128];

	for (int i = 0; i < 200000; i++) {
		size_t len = 1 + unit_random(&seed) % 20;

		for (size_t k = 0; k < len; k++)
			name[k] = pieces[unit_random(&seed) % (sizeof(pieces) - 1)];
		name[len] = '\0';
		expect(want, "/x/y", name);
		if (!CHECK_STR(resolve("/x/y", NULL, name), want))
			break;
	}
}
