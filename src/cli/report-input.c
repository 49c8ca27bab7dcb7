/* SPDX-License-Identifier: MIT */
#include "cli/report-input.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/msg.h"
#include "sink/dbread.h"
#include "sink/logread.h"
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PIECE (1024 * 1024)
#define MAGIC_MAX 16

/* What a file begins with that is no log as it is. */
static const struct magic {
	const char *bytes;
	size_t len;
	const char *tool; /* that turns it into one, called with -dc; or NULL */
	const char *what;
} magics[] = {
	{ "\x28\xb5\x2f\xfd", 4, "zstd", "compressed by zstd" },
	{ "\x1f\x8b", 2, "gzip", "compressed by gzip" },
	{ "SQLite format 3", 16, NULL, "a database" },
};

struct input {
	const char *name;
	int fd;
	pid_t tool; /* the process that decompresses, or 0 */
	const struct magic *magic;
};

static ssize_t
read_some(int fd, char *to, size_t len)
{
	ssize_t n;

	do
		n = read(fd, to, len);
	while (n < 0 && errno == EINTR);
	return n;
}

static const struct magic *
find_magic(const char *bytes, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (len >= magics[i].len &&
		    !memcmp(bytes, magics[i].bytes, magics[i].len))
			return &magics[i];
	return NULL;
}

static bool
open_input(struct input *in)
{
	struct stat st;

	in->fd = strcmp(in->name, "-") != 0
			 ? open(in->name, O_RDONLY | O_CLOEXEC | O_NOCTTY)
			 : fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	if (in->fd < 0 || fstat(in->fd, &st) < 0) {
		msg_warn("cannot open %s:", in->name);
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		msg_warn("cannot read %s:", in->name);
		return false;
	}
	return true;
}

/* Puts a tool between the file and us. */
static bool
start_tool(struct input *in)
{
	char *argv[] = { (char *)in->magic->tool, (char[]){ "-dc" }, NULL };
	extern char **environ;
	posix_spawn_file_actions_t actions;
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		msg_warn("cannot make a pipe:");
		return false;
	}
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in->fd, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	r = posix_spawnp(&in->tool, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	close(in->fd);
	in->fd = ends[0];
	errno = r;
	if (r)
		msg_warn("%s is %s, and that cannot be run:", in->name, in->magic->what);
	return !r;
}

/*
 * Looks at what the input begins with.  A file that is compressed is begun again, by
 * its tool; a pipe cannot be.
 */
static bool
look(struct input *in, const char *bytes, size_t len, bool *ret_again)
{
	in->magic = find_magic(bytes, len);
	*ret_again = false;
	if (!in->magic)
		return true;
	if (!in->magic->tool)
		return true;
	if (lseek(in->fd, 0, SEEK_SET) < 0) {
		msg_warn("the input is %s: put %s -dc before the pipe", in->magic->what,
			 in->magic->tool);
		return false;
	}
	*ret_again = true;
	return start_tool(in);
}

/* Whether a database could be read, to its end. */
static bool
read_database(const struct input *in, struct logread *log)
{
	char reason[128];

	/* SQLite opens files itself, by their names */
	if (strcmp(in->name, "-") == 0) {
		msg_warn("the input is a database: give its name instead");
		return false;
	}
	switch ((enum dbread_result)dbread(in->name, log, reason)) {
	case DBREAD_OK:
		return true;
	case DBREAD_OFF:
		msg_warn("%s is a database, and this program was built without "
			 "libsqlite3",
			 in->name);
		break;
	case DBREAD_FOREIGN:
		msg_warn("%s is a database, and none of whatfiles", in->name);
		break;
	case DBREAD_NEWER:
		msg_warn("%s is a database of a version newer than this program",
			 in->name);
		break;
	case DBREAD_BROKEN:
		msg_warn("%s: the database cannot be read: %s", in->name, reason);
		break;
	}
	return false;
}

/* Reads until the end, or until nothing more can come of it. */
static bool
feed_all(struct input *in, struct logread *log)
{
	_cleanup_free_ char *piece = mem_resize(NULL, PIECE, 1);
	bool first = true, again;
	ssize_t n;

	while ((n = read_some(in->fd, piece, PIECE)) > 0) {
		/* a pipe may begin with less, but compressors write whole blocks */
		if (first && !in->tool) {
			if (!look(in, piece, (size_t)n, &again))
				return false;
			if (in->magic && !in->magic->tool)
				return read_database(in, log);
			if (again)
				continue;
		}
		first = false;
		if (logread_feed(log, piece, (size_t)n) != LOGREAD_OK)
			return true;
	}
	if (n < 0)
		msg_warn("cannot read %s:", in->name);
	return n == 0;
}

/* Whether the tool, if there was one, was content. */
static bool
finish_tool(struct input *in)
{
	int status;

	/* it may still be writing what nobody wants */
	close(in->fd);
	in->fd = -1;
	if (!in->tool || waitpid(in->tool, &status, 0) < 0)
		return true;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	msg_warn("%s: %s could not decompress all of it", in->name, in->magic->tool);
	return false;
}

static void
tell_result(const struct input *in, const struct logread *log, int result)
{
	switch ((enum logread_result)result) {
	case LOGREAD_EMPTY:
		msg_warn("%s is empty", in->name);
		break;
	case LOGREAD_NO_LOG:
		msg_warn("%s is no log of whatfiles", in->name);
		break;
	case LOGREAD_TEXT:
		msg_warn(
			"%s is a text log, which holds too little for a report: write one "
			"whose name ends in .jsonl",
			in->name);
		break;
	case LOGREAD_NEWER:
		msg_warn("%s is a log of version %lld, newer than this program", in->name,
			 (long long)logread_faults(log)->version);
		break;
	case LOGREAD_OK:
		break;
	}
}

static bool
tell_faults(const struct input *in, const struct logread_faults *f)
{
	if (f->broken)
		msg_warn("%s: lines that cannot be read: %llu, the first is line %llu",
			 in->name, (unsigned long long)f->broken,
			 (unsigned long long)f->first_broken);
	if (f->missing)
		msg_warn("%s: accesses are missing: %llu", in->name,
			 (unsigned long long)f->missing);
	if (f->headless)
		msg_warn("%s has no header: what ran is not known", in->name);
	if (f->endless)
		msg_warn("%s has no end: it was cut short, or is still being written",
			 in->name);
	return !f->broken && !f->missing && !f->headless && !f->endless;
}

bool
report_input_read(const char *path, struct logread *log, bool *ret_whole)
{
	struct input in = { .name = path };
	bool read;
	int result;

	*ret_whole = false;
	if (!open_input(&in))
		return false;
	read = feed_all(&in, log);
	result = logread_end(log);
	*ret_whole = finish_tool(&in) && read;
	/* a reason was told already */
	if (!read && result == LOGREAD_EMPTY)
		return false;
	if (result)
		tell_result(&in, log, result);
	else
		*ret_whole &= tell_faults(&in, logread_faults(log));
	return !result;
}
