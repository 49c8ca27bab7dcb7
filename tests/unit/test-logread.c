/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "base/intern.h"
#include "model/hub.h"
#include "sink/jsonl.h"
#include "sink/logread.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * What jsonl.c writes comes back: a log is read, and the events go to a JSONL sink
 * again, whose bytes must be the same.
 */

#define HEADER                                                                            \
	"{\"type\":\"header\",\"format\":\"whatfiles-log\",\"version\":1,"                \
	"\"whatfiles\":\"0.1.0\",\"started\":\"2026-01-02T03:04:05.123456789Z\","         \
	"\"pid\":7,\"command\":[\"ls\",{\"text\":\"\xef\xbf\xbd\",\"hex\":\"ff\"},\"\"]," \
	"\"cwd\":\"/x\",\"engine\":\"fast\",\"classes\":[\"read\",\"process\"],"          \
	"\"all\":false}\n"
#define START                                                                    \
	"{\"type\":\"start\",\"t\":0.000000001,\"proc\":1,\"pid\":8,\"ppid\":7," \
	"\"cwd\":\"/x\"}\n"
#define END(written)                                                            \
	"{\"type\":\"end\",\"t\":2.000000000,\"complete\":true,\"status\":3,"   \
	"\"processes\":1,\"threads\":2,\"execs\":1,\"stops\":9,"                \
	"\"calls\":{\"strict\":1,\"fast\":5},\"stopped\":{\"site\":1},"         \
	"\"programs_by_stops\":{},\"accesses\":6,\"written\":" written          \
	",\"gaps\":[],\"notes\":[{\"kind\":\"asked\",\"what\":\"a service was " \
	"asked that may touch files by itself\",\"count\":2,\"example\":\"nscd\"}]}\n"
#define ACCESS(path)                                                             \
	"{\"type\":\"access\",\"t\":1.000000000,\"proc\":1,\"pid\":8,\"tid\":8," \
	"\"process\":\"ls\",\"op\":\"read\",\"path\":\"" path                    \
	"\",\"call\":\"openat\",\"result\":3,\"flags\":\"O_RDONLY\"}\n"

/* Reads @text in pieces of @piece bytes; what was written again is in @out. */
static int
read_log(const char *text, size_t len, size_t piece, struct buf *out,
	 struct logread_faults *ret_faults, struct outcome *ret_outcome)
{
	/* of its exact size, so that a sanitizer sees a step too far */
	char *copy = memcpy(malloc(len ? len : 1), text, len), *content;
	struct hub *hub = hub_new();
	struct logread *log;
	int fd = unit_file(), r;
	size_t size;

	hub_add(hub, jsonl_sink.make(fd, NULL), "log");
	log = logread_new(hub);
	for (size_t at = 0; at < len; at += piece)
		logread_feed(log, copy + at, len - at < piece ? len - at : piece);
	r = logread_end(log);
	if (ret_faults)
		*ret_faults = *logread_faults(log);
	if (ret_outcome)
		*ret_outcome = *logread_outcome(log);
	hub_free(hub);
	logread_free(log);
	content = unit_content(fd, &size);
	buf_reset(out);
	buf_add(out, content, size);
	free(content);
	close(fd);
	free(copy);
	return r;
}

static void
check_same(int line, const char *text)
{
	static const size_t pieces[] = { 1, 7, 1000000 };
	_cleanup_buf_ struct buf out = { 0 };

	for (size_t i = 0; i < 3; i++) {
		struct logread_faults faults;
		int r = read_log(text, strlen(text), pieces[i], &out, &faults, NULL);

		unit_check_int(__FILE__, line, r, LOGREAD_OK, "result");
		unit_check_int(__FILE__, line, (intmax_t)faults.broken, 0, "broken");
		unit_check_str(__FILE__, line, buf_str(&out), text, "written again");
	}
}

#define CHECK_SAME(text) check_same(__LINE__, text)

TEST(a_log_comes_back)
{
	CHECK_SAME(HEADER START ACCESS("/a") END("1"));
	CHECK_SAME(HEADER START ACCESS("/a\\n\\\"\\u202e") ACCESS("/b") END("2"));
}

TEST(every_kind_of_line_comes_back)
{
	CHECK_SAME(
		HEADER START
		"{\"type\":\"exec\",\"t\":0.000000002,\"proc\":1,\"pid\":8,\"exe\":"
		"\"/bin/sh\",\"argv\":[\"sh\",{\"text\":\"a\xef\xbf\xbd\",\"hex\":"
		"\"61ff\"}],\"cwd\":\"/x\",\"root\":\"/r\",\"mnt_ns\":77,"
		"\"argv_cut\":true}\n"
		"{\"type\":\"inherited\",\"t\":0.000000003,\"proc\":1,\"pid\":8,\"fd\":5,"
		"\"path\":\"/in\",\"kind\":\"file\",\"flags\":\"O_RDWR|O_APPEND\"}\n"
		"{\"type\":\"fork\",\"t\":0.000000004,\"proc\":2,\"pid\":9,\"ppid\":8,"
		"\"parent\":1,\"ns_pid\":3,\"cwd\":\"/x\",\"vm_shared\":true}\n"
		"{\"type\":\"exit\",\"t\":0.000000005,\"proc\":2,\"pid\":9,\"signal\":"
		"\"SIGSEGV\",\"core\":true}\n"
		"{\"type\":\"exit\",\"t\":0.000000006,\"proc\":1,\"pid\":8,\"status\":3}\n" END(
			"0"));
}

TEST(every_key_of_an_access_comes_back)
{
#define WHO "{\"type\":\"access\",\"t\":1.000000000,\"proc\":1,\"pid\":8,\"tid\":9,"
	CHECK_SAME(HEADER START WHO
		   "\"op\":\"rename\",\"path\":\"/a\",\"to\":\"/b\xef\xbf\xbd\","
		   "\"to_hex\":\"2f62ff\",\"call\":\"renameat2\",\"result\":0,"
		   "\"file\":{\"dev\":\"8:1\",\"ino\":12},\"replaced\":{\"dev\":\"0:25\","
		   "\"ino\":13,\"path\":\"/c\",\"deleted\":true}}\n" WHO
		   "\"process\":\"ls\",\"op\":\"read\",\"path\":\"\",\"call\":\"open\","
		   "\"abi\":\"i386\",\"error\":\"EFAULT\",\"errno\":14,"
		   "\"path_unknown\":true,\"path_error\":\"EFAULT\",\"truncated\":true,"
		   "\"flags\":\"O_RDONLY|0x40000000\"}\n" WHO
		   "\"op\":\"read\",\"path\":\"/proc/8/x\",\"call\":\"openat\","
		   "\"result\":3,\"deleted\":true,\"raced\":true,\"opened\":\"/o\","
		   "\"path_after\":\"/p\",\"to_after\":\"/q\",\"root\":\"/r\","
		   "\"mnt_ns\":5,\"flags\":\"O_RDONLY|O_CLOEXEC\","
		   "\"name\":\"/proc/self/x\",\"engine\":\"fast\"}\n" WHO
		   "\"op\":\"read\",\"path\":\"/l\",\"call\":\"execve\","
		   "\"by_kernel\":true}\n" WHO
		   "\"op\":\"delete\",\"path\":\"/l\",\"call\":\"unlink\","
		   "\"unfinished\":true}\n" WHO
		   "\"op\":\"read\",\"path\":\"/l\",\"call\":\"newer_than_us\","
		   "\"error\":\"1234\",\"errno\":1234}\n" END("6"));
}

TEST(a_log_that_was_cut)
{
	static const char text[] = HEADER START ACCESS("/a") END("1");
	size_t whole = strlen(HEADER START ACCESS("/a"));
	_cleanup_buf_ struct buf out = { 0 };

	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct logread_faults faults;
		struct outcome o;
		int r = read_log(text, len, 100, &out, &faults, &o);

		if (!len)
			CHECK_INT(r, LOGREAD_EMPTY);
		/* without its newline the last line may still be whole */
		else if (len < strlen(HEADER) - 1)
			CHECK_INT(r, LOGREAD_NO_LOG);
		else if (len < sizeof(text) - 2) {
			CHECK_INT(r, LOGREAD_OK);
			CHECK(faults.endless);
			CHECK(!outcome_complete(&o));
			CHECK(o.gaps[GAP_SOURCE].count);
			CHECK_INT(o.accesses, len + 1 >= whole);
		}
	}
}

static void
check_faults(int line, const char *text, uint64_t broken, uint64_t first,
	     uint64_t missing, bool headless)
{
	_cleanup_buf_ struct buf out = { 0 };
	struct logread_faults f;
	struct outcome o;

	unit_check_int(__FILE__, line, read_log(text, strlen(text), 50, &out, &f, &o),
		       LOGREAD_OK, "result");
	unit_check_int(__FILE__, line, (intmax_t)f.broken, (intmax_t)broken, "broken");
	unit_check_int(__FILE__, line, (intmax_t)f.first_broken, (intmax_t)first,
		       "first");
	unit_check_int(__FILE__, line, (intmax_t)f.missing, (intmax_t)missing, "missing");
	unit_check_int(__FILE__, line, f.headless, headless, "headless");
	unit_check_int(__FILE__, line, outcome_complete(&o),
		       !broken && !missing && !headless, "complete");
	/* what could be read was */
	unit_check(__FILE__, line, strstr(buf_str(&out), "\"path\":\"/a\""), "access");
}

TEST(what_can_be_read_is_read)
{
#define CHECK_FAULTS(...) check_faults(__LINE__, __VA_ARGS__)
	CHECK_FAULTS(HEADER START ACCESS("/a") END("1"), 0, 0, 0, false);
	CHECK_FAULTS(HEADER START "{\"type\":\n" ACCESS("/a") END("1"), 1, 3, 0, false);
	CHECK_FAULTS(HEADER START "\n" ACCESS("/a") "nonsense\n" END("1"), 2, 3, 0,
		     false);
	CHECK_FAULTS(HEADER START ACCESS("/a") END("3"), 0, 0, 2, false);
	CHECK_FAULTS(START ACCESS("/a") END("1"), 0, 0, 0, true);
	/* two logs in one file */
	CHECK_FAULTS(HEADER START ACCESS("/a") END("1") HEADER START, 2, 5, 0, false);
	/* types and keys that are newer are no fault */
	CHECK_FAULTS(HEADER
		     "{\"type\":\"dream\"}\n" START ACCESS("/a\",\"x\":[{}],\"y\":\"")
			     END("1"),
		     0, 0, 0, false);
	/* lines without what they need */
	CHECK_FAULTS(HEADER START ACCESS("/a") "{\"type\":\"access\",\"proc\":1}\n"
					       "{\"type\":\"exit\",\"t\":1}\n"
					       "{\"type\":\"fork\",\"t\":1,\"proc\":-1}\n"
					       "{\"t\":1}\n" END("1"),
		     4, 4, 0, false);
}

TEST(what_is_no_log)
{
	_cleanup_buf_ struct buf out = { 0 };
#define RESULT(text) read_log(text, sizeof(text) - 1, 9, &out, NULL, NULL)

	CHECK_INT(RESULT(""), LOGREAD_EMPTY);
	CHECK_INT(RESULT("\x7f"
			 "ELF\n\0\1\n"),
		  LOGREAD_NO_LOG);
	CHECK_INT(RESULT("{\"a\":1}\n"), LOGREAD_NO_LOG);
	CHECK_INT(RESULT("{\"type\":\"header\",\"format\":\"other\"}\n"), LOGREAD_NO_LOG);
	CHECK_INT(RESULT("mode:  read, file: /a\n"), LOGREAD_TEXT);
	CHECK_INT(RESULT("end: complete\n"), LOGREAD_TEXT);
	CHECK_INT(
		RESULT("{\"type\":\"header\",\"format\":\"whatfiles-log\",\"version\":2}\n"),
		LOGREAD_NEWER);
	CHECK_STR(buf_str(&out), "");
}

TEST(gaps_that_are_newer_leave_it_incomplete)
{
	static const char text[] =
		HEADER "{\"type\":\"end\",\"t\":1.0,\"complete\":false,\"status\":0,"
		       "\"gaps\":[{\"kind\":\"dream\",\"what\":\"x\",\"count\":2,"
		       "\"example\":\"y\"}],\"notes\":[]}\n";
	_cleanup_buf_ struct buf out = { 0 };
	struct outcome o;

	CHECK_INT(read_log(text, sizeof(text) - 1, 9, &out, NULL, &o), LOGREAD_OK);
	CHECK_INT(o.gaps[GAP_SOURCE].count, 2);
	CHECK(!outcome_complete(&o));
}

TEST(logs_that_somebody_changed)
{
	static const char text[] = HEADER START ACCESS("/a") ACCESS("/b") END("2");
	_cleanup_buf_ struct buf out = { 0 };
	char copy[sizeof(text)];
	uint64_t seed = 11;

	for (int i = 0; i < 4000; i++) {
		memcpy(copy, text, sizeof(text));
		for (uint64_t n = unit_random(&seed) % 4 + 1; n; n--)
			copy[unit_random(&seed) % (sizeof(text) - 1)] =
				(char)unit_random(&seed);
		read_log(copy, sizeof(text) - 1, 64, &out, NULL, NULL);
	}
	CHECK(true);
}
