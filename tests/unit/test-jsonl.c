/* SPDX-License-Identifier: MIT */
/*
 * Lines of JSONL, byte for byte.  One piece: each test makes its events with the same
 * helpers and looks at what the one sink wrote.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/intern.h"
#include "sink/flags.h"
#include "sink/jsonl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

static struct intern *names;

static const struct interned *
name(const char *s)
{
	if (!names)
		names = intern_new();
	return intern_get(names, s, strlen(s));
}

static void
forget_names(void)
{
	intern_free(names);
	names = NULL;
}

static const struct syscall_row *
row(const char *call)
{
	for (size_t i = 0; i < syscall_row_count; i++)
		if (!strcmp(syscall_rows[i].name, call))
			return &syscall_rows[i];
	abort();
}

#define SPAN(s)                  \
	{                        \
		s, sizeof(s) - 1 \
	}

static char *const command[] = { (char[]){ "make" }, (char[]){ "-j2" }, NULL };

static const struct run run = {
	.version = "0.1.0",
	.argv = command,
	.cwd = SPAN("/x"),
	.wall_ns = 1767323045123456789,
	.pid = 123,
	.engine = "strict",
	.classes = CLASS_READ | CLASS_EXEC,
};

static const char header[] =
	"{\"type\":\"header\",\"format\":\"whatfiles-log\",\"version\":1,"
	"\"whatfiles\":\"0.1.0\",\"started\":\"2026-01-02T03:04:05.123456789Z\","
	"\"pid\":123,\"command\":[\"make\",\"-j2\"],\"cwd\":\"/x\",\"engine\":\"strict\","
	"\"classes\":[\"read\",\"exec\"],\"all\":false}\n";

/* What the sink makes of any of these, the header left out. */
static char *
lines_of(bool all, const struct process_event *e, const struct access *a,
	 const struct outcome *o)
{
	int fd = unit_file();
	struct sink *s = jsonl_sink.make(fd, NULL);
	struct run r = run;
	char *content, *first;

	r.all = all;
	CHECK_INT(jsonl_sink.begin(s, &r), 0);
	if (e)
		CHECK_INT(jsonl_sink.process(s, e), 0);
	if (a)
		CHECK_INT(jsonl_sink.access(s, a), 0);
	CHECK_INT(o ? jsonl_sink.end(s, o) : jsonl_sink.flush(s), 0);
	content = unit_content(fd, NULL);
	jsonl_sink.free(s);
	close(fd);
	first = strchr(content, '\n') + 1;
	memmove(content, first, strlen(first) + 1);
	return content;
}

static void
check_line(int line, char *got, const char *want)
{
	unit_check_str(__FILE__, line, got, want, "line");
	free(got);
}

#define CHECK_EVENT(e, want) check_line(__LINE__, lines_of(false, e, NULL, NULL), want)
#define CHECK_ACCESS(a, want) check_line(__LINE__, lines_of(false, NULL, a, NULL), want)
#define CHECK_ALL(a, want) check_line(__LINE__, lines_of(true, NULL, a, NULL), want)
#define CHECK_END(o, want) check_line(__LINE__, lines_of(false, NULL, NULL, o), want)

TEST(header_line)
{
	int fd = unit_file();
	struct sink *s = jsonl_sink.make(fd, NULL);
	char *content;

	CHECK_INT(jsonl_sink.begin(s, &run), 0);
	CHECK_INT(jsonl_sink.flush(s), 0);
	content = unit_content(fd, NULL);
	CHECK_STR(content, header);
	free(content);
	jsonl_sink.free(s);
	close(fd);
}

static struct process process = { .serial = 2, .parent = 1, .pid = 11, .ppid = 10 };

TEST(process_events)
{
	struct process_event e = { .process = &process, .cwd = SPAN("/x") };

	e.kind = PROCESS_START;
	CHECK_EVENT(&e, "{\"type\":\"start\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
			"\"ppid\":10,\"cwd\":\"/x\"}\n");
	e.kind = PROCESS_FORK;
	e.time = 12345678;
	CHECK_EVENT(&e, "{\"type\":\"fork\",\"t\":0.012345678,\"proc\":2,\"pid\":11,"
			"\"ppid\":10,\"parent\":1,\"cwd\":\"/x\"}\n");
	e.threads_share = true;
	e.cwd = (struct span){ NULL, 0 };
	CHECK_EVENT(&e, "{\"type\":\"fork\",\"t\":0.012345678,\"proc\":2,\"pid\":11,"
			"\"ppid\":10,\"parent\":1,\"vm_shared\":true}\n");
}

TEST(fork_into_another_pid_namespace)
{
	struct process inner = process;
	struct process_event e = { .process = &inner, .kind = PROCESS_FORK };

	inner.ns_pid = 1;
	CHECK_EVENT(&e, "{\"type\":\"fork\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
			"\"ppid\":10,\"parent\":1,\"ns_pid\":1}\n");
}

TEST(inherited_descriptors)
{
	struct process_event e = { .process = &process,
				   .kind = PROCESS_INHERITED,
				   .fd = 7,
				   .file = SPAN("/a\xff"),
				   .mode = S_IFDIR | 0755,
				   .flags = O_DIRECTORY };
	static const struct {
		unsigned mode;
		const char *want;
	} kinds[] = {
		{ S_IFREG, "file" },   { S_IFDIR, "directory" }, { S_IFCHR, "device" },
		{ S_IFBLK, "device" }, { S_IFIFO, "pipe" },	 { S_IFSOCK, "socket" },
		{ 0, "other" },
	};

	CHECK_EVENT(&e, "{\"type\":\"inherited\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
			"\"fd\":7,\"path\":\"/a\xef\xbf\xbd\",\"path_hex\":\"2f61ff\","
			"\"kind\":\"directory\",\"flags\":\"O_RDONLY|O_DIRECTORY\"}\n");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		CHECK_STR(flags_file_kind(kinds[i].mode | 0644), kinds[i].want);
}

TEST(exec_event)
{
	struct process_event e = {
		.kind = PROCESS_EXEC,
		.process = &process,
		.cwd = SPAN("/x"),
		.argv = SPAN("gcc\0\0-c\xff\0"),
	};

	process.exe = name("/usr/bin/gcc");
	CHECK_EVENT(
		&e,
		"{\"type\":\"exec\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
		"\"exe\":\"/usr/bin/gcc\",\"argv\":[\"gcc\",\"\","
		"{\"text\":\"-c\xef\xbf\xbd\",\"hex\":\"2d63ff\"}],\"cwd\":\"/x\"}\n");
	process.exe = NULL;
	e.argv = (struct span)SPAN("gcc\0-c and so o");
	e.argv_cut = true;
	CHECK_EVENT(&e, "{\"type\":\"exec\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
			"\"argv\":[\"gcc\",\"-c and so o\"],\"cwd\":\"/x\","
			"\"argv_cut\":true}\n");
	e.argv = (struct span){ NULL, 0 };
	e.argv_cut = false;
	CHECK_EVENT(&e, "{\"type\":\"exec\",\"t\":0.000000000,\"proc\":2,\"pid\":11,"
			"\"argv\":[],\"cwd\":\"/x\"}\n");
	forget_names();
}

#define EXIT_LINE(rest) \
	"{\"type\":\"exit\",\"t\":0.000000000,\"proc\":2,\"pid\":11" rest "}\n"

TEST(exit_event)
{
	struct process_event e = {
		.kind = PROCESS_EXIT,
		.process = &process,
		.status_known = true,
	};

	CHECK_EVENT(&e, EXIT_LINE(",\"status\":0"));
	e.status = 255 << 8;
	CHECK_EVENT(&e, EXIT_LINE(",\"status\":255"));
	e.status = SIGKILL;
	CHECK_EVENT(&e, EXIT_LINE(",\"signal\":\"SIGKILL\""));
	e.status = SIGSEGV | 0x80;
	CHECK_EVENT(&e, EXIT_LINE(",\"signal\":\"SIGSEGV\",\"core\":true"));
	e.status_known = false;
	CHECK_EVENT(&e, EXIT_LINE(""));
}

static struct access
read_passwd(void)
{
	process.name = name("cat");
	return (struct access){
		.time = 12345678,
		.process = &process,
		.tid = 12,
		.op = OP_READ,
		.row = row("openat"),
		.path = name("/etc/passwd"),
		.name = SPAN("passwd"),
		.result = 3,
		.first = true,
	};
}

#define ACCESS_LINE(rest)                                                          \
	"{\"type\":\"access\",\"t\":0.012345678,\"proc\":2,\"pid\":11,\"tid\":12," \
	"\"process\":\"cat\"," rest "}\n"
#define OPENAT "\"op\":\"read\",\"path\":\"/etc/passwd\",\"call\":\"openat\""

TEST(access_line)
{
	struct access a = read_passwd();

	CHECK_ACCESS(&a, ACCESS_LINE(OPENAT ",\"result\":3"));
	a.error = ENOENT;
	CHECK_ACCESS(&a, ACCESS_LINE(OPENAT ",\"error\":\"ENOENT\",\"errno\":2"));
	a.error = 512;
	CHECK_ACCESS(&a, ACCESS_LINE(OPENAT ",\"error\":\"512\",\"errno\":512"));
	a.error = 0;
	a.unfinished = true;
	CHECK_ACCESS(&a, ACCESS_LINE(OPENAT ",\"unfinished\":true"));
	a.first = false;
	CHECK_ACCESS(&a, "");
	forget_names();
}

TEST(access_line_with_everything)
{
	struct access a = read_passwd();

	a.op = OP_RENAME;
	a.row = row("renameat2");
	a.to = name("/b\xff");
	a.to_name = (struct span)SPAN("b\xff");
	a.abi = ABI_I386;
	a.engine = ENGINE_FAST;
	a.has_flags = true;
	a.flags = O_CLOEXEC;
	a.first = false;
	CHECK_ALL(&a,
		  ACCESS_LINE("\"op\":\"rename\",\"path\":\"/etc/passwd\","
			      "\"to\":\"/b\xef\xbf\xbd\",\"to_hex\":\"2f62ff\","
			      "\"call\":\"renameat2\",\"abi\":\"i386\",\"result\":3,"
			      "\"flags\":\"O_RDONLY|O_CLOEXEC\",\"name\":\"passwd\","
			      "\"to_name\":\"b\xef\xbf\xbd\",\"to_name_hex\":\"62ff\","
			      "\"engine\":\"fast\""));
	forget_names();
}

TEST(access_line_with_doubts)
{
	struct access a = read_passwd();

	a.truncated = a.deleted = a.raced = a.own = true;
	a.opened = name("/etc/shadow");
	a.path_after = name("/a");
	a.to_after = name("/b");
	a.root = name("/jail");
	a.mnt_ns = 4026532000;
	a.file = (struct file_id){ .known = true,
				   .deleted = true,
				   .dev_major = 8,
				   .dev_minor = 1,
				   .ino = 1234567890123,
				   .path = name("/etc/shadow") };
	a.replaced = (struct file_id){ .known = true, .ino = 5 };
	CHECK_ACCESS(&a, ACCESS_LINE(OPENAT
				     ",\"result\":3,\"truncated\":true,\"deleted\":true,"
				     "\"raced\":true,\"opened\":\"/etc/shadow\","
				     "\"path_after\":\"/a\",\"to_after\":\"/b\","
				     "\"root\":\"/jail\",\"mnt_ns\":4026532000,"
				     "\"name\":\"passwd\",\"file\":{\"dev\":\"8:1\","
				     "\"ino\":1234567890123,\"path\":\"/etc/shadow\","
				     "\"deleted\":true},"
				     "\"replaced\":{\"dev\":\"0:0\",\"ino\":5}"));
	a = read_passwd();
	a.path = name("");
	a.path_unknown = true;
	a.path_error = EPERM;
	CHECK_ACCESS(&a, ACCESS_LINE("\"op\":\"read\",\"path\":\"\",\"call\":\"openat\","
				     "\"result\":3,\"path_unknown\":true,"
				     "\"path_error\":\"EPERM\""));
	forget_names();
}

TEST(passed_names)
{
	struct access a = read_passwd();

	a.name = (struct span)SPAN("/etc/passwd");
	CHECK_ALL(&a, ACCESS_LINE(OPENAT ",\"result\":3"));
	a.name = (struct span)SPAN("");
	CHECK_ALL(&a, ACCESS_LINE(OPENAT ",\"result\":3,\"name\":\"\""));
	a.name = (struct span){ NULL, 0 };
	CHECK_ALL(&a, ACCESS_LINE(OPENAT ",\"result\":3"));
	forget_names();
}

TEST(what_is_not_known)
{
	struct access a = read_passwd();

	process.name = NULL;
	a.path = name("");
	a.path_unknown = true;
	a.error = EFAULT;
	CHECK_ACCESS(&a, "{\"type\":\"access\",\"t\":0.012345678,\"proc\":2,\"pid\":11,"
			 "\"tid\":12,\"op\":\"read\",\"path\":\"\",\"call\":\"openat\","
			 "\"error\":\"EFAULT\",\"errno\":14,\"path_unknown\":true}\n");
	forget_names();
}

TEST(end_line)
{
	struct outcome o = {
		.time = 2000000001,
		.status_known = true,
		.processes = 3,
		.threads = 1,
		.execs = 2,
		.stops = 9,
		.calls = { 40, 5 },
		.accesses = 12,
		.written = 9,
	};

	CHECK_END(&o,
		  "{\"type\":\"end\",\"t\":2.000000001,\"complete\":true,\"status\":0,"
		  "\"processes\":3,\"threads\":1,\"execs\":2,\"stops\":9,"
		  "\"calls\":{\"strict\":40,\"fast\":5},\"accesses\":12,\"written\":9,"
		  "\"gaps\":[],\"notes\":[]}\n");
	o.status = SIGTERM;
	o.gaps[GAP_LOG] = (struct gap_count){ 1, "x\xff" };
	o.gaps[GAP_KILLED].count = 2;
	CHECK_END(
		&o,
		"{\"type\":\"end\",\"t\":2.000000001,\"complete\":false,"
		"\"signal\":\"SIGTERM\",\"processes\":3,\"threads\":1,\"execs\":2,\"stops\":9,"
		"\"calls\":{\"strict\":40,\"fast\":5},\"accesses\":12,\"written\":9,"
		"\"gaps\":[{\"kind\":\"killed\",\"what\":\"the command was ended by "
		"SIGKILL\",\"count\":2},{\"kind\":\"log\",\"what\":\"a log could not be "
		"written\",\"count\":1,\"example\":\"x\xef\xbf\xbd\","
		"\"example_hex\":\"78ff\"}],\"notes\":[]}\n");
	o = (struct outcome){ .status_known = true };
	o.notes[NOTE_ASKED] = (struct gap_count){ 3, "D-Bus\n" };
	CHECK_END(&o, "{\"type\":\"end\",\"t\":0.000000000,\"complete\":true,"
		      "\"status\":0,\"processes\":0,\"threads\":0,\"execs\":0,"
		      "\"stops\":0,\"calls\":{\"strict\":0,\"fast\":0},"
		      "\"accesses\":0,\"written\":0,\"gaps\":[],"
		      "\"notes\":[{\"kind\":\"asked\",\"what\":\"a service was asked "
		      "that may touch files by itself\",\"count\":3,"
		      "\"example\":\"D-Bus\\n\"}]}\n");
	o = (struct outcome){ 0 };
	CHECK_END(&o, "{\"type\":\"end\",\"t\":0.000000000,\"complete\":false,"
		      "\"processes\":0,\"threads\":0,\"execs\":0,\"stops\":0,"
		      "\"calls\":{\"strict\":0,\"fast\":0},\"accesses\":0,\"written\":0,"
		      "\"gaps\":[],\"notes\":[]}\n");
}

static void
check_flags(uint64_t flags, const char *want)
{
	_cleanup_buf_ struct buf out = { 0 };

	flags_open(&out, flags);
	CHECK_STR(buf_str(&out), want);
}

TEST(open_flags)
{
	check_flags(0, "O_RDONLY");
	check_flags(O_WRONLY | O_CREAT | O_TRUNC, "O_WRONLY|O_CREAT|O_TRUNC");
	check_flags(O_RDWR | O_SYNC, "O_RDWR|O_SYNC");
	check_flags(O_DSYNC, "O_RDONLY|O_DSYNC");
	check_flags(O_RDWR | O_TMPFILE, "O_RDWR|O_TMPFILE");
	check_flags(O_DIRECTORY | O_CLOEXEC, "O_RDONLY|O_DIRECTORY|O_CLOEXEC");
	check_flags(O_PATH, "O_PATH");
	check_flags(O_PATH | O_NOFOLLOW, "O_NOFOLLOW|O_PATH");
	check_flags(3, "O_ACCMODE");
	check_flags(0100000, "O_RDONLY|O_LARGEFILE");
	check_flags(0x8000000000000000 | 0x40000000, "O_RDONLY|0x8000000040000000");
}

TEST(signal_names)
{
	static const struct {
		int sig;
		const char *want;
	} cases[] = { { SIGKILL, "SIGKILL" }, { SIGPIPE, "SIGPIPE" }, { 33, "SIG33" } };

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_buf_ struct buf out = { 0 };

		flags_signal(&out, cases[i].sig);
		CHECK_STR(buf_str(&out), cases[i].want);
	}
}

/* One string, \uNNNN below U+10000 only: what comes after is its end. */
static const char *
decode_string(const char *s, struct buf *out)
{
	static const char letters[] = "\"\"\\\\b\bt\tn\nf\fr\r";

	for (; *s != '"'; s++) {
		unsigned c = 0;

		if (*s != '\\') {
			CHECK((unsigned char)*s >= 0x20);
			buf_addc(out, *s);
		} else if (*++s != 'u') {
			size_t i = 0;

			while (letters[i] && letters[i] != *s)
				i += 2;
			CHECK(letters[i]);
			buf_addc(out, letters[i + 1]);
		} else {
			CHECK_INT(sscanf(s + 1, "%4x", &c), 1);
			if (c < 0x80)
				buf_addc(out, (char)c);
			else if (c < 0x800)
				buf_printf(out, "%c%c", (int)(0xc0 | c >> 6),
					   (int)(0x80 | (c & 0x3f)));
			else
				buf_printf(out, "%c%c%c", (int)(0xe0 | c >> 12),
					   (int)(0x80 | (c >> 6 & 0x3f)),
					   (int)(0x80 | (c & 0x3f)));
			s += 4;
		}
	}
	return s;
}

/* The bytes under @key: in hex where there is "@key_hex", else the string. */
static bool
decode(const char *line, const char *key, struct buf *out)
{
	char mark[40];
	const char *at;
	unsigned c;

	buf_reset(out);
	snprintf(mark, sizeof(mark), ",\"%s_hex\":\"", key);
	at = strstr(line, mark);
	if (at) {
		for (at += strlen(mark); sscanf(at, "%2x", &c) == 1 && *at != '"';
		     at += 2)
			buf_addc(out, (char)c);
		return *at == '"';
	}
	snprintf(mark, sizeof(mark), ",\"%s\":\"", key);
	at = strstr(line, mark);
	if (!at)
		return false;
	decode_string(at + strlen(mark), out);
	return true;
}

TEST(random_names_come_back)
{
	_cleanup_buf_ struct buf out = { 0 };
	uint64_t state = 9;
	char file[200], to[200];

	for (int i = 0; i < 5000; i++) {
		size_t file_len = unit_random_name(&state, file, sizeof(file));
		size_t to_len = unit_random_name(&state, to, sizeof(to));
		struct access a = read_passwd();
		char *line;

		a.path = intern_get(names, file, file_len);
		a.to = intern_get(names, to, to_len);
		line = lines_of(false, NULL, &a, NULL);
		CHECK(strchr(line, '\n') == line + strlen(line) - 1);
		CHECK(decode(line, "path", &out));
		CHECK_MEM(out.data, out.len, file, file_len);
		CHECK(decode(line, "to", &out));
		CHECK_MEM(out.data, out.len, to, to_len);
		CHECK(strstr(line, ",\"call\":\"openat\",\"result\":3}\n"));
		free(line);
	}
	forget_names();
}
