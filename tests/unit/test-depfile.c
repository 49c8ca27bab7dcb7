/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/intern.h"
#include "model/fold.h"
#include "sink/depfile.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* A run that is told in words: each test has one. */
static struct intern *names;
static struct fold *fold;
static struct run run;

static void
begin(void)
{
	names = intern_new();
	fold = fold_new();
	run = (struct run){ .cwd = { "/w", 2 }, .depend_base = { "/w", 2 } };
}

static void
end(void)
{
	fold_free(fold);
	intern_free(names);
}

static void
call(enum op op, const char *path, int error)
{
	static const struct syscall_row row = { .name = "plain" };
	const struct process p = { .serial = 1, .pid = 100 };
	const struct access a = {
		.process = &p,
		.op = op,
		.row = &row,
		.path = intern_get(names, path, strlen(path)),
		.error = error,
	};

	fold_access(fold, &a);
}

static void
given(const char *path, uint64_t flags)
{
	const struct process p = { .serial = 1, .pid = 100 };
	const struct process_event e = {
		.kind = PROCESS_INHERITED,
		.process = &p,
		.file = { path, strlen(path) },
		.flags = flags,
		.mode = S_IFREG | 0644,
	};

	fold_process(fold, &e);
}

static void
check(int line, bool ninja, const char *want, size_t left_out)
{
	_cleanup_buf_ struct buf out = { 0 }, example = { 0 };
	struct depfile_result result = { .example = &example };

	depfile_write(&out, fold, &run, ninja, &result);
	unit_check_str(__FILE__, line, buf_str(&out), want, "file");
	unit_check_int(__FILE__, line, (intmax_t)result.left_out, (intmax_t)left_out,
		       "left out");
}

#define MAKE(want) check(__LINE__, false, want, 0)
#define NINJA(want) check(__LINE__, true, want, 0)

TEST(what_was_written_depends_on_what_was_read)
{
	begin();
	call(OP_READ, "/w/a.c", 0);
	call(OP_READ, "/w/inc/a.h", 0);
	call(OP_READ, "/home/b.h", 0);
	call(OP_CREATE, "/w/a.o", 0);
	MAKE("a.o: \\\n  a.c \\\n  inc/a.h \\\n  /home/b.h \n"
	     "\na.c:\n\ninc/a.h:\n\n/home/b.h:\n");
	NINJA("a.o: \\\n  a.c \\\n  inc/a.h \\\n  /home/b.h \n");
	run.depend_base = (struct span){ "/", 1 };
	NINJA("w/a.o: \\\n  w/a.c \\\n  w/inc/a.h \\\n  home/b.h \n");
	run.depend_base = (struct span){ NULL, 0 };
	NINJA("/w/a.o: \\\n  /w/a.c \\\n  /w/inc/a.h \\\n  /home/b.h \n");
	end();
}

TEST(targets_that_are_named)
{
	char one[] = "one", two[] = "t w o", *targets[] = { one, two, NULL };

	begin();
	run.targets = targets;
	call(OP_READ, "/w/a.c", 0);
	call(OP_CREATE, "/w/a.o", 0);
	NINJA("one t\\ w\\ o: \\\n  a.c \n");
	end();
}

TEST(what_is_left_out)
{
	begin();
	call(OP_LIST, "/w/dir", 0);
	call(OP_READ, "/w/gone.h", ENOENT);
	call(OP_READ, "/w/secret.h", EACCES);
	call(OP_STAT, "/w/seen.h", 0);
	call(OP_CREATE, "/w/tmp.s", 0);
	call(OP_READ, "/w/tmp.s", 0);
	call(OP_DELETE, "/w/tmp.s", 0);
	call(OP_READ, "/w/state", 0);
	call(OP_WRITE, "/w/state", 0);
	call(OP_READ, "/w/eaten", 0);
	call(OP_DELETE, "/w/eaten", 0);
	call(OP_READ, "/proc/cpuinfo", 0);
	call(OP_READ, "/dev/null", 0);
	call(OP_READ, "/usr/include/stdio.h", 0);
	call(OP_EXEC, "/w/tool", 0);
	NINJA("state: \\\n  tool \n");
	run.depend_system = true;
	NINJA("state: \\\n  /usr/include/stdio.h \\\n  tool \n");
	end();
}

TEST(a_project_may_lie_among_system_files)
{
	begin();
	run.cwd = run.depend_base = (struct span){ "/usr/local/w", 12 };
	call(OP_READ, "/usr/local/w/a.c", 0);
	call(OP_READ, "/usr/src/b.c", 0);
	call(OP_READ, "/usr/local/x.c", 0);
	call(OP_CREATE, "/usr/local/w/a.o", 0);
	NINJA("a.o: \\\n  a.c \\\n  /usr/src/b.c \n");
	end();
}

TEST(output_that_was_opened_by_others)
{
	begin();
	call(OP_READ, "/w/a", 0);
	given("/w/sorted", O_WRONLY);
	NINJA("sorted: \\\n  a \n");
	call(OP_CREATE, "/w/b", 0);
	NINJA("b: \\\n  a \n");
	end();
}

TEST(nothing_to_say)
{
	begin();
	call(OP_READ, "/w/a", 0);
	MAKE("");
	call(OP_CREATE, "/w/b", 0);
	call(OP_READ, "/w/x(y)", 0);
	check(__LINE__, false, "b: \\\n  a \n\na:\n", 1);
	call(OP_READ, "/w/.PHONY", 0);
	check(__LINE__, false, "b: \\\n  a \\\n  .PHONY \n\na:\n", 1);
	end();
}
