/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/fdio.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

TEST(starts_empty)
{
	_cleanup_buf_ struct buf b = { 0 };

	CHECK_STR(buf_str(&b), "");
	buf_add(&b, NULL, 0);
	CHECK_INT(b.len, 0);
	CHECK_STR(buf_str(&b), "");
}

TEST(adds)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_add(&b, "a\0b", 3);
	buf_adds(&b, "cd");
	buf_addc(&b, '\0');
	buf_addc(&b, 'e');
	CHECK_MEM(b.data, b.len, "a\0bcd\0e", 7);
	CHECK_INT(b.data[b.len], 0);
}

TEST(adds_numbers)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_addu(&b, 0);
	buf_addc(&b, ' ');
	buf_addu(&b, 1000000000);
	buf_addc(&b, ' ');
	buf_addu(&b, UINT64_MAX);
	CHECK_STR(buf_str(&b), "0 1000000000 18446744073709551615");
}

TEST(grows)
{
	_cleanup_buf_ struct buf b = { 0 };

	for (unsigned i = 0; i < 100000; i++) {
		buf_addc(&b, (char)('a' + i % 26));
		CHECK(b.len < b.cap);
		CHECK_INT(b.data[b.len], 0);
	}
	for (unsigned i = 0; i < 100000; i++)
		CHECK_INT(b.data[i], 'a' + i % 26);
}

TEST(printf_at_every_size)
{
	for (int width = 1; width < 600; width++) {
		_cleanup_buf_ struct buf b = { 0 };

		buf_adds(&b, "<");
		buf_printf(&b, "%*d>", width, 7);
		CHECK_INT(b.len, width + 2);
		CHECK_STR(buf_str(&b) + width, "7>");
	}
}

TEST(room_is_written_by_hand)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, "12");
	memset(buf_room(&b, 1000), 'x', 1000);
	b.len += 3;
	CHECK_STR(buf_str(&b), "12xxx");
}

TEST(reset_keeps_memory_and_done_does_not)
{
	_cleanup_buf_ struct buf b = { 0 };
	char *data;

	buf_reset(&b);
	buf_adds(&b, "something");
	data = b.data;
	buf_reset(&b);
	CHECK_STR(buf_str(&b), "");
	CHECK(b.data == data);
	buf_done(&b);
	CHECK(!b.data && !b.cap);
	buf_adds(&b, "again");
	CHECK_STR(buf_str(&b), "again");
}

TEST(take_leaves_nothing)
{
	_cleanup_buf_ struct buf a = { 0 }, b = { 0 };

	buf_adds(&a, "x");
	b = TAKE(a);
	CHECK(!a.data);
	CHECK_STR(buf_str(&b), "x");
}

TEST(mem_copies)
{
	_cleanup_free_ char *copy = mem_copy("a\0bc", 3);
	_cleanup_free_ char *empty = mem_copy(NULL, 0);

	CHECK_MEM(copy, 4, "a\0b\0", 4);
	CHECK_STR(empty, "");
}

static void
exit_with_7(void)
{
	_exit(7);
}

/* The exit status of a process that asks for too much. */
static int
too_much(void (*handler)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		close(STDERR_FILENO);
		mem_on_failure(handler);
		mem_resize(NULL, SIZE_MAX / 2, 3);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -status;
}

TEST(mem_failure_is_handled_in_one_place)
{
	CHECK_INT(too_much(NULL), 125);
	CHECK_INT(too_much(exit_with_7), 7);
}

TEST(reads_whole_files)
{
	_cleanup_buf_ struct buf b = { 0 }, again = { 0 };

	buf_adds(&b, "keep:");
	CHECK_INT(fdio_read_whole(AT_FDCWD, "/proc/self/status", 1 << 20, &b),
		  FDIO_WHOLE);
	CHECK(!strncmp(buf_str(&b), "keep:Name:", 10));
	CHECK_INT(fdio_read_whole(AT_FDCWD, "/proc/self/status", 7, &again), FDIO_CUT);
	CHECK_INT(again.len, 7);
	CHECK(!strncmp(buf_str(&again), "Name:\t", 6));
}

TEST(read_says_why_not)
{
	_cleanup_buf_ struct buf b = { 0 };

	buf_adds(&b, "keep");
	CHECK_INT(fdio_read_whole(AT_FDCWD, "/nonexistent", 10, &b), -ENOENT);
	CHECK_INT(fdio_read_whole(AT_FDCWD, "/proc", 10, &b), -EISDIR);
	CHECK_STR(buf_str(&b), "keep");
}

TEST(read_limit_is_exact)
{
	int fd = unit_file();
	char path[64];
	_cleanup_buf_ struct buf b = { 0 };

	CHECK_INT(write(fd, "12345", 5), 5);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK_INT(fdio_read_whole(AT_FDCWD, path, 5, &b), FDIO_WHOLE);
	CHECK_STR(buf_str(&b), "12345");
	buf_reset(&b);
	CHECK_INT(fdio_read_whole(AT_FDCWD, path, 4, &b), FDIO_CUT);
	CHECK_STR(buf_str(&b), "1234");
	close(fd);
}

static void
on_alarm(int sig)
{
	(void)sig;
}

/* Reads all of @fd slowly in a child, which exits with 0 if it was @len bytes. */
static pid_t
slow_reader(int fd, int other, size_t len)
{
	pid_t pid = fork();
	char bytes[1500];
	size_t sum = 0;
	ssize_t n;

	if (pid)
		return pid;
	close(other);
	/* long enough for a signal to come while the writer waits for room */
	usleep(20000);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (bytes[i] != (char)((sum + (size_t)i) % 251))
				_exit(1);
		sum += (size_t)n;
		usleep(100);
	}
	_exit(sum == len ? 0 : 2);
}

TEST(writes_all_through_signals_and_a_slow_pipe)
{
	enum { LEN = 1000000 };
	_cleanup_free_ char *bytes = mem_zero(LEN, 1);
	struct sigaction interrupt = { .sa_handler = on_alarm };
	int fds[2], status = -1;
	size_t done = 0;
	pid_t pid;

	for (size_t i = 0; i < LEN; i++)
		bytes[i] = (char)(i % 251);
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		CHECK_INT(pipe2(fds, O_CLOEXEC), 0);
		fcntl(fds[1], F_SETFL, flags);
		pid = slow_reader(fds[0], fds[1], LEN);
		close(fds[0]);
		sigaction(SIGALRM, &interrupt, NULL);
		ualarm(1000, 1000);
		CHECK_INT(fdio_write_all(fds[1], bytes, LEN, &done), 0);
		ualarm(0, 0);
		CHECK_INT(done, LEN);
		close(fds[1]);
		waitpid(pid, &status, 0);
		CHECK_INT(status, 0);
	}
}

TEST(write_says_how_far_it_came)
{
	size_t done = 99;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CHECK_INT(fdio_write_all(fd, "x", 1, &done), -ENOSPC);
	CHECK_INT(done, 0);
	close(fd);
	CHECK_INT(fdio_write_all(-1, "x", 1, NULL), -EBADF);
}
