/* SPDX-License-Identifier: MIT */

/*
 * A number in the program means something only where it is compared: as a
 * syscall of one ABI, an architecture or bits of an argument.  So we walk the
 * program as the kernel would, all branches at once, and know at each
 * instruction what the accumulator holds, which ABIs can get there and for which
 * call.  Jumps only go forward, hence one pass from the top does both, find out
 * and print.
 */

#include "trace/filter-print.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "model/syscalls.h"
#include "trace/filter.h"
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#define ABI_BIT(abi) (1U << (abi))
#define ABI_BIT_OTHER \
	ABI_BIT(ABI_COUNT) /* an architecture that the table knows nothing of */
#define ABI_BITS_ALL (ABI_BIT(ABI_COUNT + 1) - 1)

#define NR_OFFSET offsetof(struct seccomp_data, nr)
#define ARCH_OFFSET offsetof(struct seccomp_data, arch)
#define IP_OFFSET offsetof(struct seccomp_data, instruction_pointer)
#define ARGS_OFFSET offsetof(struct seccomp_data, args)

#define UNKNOWN UINT32_MAX
#define NO_CALL (-1)

#define NOTE_COLUMN 56

/* What is known before an instruction runs. */
struct state {
	bool reached;
	unsigned abis;	 /* ABI_BIT()s that can get here */
	uint32_t offset; /* of what the accumulator was loaded from, or UNKNOWN */
	uint32_t mask;	 /* which bits of it are left */
	int64_t call;	 /* the only number that gets here, or NO_CALL */
};

static void
state_join(struct state *to, const struct state *from)
{
	if (!to->reached) {
		*to = *from;
		return;
	}
	to->abis |= from->abis;
	if (to->offset != from->offset || to->mask != from->mask)
		to->offset = UNKNOWN;
	if (to->call != from->call)
		to->call = NO_CALL;
}

/* The ABIs whose numbers can be @least or more, or @most or less: x32's are all above. */
static unsigned
abis_in_range(uint64_t least, uint64_t most)
{
	unsigned abis = ABI_BITS_ALL;

	if (least >= __X32_SYSCALL_BIT)
		abis &= ~ABI_BIT(ABI_X86_64);
	if (most < __X32_SYSCALL_BIT)
		abis &= ~ABI_BIT(ABI_X32);
	return abis;
}

static unsigned
abis_after_nr(const struct sock_filter *insn, bool yes)
{
	uint64_t k = insn->k;

	switch (BPF_OP(insn->code)) {
	case BPF_JEQ:
		return yes ? abis_in_range(k, k) : ABI_BITS_ALL;
	case BPF_JGT:
		return yes ? abis_in_range(k + 1, UINT32_MAX) : abis_in_range(0, k);
	case BPF_JGE:
		return yes ? abis_in_range(k, UINT32_MAX) : abis_in_range(0, k - 1);
	default:
		return ABI_BITS_ALL;
	}
}

static unsigned
abis_after_arch(const struct sock_filter *insn, bool yes)
{
	unsigned abis = ABI_BIT_OTHER;

	if (BPF_OP(insn->code) != BPF_JEQ)
		return ABI_BITS_ALL;
	if (insn->k == AUDIT_ARCH_X86_64)
		abis = ABI_BIT(ABI_X86_64) | ABI_BIT(ABI_X32);
	else if (insn->k == AUDIT_ARCH_I386)
		abis = ABI_BIT(ABI_I386);
	else if (!yes)
		return ABI_BITS_ALL; /* there are more architectures than that one */
	return yes ? abis : ~abis;
}

/* What is known when a comparison held (@yes), or when it did not. */
static struct state
state_branch(const struct state *s, const struct sock_filter *insn, bool yes)
{
	struct state after = *s;

	if (s->mask != UINT32_MAX)
		return after;
	if (s->offset == ARCH_OFFSET)
		after.abis &= abis_after_arch(insn, yes);
	if (s->offset == NR_OFFSET)
		after.abis &= abis_after_nr(insn, yes);
	if (s->offset == NR_OFFSET && BPF_OP(insn->code) == BPF_JEQ && yes)
		after.call = insn->k;
	return after;
}

static const char *
operand(uint32_t offset, char ret[24])
{
	if (offset == NR_OFFSET)
		return "nr";
	if (offset == ARCH_OFFSET)
		return "arch";
	if (offset == IP_OFFSET || offset == IP_OFFSET + 4)
		return offset == IP_OFFSET ? "ip" : "ip.high";
	if (offset == UNKNOWN || offset < ARGS_OFFSET)
		return "a";
	offset -= ARGS_OFFSET;
	snprintf(ret, 24, "arg%u%s", offset / 8, offset % 8 ? ".high" : "");
	return ret;
}

static const char *
abi_call_name(enum abi abi, int64_t nr)
{
	const struct syscall_row *row;

	if (abi == ABI_X32) {
		if (!(nr & __X32_SYSCALL_BIT))
			return NULL;
		nr &= ~(int64_t)__X32_SYSCALL_BIT;
	}
	row = nr <= INT32_MAX ? syscall_find(abi, (int)nr) : NULL;
	return row ? row->name : NULL;
}

/*
 * "; x86_64 openat": who can get here, and what number @nr is called there.
 * @width is how much of the line is written.
 */
static void
print_note(const struct state *s, int64_t nr, int width, FILE *out)
{
	const char *before = "; ";

	for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
		const char *name = nr >= 0 ? abi_call_name(abi, nr) : NULL;

		if (!(s->abis & ABI_BIT(abi)) || (nr >= 0 && !name))
			continue;
		fprintf(out, "%*s%s%s%s%s", MAX(NOTE_COLUMN - width, 0), "", before,
			abi_word(abi), name ? " " : "", name ? name : "");
		width = NOTE_COLUMN;
		before = ", ";
	}
}

static void
print_condition(const struct state *s, const struct sock_filter *insn, char *ret,
		size_t size)
{
	static const struct {
		uint16_t op;
		const char *text;
	} ops[] = {
		{ BPF_JEQ, "==" },
		{ BPF_JGT, ">" },
		{ BPF_JGE, ">=" },
		{ BPF_JSET, "has" },
	};
	const char *op = "?";
	char what[24], mask[24] = "", value[24];

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (BPF_OP(insn->code) == ops[i].op)
			op = ops[i].text;
	}
	if (s->mask != UINT32_MAX && s->offset != UNKNOWN)
		snprintf(mask, sizeof(mask), " & 0x%x", s->mask);
	if (s->offset == NR_OFFSET && insn->k < __X32_SYSCALL_BIT)
		snprintf(value, sizeof(value), "%u", insn->k);
	else if (s->offset == NR_OFFSET && insn->k > __X32_SYSCALL_BIT)
		snprintf(value, sizeof(value), "x32 %u", insn->k & ~__X32_SYSCALL_BIT);
	else
		snprintf(value, sizeof(value), "0x%x", insn->k);
	snprintf(ret, size, "%s%s %s %s", operand(s->offset, what), mask, op, value);
}

static void
print_jump(const struct state *s, const struct sock_filter *insn, unsigned at, FILE *out)
{
	struct state yes = state_branch(s, insn, true);
	char condition[96];
	int width;

	if (BPF_OP(insn->code) == BPF_JA) {
		fprintf(out, "go to %u", at + 1 + insn->k);
		return;
	}
	print_condition(s, insn, condition, sizeof(condition));
	width = fprintf(out, "if %-26s go to %u, else %u", condition, at + 1 + insn->jt,
			at + 1 + insn->jf);
	if (s->offset == NR_OFFSET && BPF_OP(insn->code) == BPF_JEQ)
		print_note(s, insn->k, width, out);
	else if (s->offset == NR_OFFSET || s->offset == ARCH_OFFSET)
		print_note(&yes, NO_CALL, width, out);
	else if (s->call != NO_CALL)
		print_note(s, s->call, width, out);
}

static void
print_return(uint32_t action, FILE *out)
{
	static const struct {
		uint32_t action;
		const char *name;
	} actions[] = {
		{ SECCOMP_RET_ALLOW, "ALLOW" },
		{ SECCOMP_RET_TRACE, "TRACE" },
		{ SECCOMP_RET_ERRNO, "ERRNO" },
		{ SECCOMP_RET_TRAP, "TRAP" },
		{ SECCOMP_RET_LOG, "LOG" },
		{ SECCOMP_RET_USER_NOTIF, "USER_NOTIF" },
		{ SECCOMP_RET_KILL_THREAD, "KILL_THREAD" },
		{ SECCOMP_RET_KILL_PROCESS, "KILL_PROCESS" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		if ((action & SECCOMP_RET_ACTION_FULL) != actions[i].action)
			continue;
		fprintf(out, "return %s", actions[i].name);
		if (action & SECCOMP_RET_DATA)
			fprintf(out, " %u", action & SECCOMP_RET_DATA);
		return;
	}
	fprintf(out, "return 0x%x", action);
}

static void
print_load(const struct state *s, const struct sock_filter *insn, FILE *out)
{
	char what[24];
	int width = fprintf(out, "load %s", operand(insn->k, what));

	if (insn->k >= ARGS_OFFSET && s->call != NO_CALL)
		print_note(s, s->call, width, out);
}

static void
print_insn(const struct state *s, const struct sock_filter *insn, unsigned at, FILE *out)
{
	fprintf(out, "%5u  ", at);
	switch (BPF_CLASS(insn->code)) {
	case BPF_LD:
		print_load(s, insn, out);
		break;
	case BPF_ALU:
		if (insn->code == (BPF_ALU | BPF_AND | BPF_K))
			fprintf(out, "and 0x%x", insn->k);
		else
			fprintf(out, "alu 0x%x 0x%x", insn->code, insn->k);
		break;
	case BPF_JMP:
		print_jump(s, insn, at, out);
		break;
	case BPF_RET:
		print_return(insn->k, out);
		break;
	default:
		fprintf(out, "0x%x 0x%x", insn->code, insn->k);
	}
	fputs(s->reached ? "\n" : " ; never reached\n", out);
}

/* Tells the instructions after this one what is known when they are reached. */
static void
walk(struct state *states, const struct sock_filter *insn, unsigned at)
{
	struct state after = states[at], other;

	switch (BPF_CLASS(insn->code)) {
	case BPF_RET:
		return;
	case BPF_LD:
		after.offset = insn->k;
		after.mask = UINT32_MAX;
		break;
	case BPF_ALU:
		if (insn->code == (BPF_ALU | BPF_AND | BPF_K))
			after.mask &= insn->k;
		else
			after.offset = UNKNOWN;
		break;
	case BPF_JMP:
		if (BPF_OP(insn->code) == BPF_JA) {
			state_join(&states[at + 1 + insn->k], &after);
			return;
		}
		other = state_branch(&states[at], insn, false);
		after = state_branch(&states[at], insn, true);
		state_join(&states[at + 1 + insn->jf], &other);
		state_join(&states[at + 1 + insn->jt], &after);
		return;
	default:
		after.offset = UNKNOWN;
	}
	state_join(&states[at + 1], &after);
}

static void
print_summary(const struct filter *f, unsigned classes, FILE *out)
{
	const char *before = "";

	fprintf(out, "seccomp filter: %u instructions; classes: ", f->len);
	for (enum class_index c = 0; c < CLASS_COUNT; c++) {
		if (!((classes | CLASS_PROCESS) & (1U << c)))
			continue;
		fprintf(out, "%s%s", before, syscall_class_word(c));
		before = ",";
	}
	fputc('\n', out);
}

void
filter_print(const struct filter *f, unsigned classes, FILE *out)
{
	_cleanup_free_ struct state *states = mem_zero(f->len + 1U, sizeof(*states));

	states[0] = (struct state){
		.reached = true,
		.abis = ABI_BITS_ALL,
		.offset = UNKNOWN,
		.mask = UINT32_MAX,
		.call = NO_CALL,
	};
	print_summary(f, classes, out);
	for (unsigned i = 0; i < f->len; i++) {
		print_insn(&states[i], &f->code[i], i, out);
		if (states[i].reached)
			walk(states, &f->code[i], i);
	}
}
