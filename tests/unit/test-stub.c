/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "recorder/sites.h"
#include "recorder/stub.h"

static const struct stub_env env = {
	.stub_addr = 0x70001000,
	.entry_addr = 0x70000010,
	.base_addr = 0x70002008,
};

TEST(stub_of_a_mov)
{
	static const uint8_t want[] = {
		0xb8, 0x01, 0x01, 0,	0,			/* mov $257,%eax */
		0x48, 0x8d, 0x64, 0x24, 0x80,			/* lea -128(%rsp),%rsp */
		0xe8, 0x01, 0xf0, 0xff, 0xff,			/* call entry */
		0x48, 0x8d, 0xa4, 0x24, 0x80, 0,    0,	  0,	/* lea 128(%rsp),%rsp */
		0xe3, 0x02,					/* jrcxz */
		0x0f, 0x05,					/* syscall */
		0x48, 0x8b, 0x0c, 0x25, 0x08, 0x20, 0x00, 0x70, /* mov base,%rcx */
		0x48, 0x8d, 0x89, 0x07, 0x34, 0x12, 0, /* lea 0x123407(%rcx),%rcx */
		0xff, 0xe1,			       /* jmp *%rcx */
	};
	struct site s = { .len = 7,
			  .syscall_at = 5,
			  .bytes = { 0xb8, 0x01, 0x01, 0, 0, 0x0f, 0x05 } };
	uint8_t out[STUB_MAX], at = 0;

	CHECK_MEM(out, stub_emit(&s, &env, 0x123400, out, &at), want, sizeof(want));
	CHECK_INT(at, 25);
}

TEST(stub_by_r11)
{
	static const uint8_t want[] = {
		0x48, 0x8d, 0x64, 0x24, 0x80,			/* lea -128(%rsp),%rsp */
		0xe8, 0x06, 0xf0, 0xff, 0xff,			/* call entry */
		0x48, 0x8d, 0xa4, 0x24, 0x80, 0,    0,	  0,	/* lea 128(%rsp),%rsp */
		0xe3, 0x02,					/* jrcxz */
		0x0f, 0x05,					/* syscall */
		0x48, 0x89, 0xc1, 0x31, 0xd2,			/* displaced */
		0x4c, 0x8b, 0x1c, 0x25, 0x08, 0x20, 0x00, 0x70, /* mov base,%r11 */
		0x4d, 0x8d, 0x9b, 0x07, 0x34, 0x12, 0, /* lea 0x123407(%r11),%r11 */
		0x41, 0xff, 0xe3,		       /* jmp *%r11 */
	};
	struct site s = { .len = 7,
			  .rcx_taken = true,
			  .bytes = { 0x0f, 0x05, 0x48, 0x89, 0xc1, 0x31, 0xd2 } };
	uint8_t out[STUB_MAX], at = 0;

	CHECK_MEM(out, stub_emit(&s, &env, 0x123400, out, &at), want, sizeof(want));
	CHECK_INT(at, 20);
}

TEST(longest_stub_fits)
{
	struct site s = { .len = SITE_MAX, .rcx_taken = true };
	uint8_t out[STUB_MAX], at;
	size_t len = stub_emit(&s, &env, 0, out, &at);

	CHECK(len > 0 && len <= STUB_MAX);
}

TEST(what_does_not_reach)
{
	struct site s = { .len = 7, .syscall_at = 5 };
	struct stub_env high = env;
	uint8_t out[STUB_MAX], at;

	CHECK_INT(stub_emit(&s, &env, UINT64_C(0x80000000), out, &at), 0);
	CHECK_INT(stub_emit(&s, &env, UINT64_MAX, out, &at), 0);
	CHECK(stub_emit(&s, &env, 0x7ffffff0, out, &at) > 0);
	high.base_addr = 0x80000000;
	CHECK_INT(stub_emit(&s, &high, 0, out, &at), 0);
	s.len = 6;
	CHECK_INT(stub_emit(&s, &env, 0, out, &at), 0);
}

TEST(jump)
{
	static const uint8_t want[] = { 0xff, 0x24, 0x25, 0x78, 0x56,
					0x34, 0x12, 0x90, 0x90 };
	struct site s = { .len = 9 };
	uint8_t out[16] = { 0 };

	stub_jump(&s, 0x12345678, out);
	CHECK_MEM(out, s.len, want, sizeof(want));
	CHECK_INT(out[9], 0);
}
