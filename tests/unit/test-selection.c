/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/intern.h"
#include "model/selection.h"

#include <errno.h>
#include <string.h>

static struct intern *names;
static struct selection *s;

static const struct interned *
name(const char *text)
{
	if (!names)
		names = intern_new();
	return intern_get(names, text, strlen(text));
}

static void
begin(void)
{
	s = selection_new();
}

static void
end(void)
{
	selection_free(s);
	intern_free(names);
	names = NULL;
}

static bool
takes(const char *process, enum op op, const char *path, const char *to, int error)
{
	static const struct syscall_row row = { .name = "open" };
	const struct process p = { .name = name(process),
				   .exe = name("/usr/lib/gcc/cc1") };
	const struct access a = {
		.process = &p,
		.row = &row,
		.op = op,
		.path = name(path),
		.to = to ? name(to) : NULL,
		.error = error,
	};

	return selection_takes(s, &a);
}

static bool
takes_name(const char *path)
{
	return takes("sh", OP_READ, path, NULL, 0);
}

TEST(nothing_asked_is_everything)
{
	begin();
	CHECK(selection_is_empty(s));
	CHECK(takes_name("/a"));
	CHECK(takes("sh", OP_STAT, "", NULL, ENOENT));
	end();
}

TEST(globs)
{
	begin();
	selection_only(s, "*.h");
	selection_only(s, "src/*.c");
	selection_only(s, "/etc/*");
	selection_only(s, "[ab]?");
	selection_start(s, "/home", 5);
	CHECK(!selection_is_empty(s));
	CHECK(takes_name("/x/y.h"));
	CHECK(takes_name("/x/y.h")); /* remembered */
	CHECK(!takes_name("/x/y.hh"));
	CHECK(takes_name("/home/src/a.c"));
	CHECK(takes_name("/home/src/sub/a.c"));
	CHECK(!takes_name("/src/a.c"));
	CHECK(takes_name("/etc/ssl/x"));
	CHECK(!takes_name("/etc"));
	CHECK(takes_name("/q/a1"));
	CHECK(!takes_name("/q/c1"));
	end();
}

TEST(ignored)
{
	begin();
	selection_ignore(s, "@proc");
	selection_ignore(s, "*.tmp");
	selection_start(s, "/home", 5);
	CHECK(!takes_name("/proc/1/maps"));
	CHECK(!takes_name("/dev/null"));
	CHECK(takes_name("/device"));
	CHECK(!takes_name("/home/x.tmp"));
	/* of two names one is enough */
	CHECK(takes("mv", OP_RENAME, "/home/x.tmp", "/home/x", 0));
	CHECK(!takes("mv", OP_RENAME, "/home/x.tmp", "/home/y.tmp", 0));
	end();
}

TEST(directories)
{
	begin();
	selection_under(s, "src/");
	selection_under(s, "/etc");
	selection_start(s, "/home", 5);
	CHECK(takes_name("/home/src"));
	CHECK(takes_name("/home/src/a"));
	CHECK(!takes_name("/home/srcs"));
	CHECK(takes_name("/etc/passwd"));
	CHECK(!takes_name("/home"));
	end();
}

TEST(kinds_have_to_agree)
{
	char bad[32];

	begin();
	CHECK_INT(selection_ops(s, "delete,rename", bad), SELECTION_OK);
	selection_process(s, "rm");
	selection_process(s, "*/cc1");
	selection_only(s, "*.o");
	selection_start(s, "/home", 5);
	CHECK(takes("rm", OP_DELETE, "/a.o", NULL, 0));
	CHECK(takes("other", OP_DELETE, "/a.o", NULL, 0)); /* by all of its name */
	CHECK(!takes("rm", OP_READ, "/a.o", NULL, 0));
	CHECK(!takes("rm", OP_DELETE, "/a.c", NULL, 0));
	end();
	begin();
	selection_process(s, "rm");
	CHECK(!takes("cat", OP_READ, "/a", NULL, 0));
	end();
}

TEST(failed_and_denied)
{
	begin();
	selection_denied(s);
	CHECK(takes("sh", OP_READ, "/a", NULL, EACCES));
	CHECK(takes("sh", OP_READ, "/a", NULL, EPERM));
	CHECK(!takes("sh", OP_READ, "/a", NULL, ENOENT));
	CHECK(!takes_name("/a"));
	selection_failed(s);
	CHECK(takes("sh", OP_READ, "/a", NULL, ENOENT));
	CHECK(!takes_name("/a"));
	end();
}

TEST(what_is_not_known)
{
	char bad[32];

	begin();
	CHECK_INT(selection_only(s, "@dream"), SELECTION_NO_SET);
	CHECK_INT(selection_ignore(s, "@"), SELECTION_NO_SET);
	CHECK_INT(selection_ops(s, "read,dream,x", bad), SELECTION_NO_OP);
	CHECK_STR(bad, "dream");
	end();
}

TEST(inherited)
{
	const struct process p = { .name = NULL };
	struct process_event e = { .process = &p, .file = { "/in", 3 } };
	char bad[32];

	begin();
	selection_under(s, "/in");
	CHECK(selection_takes_inherited(s, &e));
	e.file = (struct span){ "/out", 4 };
	CHECK(!selection_takes_inherited(s, &e));
	selection_ops(s, "read", bad);
	e.file = (struct span){ "/in", 3 };
	CHECK(!selection_takes_inherited(s, &e));
	end();
}
