/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "model/event.h"
#include "sink/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Lines of 20 to 119 bytes that say which they are. */
static int
add_line(struct output *o, unsigned number)
{
	buf_printf(output_line(o), "line %0*u end", (int)(11 + number * 37 % 100),
		   number);
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
		char want[200];

		len = strcspn(at, "\n");
		if (at[len] != '\n' || len > 150)
			return -1;
		if (!strncmp(at, "END", 3)) {
			memcpy(last, at, len);
			last[len] = '\0';
			return at[len + 1] ? -1 : number;
		}
		snprintf(want, sizeof(want), "line %0*u end",
			 (int)(11 + (unsigned)number * 37 % 100), (unsigned)number);
		if (strlen(want) != len || memcmp(at, want, len))
			return -1;
	}
	return number;
}

static const struct outcome ended = { .status_known = true };

TEST(writes_whole_lines)
{
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);
	char last[200], *content;

	for (unsigned i = 0; i < 50000; i++) {
		CHECK_INT(add_line(o, i), 0);
		if (i % 777 == 0)
			CHECK_INT(output_flush(o), 0);
	}
	CHECK(output_line(o)->cap < 512 * 1024);
	CHECK_INT(output_finish(o, &ended, last_words, o), 0);
	content = unit_content(fd, NULL);
	CHECK_INT(whole_lines(content, last), 50000);
	CHECK_STR(last, "END complete lost 0 ");
	free(content);
	output_free(o);
	output_free(NULL);
	close(fd);
}

TEST(collects_before_it_writes)
{
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);
	struct stat st;
	unsigned i = 0;

	/* at most one line more than 64 KiB is held back, and never part of one */
	for (; i < 550; i++)
		add_line(o, i);
	fstat(fd, &st);
	CHECK_INT(st.st_size, 0);
	for (; i < 1100; i++)
		add_line(o, i);
	fstat(fd, &st);
	CHECK(st.st_size >= 64 * 1024);
	output_flush(o);
	fstat(fd, &st);
	CHECK_INT(st.st_size, lseek(fd, 0, SEEK_END));
	output_free(o);
	close(fd);
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
 * A log in a file that may have @room bytes: whole lines, then an end that says
 * what is missing.  Returns how many lines there were.
 */
static int
check_limited(int flags, long long room, unsigned lines, unsigned flush_every)
{
	int fd = unit_file(), in_file;
	struct output *o;
	char last[200], want[200], *content;
	size_t len;

	fcntl(fd, F_SETFL, flags);
	o = output_new(fd, NULL);
	limit_files(room);
	for (unsigned i = 0; i < lines; i++) {
		add_line(o, i);
		if (flush_every && i % flush_every == 0)
			output_flush(o);
	}
	/* also when nobody comes to say the last words */
	output_flush(o);
	content = unit_content(fd, NULL);
	CHECK(whole_lines(content, last) >= 0);
	free(content);
	CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
	limit_files(-1);
	content = unit_content(fd, &len);
	CHECK((long long)len <= room);
	in_file = whole_lines(content, last);
	snprintf(want, sizeof(want), "END incomplete lost %d File too large",
		 (int)lines - in_file);
	CHECK_STR(last, want);
	/* no more was given up than the last line needed: a line is at most 120 */
	CHECK(len + 120 + strlen(want) + 1 > (size_t)room);
	CHECK_INT(output_lost(o), (int)lines - in_file);
	free(content);
	output_free(o);
	close(fd);
	return in_file;
}

TEST(a_full_file_ends_in_good_order)
{
	for (int flags = 0; flags <= O_APPEND; flags += O_APPEND)
		for (long long room = 70000; room < 70150; room++) {
			CHECK(check_limited(flags, room, 3000, 0) > 800);
			CHECK(check_limited(flags, room, 3000, 10) > 800);
			CHECK(check_limited(flags, room, 3000, 1) > 800);
		}
}

TEST(a_large_file_that_is_full)
{
	for (long long room = 300000; room < 300130; room += 13) {
		CHECK(check_limited(0, room, 6000, 0) > 3000);
		CHECK(check_limited(O_APPEND, room, 6000, 10) > 3000);
	}
}

/* Just after 96 KiB the output forgets what it wrote first. */
TEST(a_file_that_is_full_when_little_is_remembered)
{
	for (long long room = 96 * 1024 - 10; room < 96 * 1024 + 250; room++)
		CHECK(check_limited(0, room, 3000, 1) > 1000);
}

TEST(a_shared_file_that_is_full_when_little_is_remembered)
{
	for (long long more = 0; more < 250; more++) {
		int fd = unit_file();
		struct output *o = output_new(fd, NULL);
		char *content, *end;

		limit_files(96 * 1024 + more);
		for (unsigned i = 0; i < 2000; i++) {
			add_line(o, i);
			output_flush(o);
			if (i == 700)
				CHECK_INT(write(fd, "job's\n", 6), 6);
		}
		CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
		limit_files(-1);
		content = unit_content(fd, NULL);
		end = strstr(content, "\nEND incomplete lost ");
		CHECK(end && strchr(end + 1, '\n')[1] == '\0');
		CHECK(strstr(content, "end\njob's\nline") != NULL);
		free(content);
		output_free(o);
		close(fd);
	}
}

TEST(a_file_full_at_the_end)
{
	/* all lines fit, or all but a few, and then the last one does not */
	struct stat st;
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);

	for (unsigned i = 0; i < 100; i++)
		add_line(o, i);
	output_flush(o);
	fstat(fd, &st);
	for (int more = -150; more < 20; more++)
		check_limited(0, st.st_size + more, 100, 0);
	output_free(o);
	close(fd);
}

TEST(no_room_at_all)
{
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);
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

TEST(what_others_wrote_is_never_cut)
{
	/* a log on stdout shares its file and its place in it with the job */
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);
	char *content;

	CHECK_INT(write(fd, "before\n", 7), 7);
	add_line(o, 0);
	output_flush(o);
	CHECK_INT(write(fd, "job's\n", 6), 6);
	limit_files(7 + 21 + 6 + 15);
	add_line(o, 0);
	CHECK_INT(output_flush(o), -EFBIG);
	CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
	limit_files(-1);
	content = unit_content(fd, NULL);
	CHECK_STR(content, "before\nline 00000000000 end\njob's\n");
	free(content);
	output_free(o);
	close(fd);
}

TEST(what_others_wrote_behind_is_never_cut)
{
	int fd = unit_file();
	struct output *o = output_new(fd, NULL);
	char *content;
	size_t len;

	add_line(o, 0);
	output_flush(o);
	CHECK_INT(pwrite(fd, "behind\n", 7, 100), 7);
	limit_files(31);
	add_line(o, 0);
	CHECK_INT(output_flush(o), -EFBIG);
	limit_files(-1);
	/* the line stays torn, but the last one does not become part of it */
	CHECK_INT(output_finish(o, &ended, last_words, o), -EFBIG);
	content = unit_content(fd, &len);
	CHECK_INT(len, 107);
	CHECK_STR(content, "line 00000000000 end\nline 00000\n"
			   "END incomplete lost 1 File too large\n");
	CHECK_STR(content + 100, "behind\n");
	free(content);
	output_free(o);
	close(fd);
}

TEST(full_device)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct output *o = output_new(fd, NULL);

	CHECK_INT(add_line(o, 0), 0);
	CHECK_INT(output_flush(o), -ENOSPC);
	CHECK_INT(add_line(o, 1), -ENOSPC);
	CHECK_INT(output_flush(o), -ENOSPC);
	CHECK_INT(output_finish(o, &ended, last_words, o), -ENOSPC);
	CHECK_INT(output_lost(o), 2);
	output_free(o);
	close(fd);
}

TEST(closed_pipe)
{
	struct output *o;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
	o = output_new(fds[1], NULL);
	CHECK_INT(add_line(o, 0), 0);
	CHECK_INT(output_flush(o), 0);
	close(fds[0]);
	for (unsigned i = 1; i < 10; i++)
		CHECK_INT(add_line(o, i), 0);
	CHECK_INT(output_flush(o), -EPIPE);
	CHECK_INT(output_finish(o, &ended, last_words, o), -EPIPE);
	CHECK_INT(output_lost(o), 9);
	output_free(o);
	close(fds[1]);
}

/* Reads the pipe slowly into a file, as somebody's terminal would. */
static pid_t
slow_reader(int from, int other, int to)
{
	pid_t pid = fork();
	char bytes[3000];
	ssize_t n;

	if (pid)
		return pid;
	close(other);
	while ((n = read(from, bytes, sizeof(bytes))) > 0) {
		if (write(to, bytes, (size_t)n) != n)
			_exit(1);
		usleep(200);
	}
	_exit(0);
}

TEST(nonblocking_pipe)
{
	int fds[2], file = unit_file(), status = -1;
	char last[200], *content;
	struct output *o;
	pid_t pid;

	CHECK_INT(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	fcntl(fds[0], F_SETFL, 0);
	fcntl(fds[1], F_SETPIPE_SZ, 4096);
	pid = slow_reader(fds[0], fds[1], file);
	close(fds[0]);
	o = output_new(fds[1], NULL);
	for (unsigned i = 0; i < 10000; i++)
		CHECK_INT(add_line(o, i), 0);
	CHECK_INT(output_finish(o, &ended, last_words, o), 0);
	output_free(o);
	close(fds[1]);
	waitpid(pid, &status, 0);
	CHECK_INT(status, 0);
	content = unit_content(file, NULL);
	CHECK_INT(whole_lines(content, last), 10000);
	CHECK_STR(last, "END complete lost 0 ");
	free(content);
	close(file);
}
