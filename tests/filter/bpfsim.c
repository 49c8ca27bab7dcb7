/* SPDX-License-Identifier: MIT */

#include "bpfsim.h"
#include <stddef.h>
#include <string.h>

struct machine {
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
};

static bool
alu(struct machine *m, const struct sock_filter *insn)
{
	uint32_t k = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_ADD:
		m->a += k;
		return true;
	case BPF_SUB:
		m->a -= k;
		return true;
	case BPF_MUL:
		m->a *= k;
		return true;
	case BPF_DIV:
		if (!k)
			return false;
		m->a /= k;
		return true;
	case BPF_OR:
		m->a |= k;
		return true;
	case BPF_AND:
		m->a &= k;
		return true;
	case BPF_XOR:
		m->a ^= k;
		return true;
	case BPF_LSH:
		m->a <<= k & 31;
		return true;
	case BPF_RSH:
		m->a >>= k & 31;
		return true;
	case BPF_NEG:
		m->a = -m->a;
		return true;
	default:
		return false;
	}
}

/* How far a jump goes beyond the next instruction, -1 for one that does not exist. */
static int64_t
jump(const struct machine *m, const struct sock_filter *insn)
{
	uint32_t k = BPF_SRC(insn->code) == BPF_X ? m->x : insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_JA:
		return insn->k;
	case BPF_JEQ:
		return m->a == k ? insn->jt : insn->jf;
	case BPF_JGT:
		return m->a > k ? insn->jt : insn->jf;
	case BPF_JGE:
		return m->a >= k ? insn->jt : insn->jf;
	case BPF_JSET:
		return m->a & k ? insn->jt : insn->jf;
	default:
		return -1;
	}
}

static bool
load(struct machine *m, const struct sock_filter *insn, const struct seccomp_data *data,
     struct bpfsim_result *ret)
{
	switch (insn->code) {
	case BPF_LD | BPF_W | BPF_ABS:
		if (insn->k % 4 || insn->k >= sizeof(*data))
			return false;
		memcpy(&m->a, (const char *)data + insn->k, sizeof(m->a));
		ret->loaded |= 1U << (insn->k / 4);
		return true;
	case BPF_LD | BPF_IMM:
		m->a = insn->k;
		return true;
	case BPF_LDX | BPF_IMM:
		m->x = insn->k;
		return true;
	case BPF_LD | BPF_W | BPF_LEN:
		m->a = sizeof(*data);
		return true;
	case BPF_LDX | BPF_W | BPF_LEN:
		m->x = sizeof(*data);
		return true;
	default:
		return false;
	}
}

static bool
scratch(struct machine *m, const struct sock_filter *insn)
{
	if (insn->k >= BPF_MEMWORDS)
		return false;
	switch (insn->code) {
	case BPF_LD | BPF_MEM:
		m->a = m->mem[insn->k];
		return true;
	case BPF_LDX | BPF_MEM:
		m->x = m->mem[insn->k];
		return true;
	case BPF_ST:
		m->mem[insn->k] = m->a;
		return true;
	case BPF_STX:
		m->mem[insn->k] = m->x;
		return true;
	default:
		return false;
	}
}

static bool
misc(struct machine *m, const struct sock_filter *insn)
{
	if (BPF_MISCOP(insn->code) == BPF_TAX)
		m->x = m->a;
	else if (BPF_MISCOP(insn->code) == BPF_TXA)
		m->a = m->x;
	else
		return false;
	return true;
}

bool
bpfsim_run(const struct sock_filter *code, unsigned len, const struct seccomp_data *data,
	   struct bpfsim_result *ret)
{
	struct machine m = { 0 };
	int64_t far;

	*ret = (struct bpfsim_result){ 0 };
	for (uint64_t pc = 0; pc < len; pc++) {
		const struct sock_filter *insn = &code[pc];
		bool ok = false;

		ret->steps++;
		switch (BPF_CLASS(insn->code)) {
		case BPF_LD:
		case BPF_LDX:
			ok = BPF_MODE(insn->code) == BPF_MEM ? scratch(&m, insn)
							     : load(&m, insn, data, ret);
			break;
		case BPF_ST:
		case BPF_STX:
			ok = scratch(&m, insn);
			break;
		case BPF_ALU:
			ok = alu(&m, insn);
			break;
		case BPF_JMP:
			far = jump(&m, insn);
			ok = far >= 0;
			pc += ok ? (uint64_t)far : 0;
			break;
		case BPF_RET:
			ret->action = BPF_RVAL(insn->code) == BPF_A ? m.a : insn->k;
			return true;
		case BPF_MISC:
			ok = misc(&m, insn);
			break;
		}
		if (!ok)
			return false;
	}
	return false; /* ran off the end */
}

bool
bpfsim_const_allow(const struct sock_filter *code, unsigned len, uint32_t nr,
		   uint32_t arch)
{
	uint32_t a = 0;

	for (uint64_t pc = 0; pc < len; pc++) {
		const struct sock_filter *insn = &code[pc];
		struct machine m = { .a = a };

		switch (insn->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (insn->k == offsetof(struct seccomp_data, nr))
				a = nr;
			else if (insn->k == offsetof(struct seccomp_data, arch))
				a = arch;
			else
				return false;
			break;
		case BPF_RET | BPF_K:
			return insn->k == SECCOMP_RET_ALLOW;
		case BPF_JMP | BPF_JA:
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += (uint64_t)jump(&m, insn);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= insn->k;
			break;
		default:
			return false;
		}
	}
	return false;
}
