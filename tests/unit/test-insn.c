/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/compiler.h"
#include "recorder/insn.h"

enum {
	STAYS = 0,
	MOVES = 1,
	RCX = 2,
	R11 = 4,
};

struct vector {
	const char *name, *bytes;
	uint8_t len; /* 0: not known, though all of them are there */
	uint8_t is;
};

#define V(name, bytes, len, is)      \
	{                            \
		name, bytes, len, is \
	}

static const struct vector vectors[] = {
	V("cmp $-4095,%rax", "\x48\x3d\x01\xf0\xff\xff", 6, MOVES),
	V("cmp $-4096,%eax", "\x3d\x00\xf0\xff\xff", 5, MOVES),
	V("cmp imm16,%ax", "\x66\x3d\x00\xf0", 4, MOVES),
	V("66 and REX.W: W wins", "\x66\x48\x3d\x00\xf0\xff\xff", 7, MOVES),
	V("test %rax,%rax", "\x48\x85\xc0", 3, MOVES),
	V("mov %rax,%rbx", "\x48\x89\xc3", 3, MOVES),
	V("mov %rax,%rcx", "\x48\x89\xc1", 3, MOVES | RCX),
	V("mov %rax,%r9", "\x49\x89\xc1", 3, MOVES),
	V("mov %rax,%r11", "\x49\x89\xc3", 3, MOVES | R11),
	V("mov %eax,%ch's number is ebp", "\x40\x88\xc5", 3, MOVES),
	V("mov %al,%ch", "\x88\xc5", 2, MOVES | RCX),
	V("mov (%rcx),%rax writes no rcx", "\x48\x8b\x01", 3, MOVES),
	V("mov 8(%rsp),%rdi", "\x48\x8b\x7c\x24\x08", 5, MOVES),
	V("mov 0x80(%rsp,%r9,4),%edi", "\x42\x8b\xbc\x8c\x80\x00\x00\x00", 8, MOVES),
	V("mov abs32,%eax by SIB", "\x8b\x04\x25\x78\x56\x34\x12", 7, MOVES),
	V("mov (%r13),%eax has a disp8", "\x41\x8b\x45\x00", 4, MOVES),
	V("mov rip,%eax", "\x8b\x05\x50\xea\x1a\x00", 6, STAYS),
	V("the same with REX.B", "\x41\x8b\x05\x50\xea\x1a\x00", 7, STAYS),
	V("movl $1,rip", "\xc7\x05\x01\x00\x00\x00\x01\x00\x00\x00", 10, STAYS),
	V("mov $imm32,%eax", "\xb8\x01\x01\x00\x00", 5, MOVES),
	V("mov $imm32,%ecx", "\xb9\x01\x01\x00\x00", 5, MOVES | RCX),
	V("mov $imm32,%r11d", "\x41\xbb\x01\x01\x00\x00", 6, MOVES | R11),
	V("mov $imm64,%rax", "\x48\xb8\x01\x02\x03\x04\x05\x06\x07\x08", 10, MOVES),
	V("mov $imm16,%ax", "\x66\xb8\x01\x02", 4, MOVES),
	V("movabs", "\xa1\x01\x02\x03\x04\x05\x06\x07\x08", 9, MOVES),
	V("movabs with 67", "\x67\xa1\x01\x02\x03\x04", 6, STAYS),
	V("mov $imm32,%rax", "\x48\xc7\xc0\x0f\x00\x00\x00", 7, MOVES),
	V("movw $imm16", "\x66\xc7\x00\x01\x00", 5, MOVES),
	V("testb $1,(%rax)", "\xf6\x00\x01", 3, MOVES),
	V("notb (%rax)", "\xf6\x10", 2, MOVES),
	V("test $imm32,%edi", "\xf7\xc7\x01\x00\x00\x00", 6, MOVES),
	V("neg %edx", "\xf7\xda", 2, MOVES),
	V("test $imm16,%di", "\x66\xf7\xc7\x01\x00", 5, MOVES),
	V("add $8,%rsp", "\x48\x83\xc4\x08", 4, MOVES),
	V("add $imm32,%rcx", "\x48\x81\xc1\x01\x00\x00\x00", 7, MOVES | RCX),
	V("push %rdi", "\x57", 1, MOVES),
	V("pop %rcx", "\x59", 1, MOVES | RCX),
	V("pop %r9", "\x41\x59", 2, MOVES),
	V("pop %r11", "\x41\x5b", 2, MOVES | R11),
	V("mov %fs:0,%rax", "\x64\x48\x8b\x04\x25\x00\x00\x00\x00", 9, MOVES),
	V("cmovne %rbx,%rcx", "\x48\x0f\x45\xcb", 4, MOVES | RCX),
	V("setne %cl", "\x0f\x95\xc1", 3, MOVES | RCX),
	V("movzbl (%rdi),%eax", "\x0f\xb6\x07", 3, MOVES),
	V("shld $3,%rax,%rdx", "\x48\x0f\xa4\xc2\x03", 5, MOVES),
	V("bt $3,%eax", "\x0f\xba\xe0\x03", 4, MOVES),
	V("popcnt", "\xf3\x48\x0f\xb8\xc0", 5, MOVES),
	V("rep btc", "\xf3\x0f\xbb\xc0", 4, STAYS),
	V("movdqu (%rdi),%xmm0", "\xf3\x0f\x6f\x07", 4, MOVES),
	V("pshufd", "\x66\x0f\x70\xc0\x1b", 5, MOVES),
	V("pshufb", "\x66\x0f\x38\x00\xc1", 5, STAYS),
	V("palignr", "\x66\x0f\x3a\x0f\xc1\x04", 6, STAYS),
	V("vpxor", "\xc5\xf9\xef\xc0", 4, STAYS),
	V("vzeroupper", "\xc5\xf8\x77", 3, STAYS),
	V("vpshufd", "\xc5\xf9\x70\xc0\x1b", 5, STAYS),
	V("vpermq", "\xc4\xe3\xfd\x00\xc0\x4e", 6, STAYS),
	V("vpbroadcastb, 512 bits", "\x62\xf2\x7d\x48\x7a\xc6", 6, STAYS),
	V("vmovdqu64 64(%rsi)", "\x62\xf1\xfe\x48\x6f\x46\x01", 7, STAYS),
	V("jmp rel8", "\xeb\x10", 2, STAYS),
	V("jne rel8", "\x75\x10", 2, STAYS),
	V("jrcxz", "\xe3\x10", 2, STAYS),
	V("loop", "\xe2\x10", 2, STAYS),
	V("jmp rel32", "\xe9\x10\x00\x00\x00", 5, STAYS),
	V("call rel32", "\xe8\x10\x00\x00\x00", 5, STAYS),
	V("call rel of two lengths", "\x66\xe8\x10\x00\x00\x00", 0, STAYS),
	V("data16 rex.W call", "\x66\x48\xe8\x10\x00\x00\x00", 7, STAYS),
	V("jne rel32", "\x0f\x85\x10\x00\x00\x00", 6, STAYS),
	V("xbegin", "\xc7\xf8\x10\x00\x00\x00", 6, STAYS),
	V("xabort", "\xc6\xf8\x01", 3, STAYS),
	V("call *%rax", "\xff\xd0", 2, STAYS),
	V("jmp *8(%rax)", "\xff\x60\x08", 3, STAYS),
	V("notrack jmp *%rax", "\x3e\xff\xe0", 3, STAYS),
	V("push (%rax)", "\xff\x30", 2, MOVES),
	V("incl (%rax)", "\xff\x00", 2, MOVES),
	V("lock incl (%rax)", "\xf0\xff\x00", 3, STAYS),
	V("ret", "\xc3", 1, STAYS),
	V("ret $8", "\xc2\x08\x00", 3, STAYS),
	V("rep ret", "\xf3\xc3", 2, STAYS),
	V("enter", "\xc8\x08\x00\x00", 4, STAYS),
	V("rep stos", "\xf3\x48\xab", 3, STAYS),
	V("syscall", "\x0f\x05", 2, STAYS),
	V("int $0x80", "\xcd\x80", 2, STAYS),
	V("int3", "\xcc", 1, STAYS),
	V("hlt", "\xf4", 1, STAYS),
	V("ud2", "\x0f\x0b", 2, STAYS),
	V("cpuid", "\x0f\xa2", 2, STAYS),
	V("endbr64", "\xf3\x0f\x1e\xfa", 4, STAYS),
	V("nop", "\x90", 1, STAYS),
	V("nopw 0(%rax,%rax,1)", "\x66\x0f\x1f\x44\x00\x00", 6, STAYS),
	V("padding of zeros", "\x00\x00", 2, STAYS),
	V("an addition like it", "\x00\x01", 2, MOVES),
	V("popf", "\x9d", 1, STAYS),
	V("mov %eax,%ds", "\x8e\xd8", 2, STAYS),
	V("3DNow", "\x0f\x0f\xc1\x9e", 0, STAYS),
	V("push %es of 32 bits", "\x06", 0, STAYS),
	V("XOP", "\x8f\xe8\x78\xcd\xc1\x04", 0, STAYS),
	V("REX before a prefix", "\x48\x66\x89\xc3", 0, STAYS),
	V("VEX behind a prefix", "\x66\xc5\xf9\xef\xc0", 0, STAYS),
	V("ff /7", "\xff\xf8", 0, STAYS),
};

static void
check_vector(const struct vector *v)
{
	struct insn insn = { 0 };
	size_t all = v->len ? v->len : INSN_MAX;
	uint8_t bytes[INSN_MAX] = { 0 };
	bool ok = true;

	memcpy(bytes, v->bytes, v->len ? v->len : strlen(v->bytes));
	ok &= unit_check_int(__FILE__, __LINE__, (intmax_t)insn_decode(bytes, all, &insn),
			     v->len, v->name);
	if (ok && v->len) {
		ok &= CHECK_INT(insn.len, v->len);
		ok &= CHECK_INT(insn.movable, v->is & MOVES);
		ok &= CHECK_INT(insn.writes_rcx, !(v->is & MOVES) || (v->is & RCX));
		ok &= CHECK_INT(insn.writes_r11, !(v->is & MOVES) || (v->is & R11));
	}
	unit_check(__FILE__, __LINE__, ok, v->name);
}

TEST(instructions)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_vector(&vectors[i]);
}

/* The bytes stand at the end of their memory: ASan sees a look behind. */
TEST(part_of_one_is_none)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		for (size_t n = 0; n < vectors[i].len; n++) {
			_cleanup_free_ uint8_t *part = malloc(n ? n : 1);
			struct insn insn = { .len = 99 };
			size_t len;

			memcpy(part, vectors[i].bytes, n);
			len = insn_decode(part, n, &insn);
			/* the opcode behind rep and rex is one without them, not so here */
			CHECK(len == 0 && insn.len == 99);
		}
	}
}

TEST(fifteen_bytes_at_most)
{
	uint8_t bytes[32];
	struct insn insn;

	memset(bytes, 0x66, sizeof(bytes));
	CHECK_INT(insn_decode(bytes, sizeof(bytes), &insn), 0);
	bytes[14] = 0x57;
	CHECK_INT(insn_decode(bytes, sizeof(bytes), &insn), 15);
	bytes[14] = 0x66;
	bytes[15] = 0x57;
	CHECK_INT(insn_decode(bytes, sizeof(bytes), &insn), 0);
}
