/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "recorder/sites.h"

#define FILL 201

/* A text of plain code, one instruction after the other: mov %rsi,%rdi. */
struct code {
	uint8_t bytes[1024];
	size_t len;
};

static void
put(struct code *c, const void *bytes, size_t len)
{
	memcpy(c->bytes + c->len, bytes, len);
	c->len += len;
}

#define PUT(c, literal) put(c, literal, sizeof(literal) - 1)

static void
fill(struct code *c, size_t len)
{
	for (size_t i = 0; i < len / 3; i++)
		PUT(c, "\x48\x89\xf7");
}

#define CODE(name)                \
	struct code name = { 0 }; \
	fill(&name, FILL)

#define MOV_OPENAT "\xb8\x01\x01\x00\x00"
#define SYSCALL "\x0f\x05"
#define CHECKED "\x48\x3d\x01\xf0\xff\xff"
#define RET "\xc3"

static bool
plan(const struct code *c, size_t at, struct site *s)
{
	return site_plan(c->bytes, c->len, at, s);
}

static size_t
count(const struct code *c, struct site *ret)
{
	struct site *v;
	size_t n = sites_scan(c->bytes, c->len, NULL, NULL, &v);

	if (n)
		*ret = v[0];
	free(v);
	return n;
}

TEST(check_of_the_result_comes_first)
{
	struct site s = { 0 };
	CODE(c);

	PUT(&c, MOV_OPENAT SYSCALL CHECKED "\x77\x01" RET);
	CHECK(plan(&c, FILL + 5, &s));
	CHECK_INT(s.offset, FILL + 5);
	CHECK_INT(s.len, 8);
	CHECK_INT(s.syscall_at, 0);
	CHECK_INT(s.nr, 257);
	CHECK(s.sure && !s.rcx_taken);
	CHECK_MEM(s.bytes, 8, SYSCALL CHECKED, 8);
	CHECK_INT(count(&c, &s), 1);
}

TEST(mov_before_the_syscall)
{
	struct site s = { 0 };
	CODE(c);

	PUT(&c, MOV_OPENAT SYSCALL RET);
	CHECK(plan(&c, FILL + 5, &s));
	CHECK_INT(s.offset, FILL);
	CHECK_INT(s.len, 7);
	CHECK_INT(s.syscall_at, 5);
	CHECK_INT(s.nr, 257);
	CHECK(s.sure);
	CHECK_MEM(s.bytes, 7, MOV_OPENAT SYSCALL, 7);
}

TEST(any_instructions_behind)
{
	struct site s = { 0 };
	CODE(c);

	PUT(&c, "\x48\x89\xf8" SYSCALL "\x48\x89\xc1\x31\xd2" RET);
	CHECK(plan(&c, FILL + 3, &s));
	CHECK_INT(s.len, 7);
	CHECK_INT(s.nr, -1);
	CHECK(!s.sure && s.rcx_taken);
	CHECK_INT(count(&c, &s), 0);
}

TEST(both_registers_taken)
{
	struct site s;
	CODE(c);

	PUT(&c, SYSCALL "\x48\x89\xc1\x49\x89\xc3" RET);
	CHECK(!plan(&c, FILL, &s));
}

/* add $8,%rsp; movq $1,8(%rsp) with all its bytes: 18 in all. */
TEST(too_long)
{
	struct site s;
	CODE(c);

	PUT(&c, SYSCALL "\x48\x83\xc4\x08\x48\xc7\x84\x24\x08\0\0\0\x01\0\0\0" RET);
	CHECK(!plan(&c, FILL, &s));
}

TEST(no_room)
{
	static const char *const behind[] = { RET RET RET RET RET,
					      "\x31\xd2\xe8\x01\x00\x00",
					      "\x31\xd2\x8b\x05\x01\x00",
					      "\x90\x90\x90\x90\x90" };
	struct site s;

	for (size_t i = 0; i < ARRAY_SIZE(behind); i++) {
		CODE(c);
		PUT(&c, SYSCALL);
		put(&c, behind[i], 5);
		CHECK(!plan(&c, FILL, &s));
	}
}

TEST(text_ends)
{
	struct site s;

	for (size_t cut = 1; cut < 7; cut++) {
		CODE(c);
		PUT(&c, "\x48\x89\xf8" SYSCALL CHECKED);
		c.len -= cut;
		CHECK(!plan(&c, FILL + 3, &s));
		CHECK(!plan(&c, c.len, &s));
		CHECK(!plan(&c, c.len - 1, &s));
	}
}

TEST(calls_that_are_left_alone)
{
	static const uint16_t numbers[] = { 15, 56, 57, 58, 60, 231, 435 };
	struct site s;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		for (size_t form = 0; form < 2; form++) {
			CODE(c);
			if (form)
				PUT(&c, "\x48\xc7\xc0");
			else
				PUT(&c, "\xb8");
			put(&c, &numbers[i], 2);
			PUT(&c, "\x00\x00" SYSCALL CHECKED);
			CHECK(!plan(&c, c.len - 8, &s));
			CHECK_INT(count(&c, &s), 0);
		}
	}
	CODE(c);
	PUT(&c, "\x6a\x38\x58" SYSCALL CHECKED);
	CHECK(!plan(&c, FILL + 3, &s));
	CODE(d);
	PUT(&d, "\xb0\x38" SYSCALL CHECKED);
	CHECK(!plan(&d, FILL + 2, &s));
}

/* As valgrind has it, whose handler looks at where in there a signal found it. */
TEST(call_between_two_changes_of_the_mask)
{
#define MASK "\x48\xc7\xc0\x0e\x00\x00\x00" SYSCALL
	struct site s;
	CODE(both);
	CODE(before);
	CODE(far);

	PUT(&both, MASK "\x48\x89\xf0\x58" SYSCALL "\x41\x58\x59\x5a\x5e\x5f" MASK RET);
	CHECK(!plan(&both, FILL + 13, &s));
	PUT(&before, MASK "\x48\x89\xf0\x58" SYSCALL "\x41\x58\x59\x5a\x5e\x5f" RET);
	CHECK(plan(&before, FILL + 13, &s));
	PUT(&far, MASK "\x48\x89\xf0\x58" SYSCALL "\x41\x58\x59\x5a\x5e\x5f" RET);
	fill(&far, 150);
	PUT(&far, MASK RET);
	CHECK(plan(&far, FILL + 13, &s));
#undef MASK
}

TEST(numbers)
{
	struct site s = { 0 };
	CODE(zero);
	CODE(other);
	CODE(big);

	PUT(&zero, "\x31\xc0" SYSCALL CHECKED);
	CHECK(plan(&zero, FILL + 2, &s));
	CHECK_INT(s.nr, 0);
	PUT(&other, "\x45\x31\xc0" SYSCALL CHECKED); /* r8 */
	CHECK(plan(&other, FILL + 3, &s));
	CHECK_INT(s.nr, -1);
	PUT(&big, "\xb8\x00\x04\x00\x00" SYSCALL "\x31\xd2\x31\xd2\x31\xd2");
	CHECK(plan(&big, FILL + 5, &s));
	CHECK_INT(s.nr, -1);
	CHECK_INT(s.syscall_at, 0);
	CHECK(!s.sure);
}

/* mov 0x101(%r8),%edi; movl $0x101,-0x48(%rbp); movabs: they all hold such bytes. */
TEST(mov_that_is_none)
{
	static const struct {
		const char *bytes;
		size_t len;
	} before[] = { { "\x41\x8b\xb8\x01\x01\x00\x00", 7 },
		       { "\xc7\x45\xb8\x01\x01\x00\x00", 7 },
		       { "\x41\xb8\x01\x01\x00\x00", 6 } };
	struct site s;

	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		CODE(c);
		put(&c, before[i].bytes, before[i].len);
		PUT(&c, SYSCALL RET);
		CHECK(!plan(&c, FILL + before[i].len, &s));
	}
}

TEST(syscall_in_another_instruction)
{
	struct site s;
	CODE(c);

	PUT(&c, "\x48\xb8\xb8\x01\x01\x00\x00" SYSCALL "\x48\x3d\x01\xf0\xff\xff");
	CHECK_INT(count(&c, &s), 0);
	CODE(d);
	PUT(&d, "\xba" SYSCALL CHECKED); /* mov $imm32,%edx */
	CHECK_INT(count(&d, &s), 0);
}

/* Each branch at each distance: only into the window's inside it costs the site. */
static void
try_branch(const char *opcode, size_t opcode_len, size_t size, int distance)
{
	struct site s;
	CODE(c);
	size_t at = FILL - 99, start = FILL, end;
	int32_t rel;
	bool inside;

	PUT(&c, MOV_OPENAT SYSCALL RET);
	fill(&c, FILL);
	end = at + opcode_len + size;
	rel = (int32_t)((long)start + distance - (long)end);
	memcpy(c.bytes + at, opcode, opcode_len);
	memcpy(c.bytes + at + opcode_len, &rel, size);
	inside = distance > 0 && distance < 7;
	CHECK_INT(plan(&c, FILL + 5, &s), !inside);
	CHECK_INT(count(&c, &s), !inside);
}

TEST(branches_into_the_window)
{
	for (int distance = -1; distance <= 8; distance++) {
		try_branch("\xeb", 1, 1, distance);
		try_branch("\x70", 1, 1, distance);
		try_branch("\x7f", 1, 1, distance);
		try_branch("\xe0", 1, 1, distance);
		try_branch("\xe3", 1, 1, distance);
		try_branch("\xe8", 1, 4, distance);
		try_branch("\xe9", 1, 4, distance);
		try_branch("\x0f\x80", 2, 4, distance);
		try_branch("\x0f\x8f", 2, 4, distance);
		try_branch("\xc7\xf8", 2, 4, distance);
		try_branch("\x48\x8d\x05", 3, 4, distance); /* lea */
	}
}

/* Into the middle of an instruction only what is a branch for sure branches. */
TEST(branches_into_an_instruction)
{
	struct site s;
	CODE(real);
	CODE(seeming);

	PUT(&real, MOV_OPENAT SYSCALL RET "\xeb\xf8"); /* to the 2nd byte of the mov */
	fill(&real, FILL);
	CHECK(!plan(&real, FILL + 5, &s));
	PUT(&seeming,
	    MOV_OPENAT SYSCALL "\xbb\x01\xeb\xf6\x00" RET); /* in a mov to ebx */
	fill(&seeming, FILL);
	CHECK(plan(&seeming, FILL + 5, &s));
	CHECK_INT(s.syscall_at, 5);
}

TEST(another_window_when_the_first_is_branched_into)
{
	struct site s = { 0 };
	CODE(c);

	PUT(&c,
	    MOV_OPENAT SYSCALL CHECKED "\xeb\xf8"); /* to the check: the mov is left */
	CHECK(plan(&c, FILL + 5, &s));
	CHECK_INT(s.syscall_at, 5);
	CODE(d);
	PUT(&d, MOV_OPENAT SYSCALL CHECKED "\xeb\xf6"); /* to the syscall */
	CHECK(plan(&d, FILL + 5, &s));
	CHECK_INT(s.syscall_at, 0);
}

static bool
is_openat(int nr, void *data)
{
	(*(int *)data)++;
	return nr == 257;
}

TEST(scan_takes_what_is_wanted)
{
	_cleanup_free_ struct site *v = NULL;
	int asked = 0;
	CODE(c);

	PUT(&c, "\xb8\x27\x00\x00\x00" SYSCALL CHECKED);
	PUT(&c, MOV_OPENAT SYSCALL CHECKED);
	fill(&c, 40);
	PUT(&c, SYSCALL CHECKED);
	fill(&c, 40);
	CHECK_INT(sites_scan(c.bytes, c.len, is_openat, &asked, &v), 2);
	CHECK_INT(v[0].nr, 257);
	CHECK_INT(v[1].nr, -1);
	CHECK_INT(asked, 2);
	CHECK(v[0].offset + v[0].len <= v[1].offset);
}

/* The first syscall is branched to, so what it may have is (syscall, mov). */
TEST(windows_do_not_overlap)
{
	_cleanup_free_ struct site *v = NULL;
	CODE(c);

	PUT(&c, MOV_OPENAT SYSCALL MOV_OPENAT SYSCALL "\xeb\xf5");
	fill(&c, 60);
	CHECK_INT(sites_scan(c.bytes, c.len, NULL, NULL, &v), 1);
	CHECK_INT(v[0].offset, FILL + 5);
	CHECK_INT(v[0].len, 7);
	CHECK_INT(v[0].syscall_at, 0);
}

TEST(neighbours)
{
	_cleanup_free_ struct site *v = NULL;
	CODE(c);

	PUT(&c, MOV_OPENAT SYSCALL MOV_OPENAT SYSCALL RET);
	fill(&c, 60);
	CHECK_INT(sites_scan(c.bytes, c.len, NULL, NULL, &v), 2);
	CHECK_INT(v[0].offset, FILL);
	CHECK_INT(v[1].offset, FILL + 7);
}

TEST(nothing_to_scan)
{
	struct site *v;

	CHECK_INT(sites_scan((const uint8_t *)"", 0, NULL, NULL, &v), 0);
	free(v);
}
