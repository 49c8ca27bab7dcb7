/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_TOLD 20 /* a check in a loop should not fill the screen */

extern const struct unit_test *const __start_unit_tests[], *const __stop_unit_tests[];

static unsigned failures;
static const char *skipped;

static bool
fail(const char *file, int line)
{
	if (++failures > MAX_TOLD)
		return false;
	printf("# %s:%d: ", file, line);
	return true;
}

bool
unit_check(const char *file, int line, bool ok, const char *what)
{
	if (!ok && fail(file, line))
		printf("not so: %s\n", what);
	return ok;
}

bool
unit_check_int(const char *file, int line, intmax_t got, intmax_t want, const char *what)
{
	if (got != want && fail(file, line))
		printf("%s is %jd, not %jd\n", what, got, want);
	return got == want;
}

/* TAP is lines: whatever is shown must not start one. */
static void
show(const char *label, const char *bytes, size_t len)
{
	printf("#   %s: \"", label);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		printf(c < 0x20 || c >= 0x7f ? "\\x%02x" : "%c", c);
	}
	printf("\"\n");
}

bool
unit_check_mem(const char *file, int line, const void *got, size_t got_len,
	       const void *want, size_t want_len, const char *what)
{
	if (got_len == want_len && (!got_len || !memcmp(got, want, got_len)))
		return true;
	if (fail(file, line)) {
		printf("%s\n", what);
		show("got ", got, got_len);
		show("want", want, want_len);
	}
	return false;
}

bool
unit_check_str(const char *file, int line, const char *got, const char *want,
	       const char *what)
{
	got = got ? got : "(NULL)";
	want = want ? want : "(NULL)";
	return unit_check_mem(file, line, got, strlen(got), want, strlen(want), what);
}

void
unit_skip(const char *why)
{
	skipped = why;
}

uint64_t
unit_random(uint64_t *state)
{
	/* splitmix64 */
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t
unit_random_name(uint64_t *state, char *name, size_t max)
{
	static const char *const pieces[] = {
		",",
		", ",
		", syscall: ",
		"\n",
		"\\",
		"\\n",
		"\\x2c",
		"\\u202e",
		"\"",
		"\":\"",
		"}\n{",
		"\xe2\x80\xae",
		"\xe2\x80\xa8",
		"\xc2\x85",
		"\xc0\xaf",
		"\xed\xa0\x80",
		"\xf4\x90\x80\x80",
		"\xf0\x9f\x98\x80",
		"\xe2\x82",
		"\xff",
		"\x7f",
		"\x1b[2J",
		"\xc3\xa4",
		"\xef\xbf\xbd",
		" ",
		"/usr/include/",
		"x",
	};
	size_t want = 1 + unit_random(state) % max, len = 0;

	while (len < want) {
		uint64_t r = unit_random(state);
		const char *piece = pieces[(r >> 8) % (sizeof(pieces) / sizeof(*pieces))];
		size_t n = strlen(piece);

		if (r % 2 && len + n <= want) {
			memcpy(name + len, piece, n);
			len += n;
		} else {
			name[len++] = (char)(1 + (r >> 8) % 255);
		}
	}
	return len;
}

int
unit_file(void)
{
	char name[] = "/tmp/whatfiles-unit-XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);

	if (fd >= 0)
		unlink(name);
	return fd;
}

char *
unit_content(int fd, size_t *ret_len)
{
	struct stat st;
	char *content;
	ssize_t len = 0;

	if (fstat(fd, &st))
		st.st_size = 0;
	content = calloc(1, (size_t)st.st_size + 1);
	if (content)
		len = pread(fd, content, (size_t)st.st_size, 0);
	if (ret_len)
		*ret_len = len > 0 ? (size_t)len : 0;
	return content;
}

static int
by_line(const void *a, const void *b)
{
	const struct unit_test *const *x = a, *const *y = b;

	return (*x)->line - (*y)->line;
}

/* The tests as the source has them; compilers fill the section as they like. */
static const struct unit_test **
sorted(size_t *ret_count)
{
	size_t count = (size_t)(__stop_unit_tests - __start_unit_tests);
	const struct unit_test **tests = calloc(count, sizeof(*tests));

	if (!tests)
		abort();
	memcpy(tests, __start_unit_tests, count * sizeof(*tests));
	qsort(tests, count, sizeof(*tests), by_line);
	*ret_count = count;
	return tests;
}

static bool
run(const struct unit_test *test, size_t number)
{
	failures = 0;
	skipped = NULL;
	test->run();
	if (failures > MAX_TOLD)
		printf("# and %u more\n", failures - MAX_TOLD);
	printf("%s %zu - %s%s%s\n", failures ? "not ok" : "ok", number, test->name,
	       skipped ? " # SKIP " : "", skipped ? skipped : "");
	return !failures;
}

int
main(int argc, char **argv)
{
	const char *only = argc == 3 && !strcmp(argv[1], "--only") ? argv[2] : NULL;
	size_t count, done = 0;
	const struct unit_test **tests = sorted(&count);
	bool ok = true;

	if (argc > 1 && !only) {
		fprintf(stderr, "usage: %s [--only TEST]\n", argv[0]);
		return 2;
	}
	/* a crash must not lose what was said before it */
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!only)
		printf("1..%zu\n", count);
	for (size_t i = 0; i < count; i++)
		if (!only || !strcmp(only, tests[i]->name))
			ok &= run(tests[i], ++done);
	if (only)
		printf("1..%zu\n", done);
	free(tests);
	return ok && done ? 0 : 1;
}
