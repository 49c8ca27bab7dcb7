/* SPDX-License-Identifier: MIT */
#include "recorder/insn.h"

#include <string.h>

/* What follows an opcode, and what may be done with it; 0 is an opcode we do not know. */
enum {
	KNOWN = 1,
	MODRM = 2,
	IMM8 = 4,
	IMMZ = 8,   /* 4 bytes, 2 with prefix 66 */
	REG = 16,   /* the opcode's low bits name a register */
	GROUP = 32, /* ModRM's reg is part of the opcode, no register */
	MOVES = 64, /* movable, all else allowing */
	REL32 = 128,
};

/* clang-format off */
#define ALU(op)                                                                \
	[(op)...(op) + 3] = MODRM | MOVES, [(op) + 4] = KNOWN | IMM8 | MOVES, \
		  [(op) + 5] = KNOWN | IMMZ | MOVES

static const uint8_t one_byte[256] = {
	ALU(0x00), ALU(0x08), ALU(0x10), ALU(0x18), ALU(0x20), ALU(0x28), ALU(0x30), ALU(0x38),
	[0x50 ... 0x5f] = REG | MOVES,			/* push, pop */
	[0x63] = MODRM | MOVES,				/* movslq */
	[0x68] = KNOWN | IMMZ | MOVES,			/* push */
	[0x69] = MODRM | IMMZ | MOVES,			/* imul */
	[0x6a] = KNOWN | IMM8 | MOVES,
	[0x6b] = MODRM | IMM8 | MOVES,
	[0x6c ... 0x6f] = KNOWN,			/* ins, outs */
	[0x70 ... 0x7f] = KNOWN | IMM8,			/* jcc */
	[0x80] = MODRM | IMM8 | GROUP | MOVES,
	[0x81] = MODRM | IMMZ | GROUP | MOVES,
	[0x83] = MODRM | IMM8 | GROUP | MOVES,
	[0x84 ... 0x85] = MODRM | MOVES,		/* test */
	[0x86 ... 0x87] = MODRM,			/* xchg */
	[0x88 ... 0x8b] = MODRM | MOVES,		/* mov */
	[0x8c] = MODRM,
	[0x8d] = MODRM | MOVES,				/* lea */
	[0x8e] = MODRM,
	[0x8f] = MODRM | GROUP | MOVES,			/* pop */
	[0x90] = KNOWN,					/* nop */
	[0x91 ... 0x97] = REG | MOVES,			/* xchg with rax */
	[0x98 ... 0x99] = KNOWN | MOVES,		/* cltq, cqto */
	[0x9c ... 0x9f] = KNOWN,			/* pushf, popf, sahf, lahf */
	[0xa0 ... 0xa3] = KNOWN | MOVES,		/* mov with a whole address */
	[0xa4 ... 0xa7] = KNOWN,			/* strings */
	[0xa8] = KNOWN | IMM8 | MOVES,			/* test */
	[0xa9] = KNOWN | IMMZ | MOVES,
	[0xaa ... 0xaf] = KNOWN,			/* strings */
	[0xb0 ... 0xb7] = REG | IMM8 | MOVES,		/* mov */
	[0xb8 ... 0xbf] = REG | IMMZ | MOVES,
	[0xc0 ... 0xc1] = MODRM | IMM8 | GROUP | MOVES, /* shifts */
	[0xc2 ... 0xc3] = KNOWN,			/* ret */
	[0xc6] = MODRM | IMM8 | GROUP | MOVES,		/* mov */
	[0xc7] = MODRM | IMMZ | GROUP | MOVES,
	[0xc8 ... 0xcc] = KNOWN,			/* enter, leave, lret, int3 */
	[0xcd] = KNOWN | IMM8,				/* int */
	[0xcf] = KNOWN,					/* iret */
	[0xd0 ... 0xd3] = MODRM | GROUP | MOVES,	/* shifts */
	[0xd7] = KNOWN,					/* xlat */
	[0xd8 ... 0xdf] = MODRM | GROUP,		/* x87 */
	[0xe0 ... 0xe7] = KNOWN | IMM8,			/* loop, jrcxz, in, out */
	[0xe8 ... 0xe9] = KNOWN | REL32,		/* call, jmp */
	[0xeb] = KNOWN | IMM8,
	[0xec ... 0xef] = KNOWN,			/* in, out */
	[0xf1] = KNOWN, [0xf4] = KNOWN,			/* int1, hlt */
	[0xf5] = KNOWN | MOVES,				/* cmc */
	[0xf6 ... 0xf7] = MODRM | GROUP | MOVES,	/* test, not, neg, mul, div */
	[0xf8 ... 0xf9] = KNOWN | MOVES,		/* clc, stc */
	[0xfa ... 0xfb] = KNOWN,			/* cli, sti */
	[0xfc ... 0xfd] = KNOWN | MOVES,		/* cld, std */
	[0xfe ... 0xff] = MODRM | GROUP | MOVES,	/* inc, dec, call, jmp, push */
};

static const uint8_t two_byte[256] = {
	[0x00 ... 0x03] = MODRM,
	[0x05 ... 0x09] = KNOWN,			/* syscall, ... */
	[0x0b] = KNOWN,					/* ud2 */
	[0x0d] = MODRM,					/* prefetch */
	[0x10 ... 0x17] = MODRM | MOVES,
	[0x18 ... 0x1f] = MODRM,			/* nop, endbr64 */
	[0x28 ... 0x2f] = MODRM | MOVES,
	[0x30 ... 0x35] = KNOWN,
	[0x38] = MODRM,					/* a map of its own */
	[0x3a] = MODRM | IMM8,				/* another */
	[0x40 ... 0x4f] = MODRM | MOVES,		/* cmov */
	[0x50 ... 0x6f] = MODRM | MOVES,
	[0x70] = MODRM | IMM8 | MOVES,
	[0x71 ... 0x73] = MODRM | IMM8 | GROUP | MOVES,
	[0x74 ... 0x76] = MODRM | MOVES,
	[0x77] = KNOWN,					/* emms */
	[0x7c ... 0x7f] = MODRM | MOVES,
	[0x80 ... 0x8f] = KNOWN | REL32,		/* jcc */
	[0x90 ... 0x9f] = MODRM | GROUP | MOVES,	/* setcc */
	[0xa0 ... 0xa2] = KNOWN,			/* push, pop fs, cpuid */
	[0xa3] = MODRM | MOVES,				/* bt */
	[0xa4] = MODRM | IMM8 | MOVES,			/* shld */
	[0xa5] = MODRM | MOVES,
	[0xa8 ... 0xaa] = KNOWN,
	[0xab] = MODRM | MOVES,				/* bts */
	[0xac] = MODRM | IMM8 | MOVES,			/* shrd */
	[0xad] = MODRM | MOVES,
	[0xae] = MODRM | GROUP,
	[0xaf] = MODRM | MOVES,				/* imul */
	[0xb0 ... 0xb1] = MODRM | MOVES,		/* cmpxchg */
	[0xb2] = MODRM,
	[0xb3] = MODRM | MOVES,				/* btr */
	[0xb4 ... 0xb5] = MODRM,
	[0xb6 ... 0xb8] = MODRM | MOVES,		/* movz, popcnt */
	[0xb9] = MODRM,					/* ud1 */
	[0xba] = MODRM | IMM8 | GROUP | MOVES,		/* bt */
	[0xbb ... 0xc1] = MODRM | MOVES,		/* btc, bsf, bsr, movs, xadd */
	[0xc2] = MODRM | IMM8 | MOVES,
	[0xc3] = MODRM | MOVES,				/* movnti */
	[0xc4 ... 0xc6] = MODRM | IMM8 | MOVES,
	[0xc7] = MODRM | GROUP,
	[0xc8 ... 0xcf] = REG | MOVES,			/* bswap */
	[0xd0 ... 0xfe] = MODRM | MOVES,
};
/* clang-format on */

enum {
	REX_W = 8,
	REX_R = 4,
	REX_B = 1,
};

/* An instruction in the course of being read. */
struct reading {
	const uint8_t *bytes;
	size_t max, at;
	uint8_t rex, rep; /* the prefix itself, 0 without */
	bool data16, addr32, odd_prefix;
	bool two; /* opcode of the second map */
	uint8_t opcode, how, modrm;
};

/* The next byte; 0 behind the end, which shows in the length. */
static uint8_t
peek(const struct reading *r, size_t ahead)
{
	return r->at + ahead < r->max ? r->bytes[r->at + ahead] : 0;
}

static bool
take_prefix(struct reading *r, uint8_t byte)
{
	switch (byte) {
	case 0x66:
		return r->data16 = true;
	case 0x67:
		return r->addr32 = true;
	case 0xf2:
	case 0xf3:
		r->rep = byte;
		return true;
	case 0x64: /* fs: and gs: mean the same anywhere */
	case 0x65:
		return true;
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0xf0:
		return r->odd_prefix = true;
	default:
		return false;
	}
}

static void
read_prefixes(struct reading *r)
{
	while (r->at < r->max && take_prefix(r, r->bytes[r->at]))
		r->at++;
	if ((peek(r, 0) & 0xf0) == 0x40)
		r->rex = r->bytes[r->at++];
}

/* ModRM, SIB and displacement, which the prefixes do not change in 64-bit mode. */
static void
read_modrm(struct reading *r)
{
	uint8_t mod, base;

	r->modrm = peek(r, 0);
	mod = r->modrm >> 6;
	base = r->modrm & 7;
	r->at++;
	if (mod == 3)
		return;
	if (base == 4)
		base = peek(r, 0) & 7, r->at++;
	if (mod == 1)
		r->at += 1;
	else if (mod == 2 || base == 5)
		r->at += 4;
}

static bool
is_rip_relative(const struct reading *r)
{
	return (r->how & MODRM) && (r->modrm & 0xc7) == 0x05;
}

/* VEX and EVEX: only their length.  @skip is up to the opcode. */
static size_t
read_vector(struct reading *r, uint8_t map, size_t skip)
{
	uint8_t opcode = peek(r, skip);
	/* what is true of them in the map of two bytes */
	bool imm8 = map == 3 || (map == 1 && (two_byte[opcode] & IMM8));

	if (map == 0 || map == 4 || map > 6 || r->rex || r->rep || r->data16)
		return 0;
	r->at += skip + 1;
	if (map != 1 || opcode != 0x77) /* vzeroupper */
		read_modrm(r);
	return r->at + imm8;
}

static size_t
take_vector(struct reading *r)
{
	switch (peek(r, 0)) {
	case 0xc5:
		return read_vector(r, 1, 2);
	case 0xc4:
		return read_vector(r, peek(r, 1) & 31, 3);
	default: /* 62, with two bits that never change */
		return (peek(r, 1) & 8) || !(peek(r, 2) & 4)
			       ? 0
			       : read_vector(r, peek(r, 1) & 7, 4);
	}
}

static void
read_opcode(struct reading *r)
{
	r->opcode = peek(r, 0);
	r->how = one_byte[r->opcode];
	r->at++;
	if (r->opcode != 0x0f)
		return;
	r->two = true;
	r->opcode = peek(r, 0);
	r->how = two_byte[r->opcode];
	r->at++;
	if (r->opcode == 0x38 || r->opcode == 0x3a)
		r->at++;
}

/* Bytes of the operands behind ModRM. */
static size_t
immediate(const struct reading *r)
{
	uint8_t op = r->two ? 0 : r->opcode;
	bool wide = r->rex & REX_W;
	size_t z = r->data16 && !wide ? 2 : 4;

	if (op >= 0xa0 && op <= 0xa3)
		return r->addr32 ? 4 : 8;
	if (op >= 0xb8 && op <= 0xbf)
		return wide ? 8 : z;
	if ((op == 0xf6 || op == 0xf7) && (r->modrm & 0x38) <= 0x08)
		return op == 0xf6 ? 1 : z;
	if (op == 0xc2 || op == 0xca)
		return 2;
	if (op == 0xc8)
		return 3;
	if (r->how & REL32)
		return 4;
	return ((r->how & IMM8) ? 1 : 0) + ((r->how & IMMZ) ? z : 0);
}

/* Opcodes that are instructions only with some values of ModRM's reg. */
static bool
is_known(const struct reading *r)
{
	uint8_t reg = r->modrm >> 3 & 7;
	bool is_tsx = r->modrm == 0xf8;

	if (!r->how)
		return false;
	/* two makers, two lengths */
	if ((r->how & REL32) && r->data16 && !(r->rex & REX_W))
		return false;
	if (r->two && r->opcode == 0xb8)
		return r->rep == 0xf3;
	if (r->two && r->opcode == 0xba)
		return reg >= 4;
	if (r->two)
		return true;
	switch (r->opcode) {
	case 0x8f:
		return reg == 0;
	case 0xc6:
	case 0xc7:
		return reg == 0 || is_tsx;
	case 0xfe:
		return reg <= 1;
	case 0xff:
		return reg != 7;
	default:
		return true;
	}
}

/* Where f2 or f3 is part of the opcode: SSE, popcnt, tzcnt and lzcnt. */
static bool
has_rep_form(const struct reading *r)
{
	uint8_t op = r->opcode;

	return r->two && (op < 0x40 || (op >= 0x50 && op < 0x80) || op == 0xb8 ||
			  op == 0xbc || op == 0xbd || op == 0xc2 || op >= 0xd0);
}

static bool
is_movable(const struct reading *r)
{
	uint8_t reg = r->modrm >> 3 & 7;

	if (!(r->how & MOVES) || r->odd_prefix || r->addr32 || is_rip_relative(r))
		return false;
	if (r->rep && !has_rep_form(r))
		return false;
	if (r->two)
		return true;
	switch (r->opcode) {
	case 0x00: /* 00 00 is padding */
		return r->modrm != 0;
	case 0xc6:
	case 0xc7: /* not xabort, xbegin */
		return reg == 0;
	case 0xff:
		return reg <= 1 || reg == 6;
	default:
		return true;
	}
}

/* Whether register @number is rcx (or its byte ch), or r11, and may so be written. */
static void
name_register(const struct reading *r, struct insn *i, unsigned number)
{
	if (number == 1 || (number == 5 && !r->rex))
		i->writes_rcx = true;
	if (number == 11)
		i->writes_r11 = true;
}

/* Nothing that is movable writes either without naming it. */
static void
name_registers(const struct reading *r, struct insn *i)
{
	unsigned high = r->rex & REX_B ? 8 : 0;

	if (!i->movable)
		i->writes_rcx = i->writes_r11 = true;
	if (r->how & REG)
		name_register(r, i, high | (r->opcode & 7));
	if (!(r->how & MODRM))
		return;
	if (!(r->how & GROUP))
		name_register(r, i, (r->rex & REX_R ? 8 : 0) | (r->modrm >> 3 & 7));
	if (r->modrm >= 0xc0)
		name_register(r, i, high | (r->modrm & 7));
}

static bool
is_vector(uint8_t byte)
{
	return byte == 0xc4 || byte == 0xc5 || byte == 0x62;
}

size_t
insn_decode(const uint8_t *bytes, size_t max, struct insn *ret)
{
	struct reading r = { .bytes = bytes, .max = max < INSN_MAX ? max : INSN_MAX };
	struct insn i = { .writes_rcx = true, .writes_r11 = true };
	size_t len;

	read_prefixes(&r);
	if (is_vector(peek(&r, 0))) {
		len = take_vector(&r);
	} else {
		read_opcode(&r);
		if (r.how & MODRM)
			read_modrm(&r);
		len = is_known(&r) ? r.at + immediate(&r) : 0;
		i = (struct insn){ .movable = is_movable(&r) };
		name_registers(&r, &i);
	}
	if (len == 0 || len > r.max)
		return 0;
	i.len = (uint8_t)len;
	*ret = i;
	return len;
}
