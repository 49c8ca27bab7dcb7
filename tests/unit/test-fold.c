/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/intern.h"
#include "model/fold.h"
#include "model/selection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* A run that is told in words: each test has one. */
static struct intern *names;
static struct fold *fold;
static uint64_t now;

static const struct interned *
name(const char *s)
{
	if (!names)
		names = intern_new();
	return intern_get(names, s, strlen(s));
}

static void
begin(void)
{
	fold = fold_new();
	now = 0;
}

static void
end(void)
{
	fold_free(fold);
	intern_free(names);
	names = NULL;
}

static struct process
who(uint64_t serial)
{
	return (struct process){
		.serial = serial,
		.parent = serial - 1,
		.pid = (pid_t)(100 + serial),
		.ppid = (pid_t)(99 + serial),
		.name = name("sh"),
		.exe = name("/bin/sh"),
	};
}

/* One call of the process @serial; @path2 is where it has a second name. */
static void
call_by(uint64_t serial, enum op op, const char *path, const char *path2, int error)
{
	static const struct syscall_row plain = { .name = "plain" };
	static const struct syscall_row text = { .name = "symlink", .target = true };
	const struct process p = who(serial);
	const struct access a = {
		.time = ++now,
		.process = &p,
		.op = op,
		.row = op == OP_SYMLINK ? &text : &plain,
		.path = name(path),
		.to = path2 ? name(path2) : NULL,
		.error = error,
	};

	fold_access(fold, &a);
}

static void
call(enum op op, const char *path)
{
	call_by(1, op, path, NULL, 0);
}

static void
call2(enum op op, const char *path, const char *to)
{
	call_by(1, op, path, to, 0);
}

static void
fails(enum op op, const char *path, int error)
{
	call_by(1, op, path, NULL, error);
}

static const struct fold_file *
file(const char *path)
{
	return fold_find_file(fold, path, strlen(path), 0);
}

static const char *
role_of(const char *path)
{
	const struct fold_file *f = file(path);

	return f ? role_word(fold_role(f)) : "not there";
}

#define CHECK_ROLE(path, role) CHECK_STR(role_of(path), role)

TEST(equal_accesses_are_one_use)
{
	const struct fold_file *f;
	const struct fold_use *u;

	begin();
	for (int i = 0; i < 3; i++)
		call(OP_READ, "/a");
	fails(OP_READ, "/a", EMFILE);
	call_by(2, OP_READ, "/a", NULL, 0);
	call(OP_STAT, "/a");
	f = file("/a");
	CHECK_INT(f->count, 6);
	CHECK_INT(f->failed, 1);
	CHECK_INT(f->first, 1);
	CHECK_INT(f->last, 6);
	u = fold_first_use_of(f);
	CHECK_INT(u->count, 3);
	CHECK_INT(u->first, 1);
	CHECK_INT(u->last, 3);
	CHECK_INT(u->process->serial, 1);
	u = fold_next_use_of(u);
	CHECK_INT(u->error, EMFILE);
	u = fold_next_use_of(u);
	CHECK_INT(u->process->serial, 2);
	CHECK(u->process->parent == fold_find_process(fold, 1));
	u = fold_next_use_of(u);
	CHECK_INT(u->op, OP_STAT);
	CHECK(!fold_next_use_of(u));
	u = fold_first_use_by(fold_find_process(fold, 1));
	CHECK_INT(u->count, 3);
	CHECK_INT(fold_next_use_by(fold_next_use_by(u))->op, OP_STAT);
	end();
}

TEST(first_evidence_says_what_was_there)
{
	begin();
	call(OP_READ, "/input");
	call(OP_CREATE, "/output");
	call(OP_READ, "/output");
	call(OP_READ, "/changed");
	call(OP_TRUNCATE, "/changed");
	call(OP_STAT, "/seen");
	fails(OP_STAT, "/lacks", ENOENT);
	fails(OP_READ, "/file/lacks", ENOTDIR);
	fails(OP_READ, "/locked", EACCES);
	call(OP_CREATE, "/tmp/x");
	call(OP_DELETE, "/tmp/x");
	call(OP_DELETE, "/old");
	call(OP_CHMOD, "/mode");
	fails(OP_STAT, "/made-later", ENOENT);
	call(OP_CREATE, "/made-later");
	CHECK_ROLE("/input", "input");
	CHECK_ROLE("/output", "output");
	CHECK_ROLE("/changed", "modified");
	CHECK_ROLE("/seen", "probed");
	CHECK_ROLE("/lacks", "missing");
	CHECK_ROLE("/file/lacks", "missing");
	CHECK_ROLE("/locked", "none");
	CHECK_ROLE("/tmp/x", "temporary");
	CHECK_ROLE("/old", "removed");
	CHECK_ROLE("/mode", "modified");
	CHECK_ROLE("/made-later", "output");
	CHECK(file("/locked")->flags & FOLD_DENIED);
	CHECK(fold_was_input(file("/input")));
	CHECK(fold_was_input(file("/changed")));
	CHECK(!fold_was_input(file("/output")));
	end();
}

TEST(written_before_it_is_read_is_no_input)
{
	begin();
	call(OP_TRUNCATE, "/a");
	call(OP_READ, "/a");
	call(OP_RDWR, "/b");
	CHECK_ROLE("/a", "modified");
	CHECK(!fold_was_input(file("/a")));
	CHECK_ROLE("/b", "modified");
	CHECK(fold_was_input(file("/b")));
	end();
}

TEST(deleted_and_made_again)
{
	begin();
	call(OP_DELETE, "/old");
	call(OP_CREATE, "/old");
	call(OP_CREATE, "/new");
	call(OP_DELETE, "/new");
	call(OP_CREATE, "/new");
	fails(OP_DELETE, "/never", ENOENT);
	call(OP_CREATE, "/never");
	CHECK_ROLE("/old", "modified");
	CHECK_ROLE("/new", "output");
	CHECK_ROLE("/never", "output");
	end();
}

TEST(renames_are_followed)
{
	begin();
	/* an output that was written under two other names */
	call(OP_CREATE, "/a.1");
	call2(OP_RENAME, "/a.1", "/a.2");
	call2(OP_RENAME, "/a.2", "/a");
	/* one that was deleted under its second name */
	call(OP_CREATE, "/b.1");
	call2(OP_RENAME, "/b.1", "/b.2");
	call(OP_DELETE, "/b.2");
	/* over a file that was there */
	call(OP_READ, "/c");
	call(OP_CREATE, "/c.new");
	call2(OP_RENAME, "/c.new", "/c");
	/* an old file */
	call2(OP_RENAME, "/old", "/d");
	call(OP_READ, "/d");
	CHECK_ROLE("/a", "output");
	CHECK_ROLE("/a.1", "passing");
	CHECK_ROLE("/a.2", "passing");
	CHECK_STR(fold_last_name(file("/a.1"))->path->bytes, "/a");
	CHECK_ROLE("/b.1", "passing");
	CHECK_ROLE("/b.2", "temporary");
	CHECK_STR(fold_last_name(file("/b.1"))->path->bytes, "/b.2");
	CHECK_ROLE("/c", "modified");
	CHECK_ROLE("/c.new", "passing");
	CHECK_ROLE("/old", "removed");
	CHECK_ROLE("/d", "moved");
	CHECK(fold_was_input(file("/old")));
	end();
}

TEST(moved_away_and_back)
{
	begin();
	call2(OP_RENAME, "/a", "/b");
	call2(OP_RENAME, "/b", "/a");
	call2(OP_RENAME, "/x", "/y");
	call(OP_CREATE, "/x");
	CHECK_ROLE("/a", "probed");
	CHECK_ROLE("/b", "passing");
	CHECK_ROLE("/x", "modified");
	CHECK_ROLE("/y", "moved");
	CHECK(fold_last_name(file("/a")) == file("/a"));
	CHECK(fold_last_name(file("/x")) == file("/x"));
	end();
}

TEST(directories_take_what_is_in_them_along)
{
	begin();
	call(OP_MKDIR, "/d");
	call(OP_MKDIR, "/d/sub");
	call(OP_CREATE, "/d/sub/f");
	call(OP_CREATE, "/d/g");
	call(OP_DELETE, "/d/g");
	call(OP_CREATE, "/dx");
	call2(OP_RENAME, "/d", "/e");
	CHECK_ROLE("/d", "passing");
	CHECK_ROLE("/d/sub/f", "passing");
	CHECK_STR(fold_last_name(file("/d/sub/f"))->path->bytes, "/e/sub/f");
	CHECK_ROLE("/d/g", "temporary");
	CHECK_ROLE("/dx", "output");
	CHECK_ROLE("/e", "output");
	/* by a name that was in no call yet */
	CHECK_ROLE("/e/sub/f", "output");
	CHECK_INT(file("/e/sub/f")->count, 0);
	call(OP_READ, "/e/sub/f");
	call(OP_STAT, "/e/sub");
	CHECK_ROLE("/e/sub/f", "output");
	CHECK_ROLE("/e/sub", "output");
	CHECK(!fold_was_input(file("/e/sub/f")));
	end();
}

TEST(what_is_found_where_it_cannot_have_been)
{
	begin();
	call(OP_MKDIR, "/new");
	call(OP_READ, "/new/seen/f"); /* made by nobody whom we saw */
	call2(OP_RENAME, "/old", "/there");
	call(OP_READ, "/there/sub/f");
	CHECK_ROLE("/new/seen/f", "input");
	CHECK_INT(file("/new/seen/f")->existed, KNOWN_NO);
	CHECK_ROLE("/there", "moved");
	CHECK_ROLE("/there/sub/f", "moved");
	call(OP_DELETE, "/there/sub/f");
	CHECK_ROLE("/there/sub/f", "temporary");
	end();
}

TEST(exchange_swaps_what_is_known)
{
	begin();
	call(OP_CREATE, "/new");
	call2(OP_EXCHANGE, "/new", "/old");
	CHECK_ROLE("/old", "modified");
	CHECK_ROLE("/new", "moved");
	end();
}

TEST(links)
{
	begin();
	call2(OP_LINK, "/old", "/hard");
	call(OP_CREATE, "/tmp_obj");
	call2(OP_LINK, "/tmp_obj", "/obj");
	call(OP_DELETE, "/tmp_obj");
	call2(OP_SYMLINK, "/soft", "/nowhere");
	fails(OP_STAT, "/soft", ENOENT);
	CHECK_ROLE("/old", "probed");
	CHECK_ROLE("/hard", "output");
	CHECK_ROLE("/obj", "output");
	CHECK_ROLE("/tmp_obj", "passing");
	CHECK_ROLE("/soft", "output");
	CHECK_ROLE("/nowhere", "not there");
	end();
}

TEST(failures_that_find_something)
{
	begin();
	fails(OP_READLINK, "/file", EINVAL);
	fails(OP_MKDIR, "/dir", EEXIST);
	fails(OP_GETXATTR, "/plain", ENODATA);
	fails(OP_WRITE, "/d", EISDIR);
	fails(OP_EXEC, "/script", ENOENT);
	call(OP_STAT, "/tool");
	fails(OP_EXEC, "/tool", ENOENT);
	fails(OP_CREATE, "/lacks/f", ENOENT);
	fails(OP_STAT, "", ENOENT);
	call_by(1, OP_RENAME, "/one", "/two", ENOENT);
	CHECK_ROLE("/file", "probed");
	CHECK_ROLE("/dir", "probed");
	CHECK_ROLE("/plain", "probed");
	CHECK_ROLE("/d", "probed");
	CHECK(file("/d")->flags & FOLD_DIRECTORY);
	CHECK_ROLE("/script", "missing");
	CHECK_ROLE("/tool", "probed");
	CHECK_ROLE("/lacks/f", "none");
	CHECK_ROLE("", "special");
	CHECK_ROLE("/one", "none");
	CHECK_ROLE("/two", "none");
	end();
}

TEST(what_is_no_file_that_lasts)
{
	begin();
	call(OP_WRITE, "/dev/null");
	call(OP_READ, "/proc/self/maps");
	call(OP_READ, "/device");
	call(OP_CREATE, "/dev/shm/x");
	call(OP_READ, "pipe:[7]");
	CHECK_ROLE("/dev/null", "special");
	CHECK_ROLE("/proc/self/maps", "special");
	CHECK_ROLE("/device", "input");
	CHECK_ROLE("/dev/shm/x", "output");
	CHECK_ROLE("pipe:[7]", "special");
	end();
}

TEST(directories_are_read_by_listing)
{
	begin();
	call(OP_READ, "/d");
	call(OP_LIST, "/d");
	call(OP_READ, "/e");
	call(OP_READ, "/e/f");
	CHECK_ROLE("/d", "input");
	CHECK(!fold_was_input(file("/d")));
	CHECK_ROLE("/e", "probed");
	CHECK_ROLE("/", "not there");
	CHECK(file("/d")->parent == file("/e")->parent);
	CHECK_STR(file("/d")->parent->path->bytes, "/");
	end();
}

TEST(a_killed_call_tells_nothing)
{
	const struct process p = who(1);
	static const struct syscall_row plain = { .name = "unlink" };
	struct access a = {
		.process = &p,
		.op = OP_DELETE,
		.row = &plain,
		.unfinished = true,
	};

	begin();
	call(OP_READ, "/a");
	a.path = name("/a");
	fold_access(fold, &a);
	CHECK_ROLE("/a", "input");
	CHECK_INT(fold_next_use_of(fold_first_use_of(file("/a")))->error,
		  FOLD_UNFINISHED);
	end();
}

static void
happens(enum process_event_kind kind, uint64_t serial, struct span argv, int status)
{
	const struct process p = who(serial);
	const struct process_event e = {
		.kind = kind,
		.time = ++now,
		.process = &p,
		.cwd = { "/home", 5 },
		.argv = argv,
		.status = status,
		.status_known = true,
	};

	fold_process(fold, &e);
}

TEST(processes)
{
	const struct span none = { NULL, 0 }, argv = { "sh\0-c\0", 6 };
	const struct fold_process *p;

	begin();
	happens(PROCESS_START, 1, none, 0);
	happens(PROCESS_EXEC, 1, argv, 0);
	happens(PROCESS_FORK, 2, none, 0);
	call_by(2, OP_READ, "/a", NULL, 0);
	happens(PROCESS_EXIT, 2, none, 256);
	CHECK_INT(fold_processes(fold), 2);
	p = fold_first_process(fold);
	CHECK_INT(p->pid, 101);
	CHECK_MEM(p->execs->argv.bytes, p->execs->argv.len, "sh\0-c\0", 6);
	CHECK_STR(p->cwd->bytes, "/home");
	CHECK(!p->ended);
	p = fold_next_process(p);
	CHECK(p->parent->child == p);
	CHECK_INT(p->start, 3);
	CHECK_INT(p->end, 5);
	CHECK(p->ended);
	CHECK_INT(p->status, 256);
	CHECK_INT(p->count, 1);
	CHECK(!fold_next_process(p));
	end();
}

TEST(inherited_descriptors)
{
	const struct process p = who(1);
	struct process_event e = {
		.kind = PROCESS_INHERITED,
		.process = &p,
		.mode = S_IFREG,
		.file = { "/in", 3 },
		.flags = O_RDONLY,
	};

	begin();
	fold_process(fold, &e);
	e.file = (struct span){ "/log", 4 };
	e.flags = O_WRONLY | O_APPEND;
	fold_process(fold, &e);
	e.file = (struct span){ "pipe:[1]", 8 };
	fold_process(fold, &e);
	CHECK_ROLE("/in", "input");
	CHECK_ROLE("/log", "modified");
	CHECK_ROLE("pipe:[1]", "not there");
	end();
}

TEST(mount_namespaces_are_apart)
{
	const struct process p = who(1);
	static const struct syscall_row plain = { .name = "open" };
	struct access a = { .process = &p, .op = OP_CREATE, .row = &plain, .mnt_ns = 7 };

	begin();
	a.path = name("/a");
	fold_access(fold, &a);
	call(OP_READ, "/a");
	CHECK_ROLE("/a", "input");
	CHECK_STR(role_word(fold_role(fold_find_file(fold, "/a", 2, 7))), "output");
	CHECK_INT(fold_files(fold), 2);
	end();
}

TEST(no_directory_and_nothing_there_are_told_apart)
{
	begin();
	call(OP_STAT, "/d/x");
	/* its directory is one: so it is there, and is none */
	fails(OP_STAT, "/d/file", ENOTDIR);
	fails(OP_LIST, "/e/file", ENOTDIR);
	fails(OP_STAT, "/f/file", ENOTDIR);
	CHECK_ROLE("/d/file", "probed");
	CHECK_ROLE("/e/file", "none");
	CHECK_ROLE("/f/file", "missing");
	end();
}

TEST(a_selection_hides_and_changes_nothing_else)
{
	struct selection *s = selection_new();
	char bad[32];
	size_t count;

	begin();
	selection_only(s, "/out");
	selection_ops(s, "read,rename", bad);
	fold_select(fold, s);
	call(OP_READ, "/in");
	call(OP_CREATE, "/out.tmp");
	call2(OP_RENAME, "/out.tmp", "/out");
	call(OP_READ, "/out");
	call(OP_STAT, "/out");
	CHECK_ROLE("/in", "not there");
	CHECK_ROLE("/out", "output");
	/* the other name of what is shown */
	CHECK_ROLE("/out.tmp", "passing");
	CHECK_INT(fold_files(fold), 2);
	free(fold_sort_files(fold, &count));
	CHECK_INT(count, 2);
	CHECK_INT(fold_first_use_of(file("/out"))->op, OP_READ);
	CHECK(!fold_next_use_of(fold_first_use_of(file("/out"))));
	CHECK_INT(fold_first_use_by(fold_find_process(fold, 1))->op, OP_RENAME);
	end();
	selection_free(s);
}

TEST(many_names_sorted)
{
	const struct fold_file **all;
	uint64_t seed = 1;
	size_t count;
	char path[64];

	begin();
	for (int i = 0; i < 5000; i++) {
		snprintf(path, sizeof(path), "/%x/%x", (unsigned)unit_random(&seed) % 50,
			 (unsigned)unit_random(&seed));
		call(OP_READ, path);
	}
	all = fold_sort_files(fold, &count);
	CHECK_INT(count, 5000);
	CHECK(!all[count]);
	for (size_t i = 1; i < count; i++)
		if (strcmp(all[i - 1]->path->bytes, all[i]->path->bytes) >= 0)
			CHECK(!"in order");
	free(all);
	end();
}

TEST(every_role_has_words)
{
	for (int i = 0; i < ROLE_COUNT; i++) {
		CHECK(*role_what(i));
		for (int k = 0; k < i; k++)
			CHECK(strcmp(role_word(i), role_word(k)));
	}
}
