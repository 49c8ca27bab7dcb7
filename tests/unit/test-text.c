/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/escape.h"
#include "base/intern.h"
#include "sink/formats.h"
#include "sink/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct intern *names;

static const struct interned *
name(const char *s)
{
	if (!names)
		names = intern_new();
	return intern_get(names, s, strlen(s));
}

static const struct syscall_row *
row(const char *call)
{
	for (size_t i = 0; i < syscall_row_count; i++)
		if (!strcmp(syscall_rows[i].name, call))
			return &syscall_rows[i];
	abort();
}

/* What the sink makes of one access, and of @outcome if there is one. */
static char *
text_of(const struct run *run, const struct access *a, const struct outcome *o)
{
	int fd = unit_file();
	struct sink *s = text_sink.make(fd, NULL);
	char *content;

	CHECK_INT(text_sink.begin(s, run), 0);
	if (a)
		CHECK_INT(text_sink.access(s, a), 0);
	if (o)
		CHECK_INT(text_sink.end(s, o), 0);
	else
		CHECK_INT(text_sink.flush(s), 0);
	content = unit_content(fd, NULL);
	text_sink.free(s);
	close(fd);
	intern_free(names);
	names = NULL;
	return content;
}

static void
check_line(int line, const struct run *run, const struct access *a, const char *want)
{
	char *got = text_of(run, a, NULL);

	unit_check_str(__FILE__, line, got, want, "line");
	free(got);
}

#define CHECK_LINE(run, a, want) check_line(__LINE__, run, a, want)

static const struct run plain = { 0 };

static struct process process = { .serial = 2, .parent = 1, .pid = 8566, .ppid = 1 };

static struct access
read_passwd(void)
{
	process.name = name("cat");
	return (struct access){
		.process = &process,
		.tid = 8567,
		.op = OP_READ,
		.row = row("openat"),
		.path = name("/etc/passwd"),
		.result = 3,
		.first = true,
	};
}

TEST(one_line)
{
	struct access a = read_passwd();

	CHECK_LINE(&plain, &a,
		   "mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat\n");
}

TEST(modes_are_aligned)
{
	struct access a = read_passwd();

	a.op = OP_RDWR;
	CHECK_LINE(&plain, &a,
		   "mode: rd/wr, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat\n");
	a = read_passwd();
	a.op = OP_TRUNCATE;
	CHECK_LINE(&plain, &a,
		   "mode: truncate, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat\n");
}

TEST(two_names)
{
	struct access a = read_passwd();

	a.op = OP_RENAME;
	a.row = row("rename");
	a.to = name("/tmp/b, error: x\n");
	CHECK_LINE(&plain, &a,
		   "mode: rename, file: /etc/passwd, syscall: rename(), PID: 8566, "
		   "process: cat, to: /tmp/b\\x2c error: x\\n\n");
}

TEST(errors_and_no_result)
{
	struct access a = read_passwd();

	a.error = EEXIST;
	CHECK_LINE(&plain, &a,
		   "mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat, error: EEXIST\n");
	a = read_passwd();
	a.error = 512; /* the kernel's own, has no name */
	CHECK_LINE(&plain, &a,
		   "mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat, error: 512\n");
	a = read_passwd();
	a.unfinished = true;
	CHECK_LINE(&plain, &a,
		   "mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat, result: unknown (killed)\n");
}

TEST(what_is_not_known)
{
	struct access a = read_passwd();

	process.name = NULL;
	a.path = name("");
	a.path_unknown = true;
	a.error = EFAULT;
	CHECK_LINE(&plain, &a,
		   "mode:  read, file: [unreadable], syscall: openat(), PID: 8566, "
		   "process: [unknown], error: EFAULT\n");
}

TEST(no_name_forges_a_line)
{
	struct access a = read_passwd();

	process.name = name("a, PID: 1\nmode:  read");
	a.path = name("/x, syscall: open(), PID: 1, process: init\nend: complete");
	CHECK_LINE(&plain, &a,
		   "mode:  read, file: /x\\x2c syscall: open()\\x2c PID: 1\\x2c process: "
		   "init\\nend: complete, syscall: openat(), PID: 8566, process: a\\x2c "
		   "PID: 1\\nmode:  read\n");
}

/* Whether the default, --failed and --events probe show it. */
static void
check_shown(int line, enum op op, int error, bool by_default, bool failed, bool probes)
{
	const struct run with_failed = { .failed = true },
			 with_probes = { .probes = true };
	const struct run *runs[] = { &plain, &with_failed, &with_probes };
	const bool want[] = { by_default, failed, probes };

	for (size_t i = 0; i < 3; i++) {
		struct access a = read_passwd();
		char *got;

		a.op = op;
		a.error = error;
		got = text_of(runs[i], &a, NULL);
		unit_check_int(__FILE__, line, *got != '\0', want[i], "shown");
		free(got);
	}
}

#define SHOWN(...) check_shown(__LINE__, __VA_ARGS__)

TEST(what_is_shown)
{
	SHOWN(OP_READ, 0, true, true, true);
	SHOWN(OP_READ, ENOENT, false, true, false);
	SHOWN(OP_READ, ENOTDIR, false, true, false);
	SHOWN(OP_READ, EACCES, true, true, true);
	SHOWN(OP_READ, EISDIR, true, true, true);
	SHOWN(OP_DELETE, EPERM, true, true, true);
	SHOWN(OP_STAT, 0, false, false, true);
	SHOWN(OP_STAT, ENOENT, false, false, false);
	SHOWN(OP_STAT, EACCES, true, true, true);
	SHOWN(OP_ACCESS, EPERM, true, true, true);
	SHOWN(OP_OPATH, 0, false, false, true);
	SHOWN(OP_NOTICE, 0, true, true, true);
}

TEST(repeated_only_with_all)
{
	const struct run all = { .all = true };
	struct access a = read_passwd();

	a.first = false;
	CHECK_LINE(&plain, &a, "");
	a = read_passwd();
	a.first = false;
	CHECK_LINE(&all, &a,
		   "mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, "
		   "process: cat\n");
}

static void
check_end(int line, const struct outcome *o, const char *want)
{
	struct access a = read_passwd();
	char *got = text_of(&plain, &a, o), *last;

	last = strchr(got, '\n');
	unit_check_str(__FILE__, line, last ? last + 1 : got, want, "last line");
	free(got);
}

#define CHECK_END(o, want) check_end(__LINE__, o, want)

TEST(last_line)
{
	struct outcome o = {
		.status_known = true,
		.processes = 3,
		.calls = { 30, 10 },
		.accesses = 12,
		.written = 9,
	};

	CHECK_END(&o, "end: complete, status: 0, processes: 3, calls: 40, accesses: 12, "
		      "shown: 1\n");
	o.status = 2 << 8;
	o.gaps[GAP_SIGNALLED].count = 1;
	o.gaps[GAP_KILLED].count = 20;
	CHECK_END(&o,
		  "end: INCOMPLETE (signalled: 1, killed: 20), status: 2, processes: 3, "
		  "calls: 40, accesses: 12, shown: 1\n");
	o.status = SIGTERM | 0x80;
	CHECK_END(&o, "end: INCOMPLETE (signalled: 1, killed: 20), signal: SIGTERM, "
		      "processes: 3, calls: 40, accesses: 12, shown: 1\n");
	/* an example may hold the name of a process */
	o = (struct outcome){ .status_known = true };
	o.gaps[GAP_DELEGATED] = (struct gap_count){
		2, "docker (/run/docker.sock) by PID 3 (x), shown: 0\nend: complete"
	};
	o.notes[NOTE_ASKED] = (struct gap_count){ 3, "D-Bus by PID 4 (y)" };
	CHECK_END(&o, "end: INCOMPLETE (delegated: 2), status: 0, processes: 0, "
		      "calls: 0, accesses: 0, shown: 1, gap: delegated 2 (docker "
		      "(/run/docker.sock) by PID 3 (x)\\x2c shown: 0\\nend: complete), "
		      "note: asked 3 (D-Bus by PID 4 (y))\n");
	o.gaps[GAP_DELEGATED].count = 0;
	CHECK_END(&o, "end: complete, status: 0, processes: 0, calls: 0, accesses: 0, "
		      "shown: 1, note: asked 3 (D-Bus by PID 4 (y))\n");
	o = (struct outcome){ 0 };
	CHECK_END(&o, "end: INCOMPLETE (status unknown), status: unknown, processes: 0, "
		      "calls: 0, accesses: 0, shown: 1\n");
}

/* What the text log says of a descriptor that the command was started with. */
static void
check_inherited(int line, unsigned classes, unsigned mode, uint64_t flags,
		const char *want)
{
	int fd = unit_file();
	struct sink *s = text_sink.make(fd, NULL);
	const struct run run = { .classes = classes };
	struct process_event e = { .kind = PROCESS_INHERITED,
				   .process = &process,
				   .fd = 3,
				   .file = { "/a, b\n", 6 },
				   .mode = mode,
				   .flags = flags };
	char *got;

	process.name = name("cat");
	text_sink.begin(s, &run);
	text_sink.process(s, &e);
	text_sink.flush(s);
	got = unit_content(fd, NULL);
	unit_check_str(__FILE__, line, got, want, "line");
	free(got);
	text_sink.free(s);
	close(fd);
}

TEST(inherited_files)
{
	static const char line[] =
		"mode: inherit, file: /a\\x2c b\\n, syscall: execve(), "
		"PID: 8566, process: cat, fd: 3\n";

	check_inherited(__LINE__, CLASS_READ, S_IFREG | 0600, O_RDONLY, line);
	check_inherited(__LINE__, CLASS_READ, S_IFDIR | 0700, O_RDONLY, line);
	check_inherited(__LINE__, CLASS_WRITE, S_IFREG, O_WRONLY, line);
	check_inherited(__LINE__, CLASS_WRITE, S_IFREG, O_RDONLY, "");
	check_inherited(__LINE__, CLASS_DEFAULT, S_IFIFO, O_RDONLY, "");
	check_inherited(__LINE__, CLASS_DEFAULT, S_IFCHR, O_RDWR, "");
	check_inherited(__LINE__, CLASS_DEFAULT, S_IFSOCK, O_RDWR, "");
	check_inherited(__LINE__, CLASS_DEFAULT, 0, O_RDWR, "");
}

/* Takes a line apart as a reader would: at ", KEY: ", then undoing the escapes. */
static bool
field(const char *line, const char *key, struct buf *out)
{
	char mark[32];
	const char *at, *end;

	snprintf(mark, sizeof(mark), ", %s: ", key);
	at = strstr(line, mark);
	if (!at)
		return false;
	at += strlen(mark);
	end = strstr(at, ", ");
	end = end ? end : at + strcspn(at, "\n");
	buf_reset(out);
	return escape_undo(out, at, (size_t)(end - at));
}

TEST(random_names_come_back)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t state = 4;
	char file[200], to[200];

	for (int i = 0; i < 2000; i++) {
		size_t file_len = unit_random_name(&state, file, sizeof(file));
		size_t to_len = unit_random_name(&state, to, sizeof(to));
		struct access a = read_passwd();
		char *line;

		a.path = intern_get(names, file, file_len);
		a.to = intern_get(names, to, to_len);
		process.name = a.path;
		line = text_of(&plain, &a, NULL);
		CHECK(strchr(line, '\n') == line + strlen(line) - 1);
		CHECK(field(line, "file", &out));
		CHECK_MEM(out.data, out.len, file, file_len);
		CHECK(field(line, "process", &out));
		CHECK_MEM(out.data, out.len, file, file_len);
		CHECK(field(line, "to", &out));
		CHECK_MEM(out.data, out.len, to, to_len);
		CHECK(field(line, "PID", &out));
		CHECK_STR(buf_str(&out), "8566");
		free(line);
	}
}

TEST(formats_are_found)
{
	CHECK_STR(formats_by_word("text")->format, "text");
	CHECK_STR(formats_by_word("jsonl")->format, "jsonl");
	CHECK(!formats_by_word("xml"));
	CHECK_STR(formats_by_name("build.log")->format, "text");
	CHECK_STR(formats_by_name("a.jsonl/build.txt")->format, "text");
	CHECK_STR(formats_by_name("x/build.jsonl")->format, "jsonl");
	CHECK_STR(formats_by_name("x/build.d")->format, "make");
	CHECK_STR(formats_by_name("build.log.ndjson")->format, "jsonl");
	CHECK_STR(formats_by_name("a.jsonl/build")->format, "text");
	CHECK_STR(formats_by_name("build.")->format, "text");
	CHECK_STR(formats_by_name("build.json")->format, "text");
	CHECK_STR(formats_by_name("build.jsonl ")->format, "text");
	CHECK_STR(formats_get(0)->format, "text");
	CHECK_STR(formats_get(1)->format, "jsonl");
	for (size_t i = 0; formats_get(i); i++)
		CHECK(formats_by_word(formats_get(i)->format) == formats_get(i));
}
