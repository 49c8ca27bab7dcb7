/* SPDX-License-Identifier: MIT */
/* Compressed logs, read back by the tools that people have. */
#include "unit.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/event.h"
#include "sink/formats.h"
#include "sink/jsonl.h"
#include "sink/output.h"
#include "sink/pack.h"
#include "sink/perfetto.h"
#include "sink/text.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct kind {
	const struct pack_ops *pack;
	const char *tool;
} kinds[] = {
	{ &pack_zstd, "zstd" },
	{ &pack_gzip, "gzip" },
};

/* False, and the test is skipped, where this kind cannot be tried here. */
static bool
is_there(const struct kind *k)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", k->tool);
	if (k->pack->make && system(command) == 0)
		return true;
	unit_skip(k->pack->make ? "zstd or gzip is not installed"
				: "built without libzstd or zlib");
	return false;
}

/* What @fd holds, decompressed; to be freed.  @ret_whole: the tool had no complaint. */
static char *
unpacked(const struct kind *k, int fd, bool *ret_whole)
{
	int to = unit_file();
	char command[200], *content;

	snprintf(command, sizeof(command),
		 "%s -dc </proc/%d/fd/%d >/proc/%d/fd/%d 2>/dev/null", k->tool, getpid(),
		 fd, getpid(), to);
	*ret_whole = system(command) == 0;
	content = unit_content(to, NULL);
	close(to);
	return content;
}

/* Lines that say which they are, and do not shrink to nothing. */
static int
add_line(struct output *o, unsigned number)
{
	uint64_t state = number + 1;

	buf_printf(output_line(o), "line %u", number);
	for (unsigned i = 0; i <= number % 7; i++)
		buf_printf(output_line(o), " %llx",
			   (unsigned long long)unit_random(&state));
	return output_line_end(o);
}

static void
last_words(struct buf *line, const struct outcome *o, void *ctx)
{
	const struct output *out = ctx;

	buf_printf(line, "END %s lost %llu %s",
		   o->gaps[GAP_LOG].count ? "incomplete" : "complete",
		   (unsigned long long)output_lost(out), o->gaps[GAP_LOG].example);
}

/* How many of the numbered lines stand in @content, -1 if anything is not whole. */
static int
whole_lines(const char *content, char last[200])
{
	int number = 0;
	size_t len;

	*last = '\0';
	for (const char *at = content; *at; at += len + 1, number++) {
		char *end;

		len = strcspn(at, "\n");
		if (at[len] != '\n')
			return -1;
		if (!strncmp(at, "END", 3)) {
			snprintf(last, 200, "%.*s", (int)len, at);
			return at[len + 1] ? -1 : number;
		}
		if (strncmp(at, "line ", 5) || strtol(at + 5, &end, 10) != number ||
		    *end != ' ')
			return -1;
	}
	return number;
}

static const struct outcome ended = { .status_known = true };

/* All lines, whatever the sizes of the pieces; and all that was flushed at any time. */
static void
check_whole(const struct kind *k, unsigned lines, unsigned flush_every)
{
	int fd = unit_file();
	struct output *o = output_new(fd, k->pack);
	char *content, last[200];
	bool whole;

	for (unsigned i = 0; i < lines; i++) {
		CHECK_INT(add_line(o, i), 0);
		if (i % flush_every == 0)
			CHECK_INT(output_flush(o), 0);
		if (i == lines / 2) {
			output_flush(o);
			content = unpacked(k, fd, &whole);
			CHECK_INT(whole_lines(content, last), i + 1);
			CHECK(!whole);
			free(content);
		}
	}
	CHECK_INT(output_finish(o, &ended, last_words, o), 0);
	content = unpacked(k, fd, &whole);
	CHECK(whole);
	CHECK_INT(whole_lines(content, last), (int)lines);
	CHECK_STR(last, "END complete lost 0 ");
	free(content);
	output_free(o);
	close(fd);
}

TEST(whole_lines_come_back)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && is_there(&kinds[i]); i++) {
		check_whole(&kinds[i], 2000, 1);
		check_whole(&kinds[i], 20000, 777);
		check_whole(&kinds[i], 20000, 30000);
		check_whole(&kinds[i], 1, 1);
	}
}

TEST(an_empty_log_is_one)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && is_there(&kinds[i]); i++) {
		int fd = unit_file();
		struct output *o = output_new(fd, kinds[i].pack);
		char *content;
		bool whole;

		CHECK_INT(output_finish(o, &ended, last_words, o), 0);
		content = unpacked(&kinds[i], fd, &whole);
		CHECK(whole);
		CHECK_STR(content, "END complete lost 0 \n");
		free(content);
		output_free(o);
		close(fd);
	}
}

/* Sets how large a file may become; -1 for no limit. */
static void
limit_files(long long bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = bytes < 0 ? limit.rlim_max : (rlim_t)bytes;
	setrlimit(RLIMIT_FSIZE, &limit);
}

/*
 * A log in a file that may have @room bytes: whole lines, and an end that says
 * how many are missing, without a complaint of the tool.  Returns how many there are.
 */
static int
check_limited(const struct kind *k, long long room, unsigned lines, unsigned flush_every)
{
	int fd = unit_file(), in_file;
	struct output *o = output_new(fd, k->pack);
	char last[200], want[200], *content;
	bool whole;

	limit_files(room);
	for (unsigned i = 0; i < lines; i++) {
		add_line(o, i);
		if (i % flush_every == 0)
			output_flush(o);
	}
	CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
	limit_files(-1);
	content = unpacked(k, fd, &whole);
	CHECK(whole);
	in_file = whole_lines(content, last);
	snprintf(want, sizeof(want), "END incomplete lost %d File too large",
		 (int)lines - in_file);
	CHECK_STR(last, want);
	CHECK_INT(output_lost(o), (int)lines - in_file);
	free(content);
	output_free(o);
	close(fd);
	return in_file;
}

TEST(a_full_file_ends_in_good_order)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && is_there(&kinds[i]); i++) {
		for (long long room = 70000; room < 70200; room += 29) {
			CHECK(check_limited(&kinds[i], room, 6000, 1) > 900);
			CHECK(check_limited(&kinds[i], room, 6000, 10) > 1000);
		}
		for (long long room = 170000; room < 172000; room += 331)
			CHECK(check_limited(&kinds[i], room, 8000, 10000) > 1000);
		/* room for hardly more than the end */
		for (long long room = 100; room < 1000; room += 97)
			check_limited(&kinds[i], room, 3000, 3);
	}
}

TEST(no_room_at_all)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && is_there(&kinds[i]); i++) {
		int fd = unit_file();
		struct output *o = output_new(fd, kinds[i].pack);
		struct stat st;

		limit_files(10);
		add_line(o, 0);
		CHECK_INT(output_flush(o), -EFBIG);
		CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
		limit_files(-1);
		fstat(fd, &st);
		CHECK_INT(st.st_size, 0);
		output_free(o);
		close(fd);
	}
}

TEST(what_others_wrote_behind_is_never_cut)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && is_there(&kinds[i]); i++) {
		int fd = unit_file();
		struct output *o = output_new(fd, kinds[i].pack);
		char *content;
		size_t len;

		add_line(o, 0);
		output_flush(o);
		CHECK_INT(pwrite(fd, "behind\n", 7, 3000), 7);
		limit_files(1000);
		for (unsigned n = 1; n < 100; n++)
			add_line(o, n);
		CHECK_INT(output_flush(o), -EFBIG);
		CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
		limit_files(-1);
		content = unit_content(fd, &len);
		CHECK_INT(len, 3007);
		CHECK_MEM(content + 3000, 7, "behind\n", 7);
		free(content);
		output_free(o);
		close(fd);
	}
}

TEST(a_pipe_that_is_closed)
{
	struct output *o;
	int fds[2];

	if (!is_there(&kinds[0]))
		return;
	signal(SIGPIPE, SIG_IGN);
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	o = output_new(fds[1], kinds[0].pack);
	CHECK_INT(add_line(o, 0), 0);
	CHECK_INT(output_flush(o), 0);
	close(fds[0]);
	CHECK_INT(add_line(o, 1), 0);
	CHECK_INT(output_flush(o), -EPIPE);
	CHECK_INT(output_finish(o, &ended, last_words, o), -EPIPE);
	CHECK_INT(output_lost(o), 1);
	output_free(o);
	close(fds[1]);
}

TEST(names_tell_format_and_compression)
{
	CHECK(formats_by_name("a.jsonl.zst") == &jsonl_sink);
	CHECK(formats_by_name("a.ndjson.gz") == &jsonl_sink);
	CHECK(formats_by_name("a.txt.zst") == &text_sink);
	CHECK(formats_by_name("a.jsonl/b.gz") == &text_sink);
	CHECK(formats_by_name(".jsonl.gz") == &jsonl_sink);
	CHECK(formats_by_name(".gz") == &text_sink);
	CHECK(formats_by_name("a.jsonl.gz.zst") == &text_sink);
	CHECK(formats_by_name("a.perfetto.json.gz") == &perfetto_sink);
	CHECK(formats_by_name("a.json") == &text_sink);
	CHECK(formats_by_name("json") == &text_sink);
	CHECK(pack_by_name("a.jsonl.zst") == &pack_zstd);
	CHECK(pack_by_name("a.gz") == &pack_gzip);
	CHECK(pack_by_name("a.jsonl") == NULL);
	CHECK(pack_by_name("gz") == NULL);
	CHECK(pack_by_name("a.zst.log") == NULL);
}
