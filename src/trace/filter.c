/* SPDX-License-Identifier: MIT */

/*
 * From the syscall table to BPF, in three steps:
 *
 * 1. libseccomp makes the program: a binary search per ABI, and tests of
 *    arguments where an argument decides.  It takes numbers of the machine it
 *    runs on and translates them by name for the others, so each ABI gets a
 *    context of its own that is given names, and the three are merged.
 * 2. For those others it cannot add what it has no name for, and Debian's 2.5.4
 *    ends before statmount.  Such numbers are tested in an epilogue behind the
 *    program, and so are those that belong to no call yet.
 * 3. The leaves "ret ALLOW" of step 1 become jumps to that epilogue.
 *
 * A call that is not traced must be judged by nr and arch alone, with the loads
 * and jumps that seccomp_is_const_allow() in kernel/seccomp.c can follow: then
 * the kernel finds out at installation, keeps it in a bitmap and never runs the
 * program for that number.  That is why the epilogue uses no scratch memory.
 *
 * To make traced calls pass under a further condition, such as the instruction
 * pointer being the recorder's, put that test behind the program too and send
 * the leaves "ret TRACE" there with leaves_redirect(), as the last step.
 */

#include "trace/filter.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "model/syscalls.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define TRACE (SECCOMP_RET_TRACE | FILTER_TRACE_DATA)
#define ALLOW SECCOMP_RET_ALLOW

/* More than the table can ever need, and few enough for 8-bit jumps across them. */
#define LATE_MAX 48

static const uint32_t scmp_arches[ABI_COUNT] = {
	[ABI_X86_64] = SCMP_ARCH_X86_64,
	[ABI_I386] = SCMP_ARCH_X86,
	[ABI_X32] = SCMP_ARCH_X32,
};

/* Numbers, as the kernel sees them, that libseccomp has no name for. */
struct late {
	uint32_t nr[LATE_MAX];
	unsigned count;
};

static uint32_t
kernel_nr(const struct syscall_row *row, enum abi abi)
{
	return (uint32_t)row->nr[abi] | (abi == ABI_X32 ? __X32_SYSCALL_BIT : 0);
}

/*
 * What libseccomp calls the row, for rules of a context of that ABI.  False when
 * it has no name for it there, or means another number by that name.
 */
static bool
scmp_nr(const struct syscall_row *row, enum abi abi, int *ret)
{
	int nr;

	if (scmp_arches[abi] == seccomp_arch_native()) {
		*ret = row->nr[abi];
		return true;
	}
	nr = seccomp_syscall_resolve_name_arch(scmp_arches[abi], row->name);
	/* Of i386 it gives a pseudo number where socketcall has the call too, and adds both. */
	if (nr != (int)kernel_nr(row, abi) &&
	    !(abi == ABI_I386 && nr <= -101 && nr >= -120))
		return false;
	*ret = seccomp_syscall_resolve_name(row->name);
	return true;
}

static int
row_add(scmp_filter_ctx ctx, int nr, const struct syscall_test *tests, unsigned count)
{
	int r;

	if (!count)
		return seccomp_rule_add(ctx, SCMP_ACT_TRACE(FILTER_TRACE_DATA), nr, 0);
	for (unsigned i = 0; i < count; i++) {
		/*
		 * The kernel takes these arguments as 32 bits.  The mask leaves out
		 * the high half, or a call could hide behind garbage there.
		 */
		r = seccomp_rule_add(ctx, SCMP_ACT_TRACE(FILTER_TRACE_DATA), nr, 1,
				     SCMP_CMP64(tests[i].arg, SCMP_CMP_MASKED_EQ,
						tests[i].mask, tests[i].value));
		if (r < 0)
			return r;
	}
	return 0;
}

static void
ctx_release(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

#define _cleanup_ctx_ _cleanup_(ctx_release)

/* An empty context for one ABI.  NULL stands for no memory, as libseccomp says it. */
static scmp_filter_ctx
ctx_new(enum abi abi)
{
	_cleanup_ctx_ scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx || seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW) ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0) ||
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2))
		return NULL;
	if (scmp_arches[abi] != seccomp_arch_native() &&
	    (seccomp_arch_add(ctx, scmp_arches[abi]) ||
	     seccomp_arch_remove(ctx, SCMP_ARCH_NATIVE)))
		return NULL;
	return TAKE(ctx);
}

/* Adds what is chosen of one ABI to its context; what has no name there to @late. */
static int
abi_add(scmp_filter_ctx ctx, enum abi abi, unsigned classes, struct late *late)
{
	for (size_t i = 0; i < syscall_row_count; i++) {
		const struct syscall_row *row = &syscall_rows[i];
		struct syscall_test tests[SYSCALL_TESTS_MAX];
		int nr, r;

		if (row->nr[abi] < 0 || !syscall_chosen(row, classes))
			continue;
		if (scmp_nr(row, abi, &nr)) {
			r = row_add(ctx, nr, tests, syscall_tests(row, classes, tests));
			if (r < 0)
				return r;
		} else if (late->count < LATE_MAX) {
			late->nr[late->count++] = kernel_nr(row, abi);
		} else {
			return -E2BIG;
		}
	}
	return 0;
}

/* Memory of ours lies below, wherever calls are trusted. */
#define LOW_END 0x80000000u

/*
 * Calls that put something else where our memory may be, or take it away.  What costs
 * nearly every program a stop is not among them: low addresses are rare.
 */
static int
takers_add(scmp_filter_ctx ctx)
{
	const uint32_t action = SCMP_ACT_TRACE(FILTER_TRACE_DATA);
	int r;

	r = seccomp_rule_add(ctx, action, SCMP_SYS(munmap), 1,
			     SCMP_A0_64(SCMP_CMP_LT, LOW_END, 0));
	if (r == 0)
		r = seccomp_rule_add(
			ctx, action, SCMP_SYS(mmap), 2,
			SCMP_A0_64(SCMP_CMP_LT, LOW_END, 0),
			SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_FIXED, MAP_FIXED));
	if (r == 0)
		r = seccomp_rule_add(ctx, action, SCMP_SYS(mmap), 2,
				     SCMP_A0_64(SCMP_CMP_LT, LOW_END, 0),
				     SCMP_A3_64(SCMP_CMP_MASKED_EQ, MAP_FIXED_NOREPLACE,
						MAP_FIXED_NOREPLACE));
	if (r == 0)
		r = seccomp_rule_add(
			ctx, action, SCMP_SYS(mremap), 2,
			SCMP_A3_64(SCMP_CMP_MASKED_EQ, MREMAP_FIXED, MREMAP_FIXED),
			SCMP_A4_64(SCMP_CMP_LT, LOW_END, 0));
	if (r == 0)
		r = seccomp_rule_add(
			ctx, action, SCMP_SYS(shmat), 2,
			SCMP_A1_64(SCMP_CMP_LT, LOW_END, 0),
			SCMP_A2_64(SCMP_CMP_MASKED_EQ, SHM_REMAP, SHM_REMAP));
	return r;
}

/*
 * Where calls are trusted there is memory of ours in the process.  These would count
 * it: it is taken out before (recorder/leave.h).
 */
static int
leavers_add(scmp_filter_ctx ctx)
{
	const uint32_t action = SCMP_ACT_TRACE(FILTER_TRACE_DATA);
	int r;

	r = seccomp_rule_add(ctx, action, SCMP_SYS(mlockall), 0);
	if (r == 0)
		r = seccomp_rule_add(
			ctx, action, SCMP_SYS(setrlimit), 1,
			SCMP_A0_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, RLIMIT_AS));
	if (r == 0)
		r = seccomp_rule_add(
			ctx, action, SCMP_SYS(prlimit64), 1,
			SCMP_A1_64(SCMP_CMP_MASKED_EQ, UINT32_MAX, RLIMIT_AS));
	return r;
}

/* libseccomp can only write to a file. */
static int
ctx_export(scmp_filter_ctx ctx, struct filter *f)
{
	_cleanup_fd_ int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return r;
	if (fstat(fd, &st) < 0)
		return -errno;
	if ((size_t)st.st_size > BPF_MAXINSNS * sizeof(*f->code))
		return -E2BIG;
	f->code = mem_zero(BPF_MAXINSNS, sizeof(*f->code));
	n = pread(fd, f->code, (size_t)st.st_size, 0);
	if (n != st.st_size)
		return n < 0 ? -errno : -EIO;
	f->len = (unsigned short)((size_t)n / sizeof(*f->code));
	return 0;
}

/* Step 1: the program for what libseccomp knows. */
static int
base_build(unsigned classes, bool trusts, struct filter *f, struct late late[ABI_COUNT])
{
	_cleanup_ctx_ scmp_filter_ctx all = NULL;
	int r;

	for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
		_cleanup_ctx_ scmp_filter_ctx ctx = ctx_new(abi);

		if (!ctx)
			return -ENOMEM;
		r = abi_add(ctx, abi, classes, &late[abi]);
		if (r == 0 && trusts && abi == ABI_X86_64)
			r = leavers_add(ctx);
		if (r == 0 && trusts && abi == ABI_X86_64)
			r = takers_add(ctx);
		if (r < 0)
			return r;
		if (all) {
			r = seccomp_merge(all, ctx);
			if (r < 0)
				return r;
			TAKE(ctx); /* is part of the other now */
		} else {
			all = TAKE(ctx);
		}
	}
	return ctx_export(all, f);
}

/* Makes each "ret @action" among the first @end instructions a jump to @target. */
static void
leaves_redirect(struct filter *f, unsigned end, uint32_t action, unsigned target)
{
	for (unsigned i = 0; i < end; i++) {
		struct sock_filter *leaf = &f->code[i];

		if (leaf->code == (BPF_RET | BPF_K) && leaf->k == action)
			*leaf = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA,
							     target - i - 1);
	}
}

static void
emit(struct filter *f, struct sock_filter insn)
{
	f->code[f->len++] = insn;
}

static void
emit_load(struct filter *f, size_t offset)
{
	emit(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void
emit_jump(struct filter *f, uint16_t how, uint32_t k, unsigned yes, unsigned no)
{
	emit(f, (struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, k, (uint8_t)yes,
					     (uint8_t)no));
}

static void
emit_ret(struct filter *f, uint32_t action)
{
	emit(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

static unsigned
range_count(enum abi abi)
{
	unsigned count = 0;

	for (size_t i = 0; i < syscall_unknown_count; i++)
		count += syscall_unknown[i].abi == abi;
	return count;
}

static unsigned
late_len(const struct late *late, enum abi abi)
{
	return late->count + 2 * range_count(abi) + 2;
}

/*
 * "ret TRACE" for the numbers of one ABI and those that belong to no call yet,
 * "ret ALLOW" for the rest; nr is loaded.
 */
static void
emit_late(struct filter *f, const struct late *late, enum abi abi)
{
	const uint32_t bit = abi == ABI_X32 ? __X32_SYSCALL_BIT : 0;
	unsigned trace = f->len + late_len(late, abi) - 1u;

	for (unsigned i = 0; i < late->count; i++)
		emit_jump(f, BPF_JEQ, late->nr[i], trace - f->len - 1u, 0);
	for (size_t i = 0; i < syscall_unknown_count; i++) {
		const struct syscall_range *r = &syscall_unknown[i];

		if (r->abi != abi)
			continue;
		emit_jump(f, BPF_JGE, bit | r->from, 0, 1);
		emit_jump(f, BPF_JGT, bit | r->to, 0, trace - f->len - 1u);
	}
	emit_ret(f, ALLOW);
	emit_ret(f, TRACE);
}

/* Step 2: no number below the lowest runs more than three of these instructions. */
static void
epilogue_emit(struct filter *f, const struct late late[ABI_COUNT])
{
	uint32_t lowest = UINT32_MAX;

	for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
		for (unsigned i = 0; i < late[abi].count; i++)
			lowest = MIN(lowest, late[abi].nr[i]);
	}
	for (size_t i = 0; i < syscall_unknown_count; i++)
		lowest = MIN(lowest, syscall_unknown[i].from);
	emit_load(f, offsetof(struct seccomp_data, nr));
	emit_jump(f, BPF_JGE, lowest, 1, 0);
	emit_ret(f, ALLOW);
	emit_load(f, offsetof(struct seccomp_data, arch));
	emit_jump(f, BPF_JEQ, AUDIT_ARCH_I386, 0,
		  1 + late_len(&late[ABI_I386], ABI_I386));
	emit_load(f, offsetof(struct seccomp_data, nr));
	emit_late(f, &late[ABI_I386], ABI_I386);
	emit_jump(f, BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0);
	emit_ret(f, ALLOW);
	emit_load(f, offsetof(struct seccomp_data, nr));
	emit_jump(f, BPF_JGE, __X32_SYSCALL_BIT, late_len(&late[ABI_X86_64], ABI_X86_64),
		  0);
	emit_late(f, &late[ABI_X86_64], ABI_X86_64);
	emit_late(f, &late[ABI_X32], ABI_X32);
}

#define TRUSTED_MAX 8
#define EPILOGUE_MAX (64 + TRUSTED_MAX + ABI_COUNT * LATE_MAX)

/* Where every leaf that traces ends up: a call of x86-64 from a trusted place passes. */
static void
trust_emit(struct filter *f, const uint64_t *trusted, unsigned count)
{
	const size_t ip = offsetof(struct seccomp_data, instruction_pointer);

	emit_load(f, offsetof(struct seccomp_data, arch));
	emit_jump(f, BPF_JEQ, AUDIT_ARCH_X86_64, 0, count + 3);
	/* both words: an address that only looks the same is another (little endian) */
	emit_load(f, ip + 4);
	emit_jump(f, BPF_JEQ, 0, 0, count + 1);
	emit_load(f, ip);
	for (unsigned i = 0; i < count; i++)
		emit_jump(f, BPF_JEQ, (uint32_t)trusted[i], count - i, 0);
	emit_ret(f, TRACE);
	emit_ret(f, ALLOW);
}

int
filter_build(unsigned classes, const uint64_t *trusted, size_t count, struct filter *ret)
{
	_cleanup_(filter_done) struct filter f = { 0 };
	struct late late[ABI_COUNT] = { 0 };
	unsigned base;
	int r;

	r = base_build(classes, count > 0, &f, late);
	if (r < 0)
		return r;
	if (f.len > BPF_MAXINSNS - EPILOGUE_MAX)
		return -E2BIG;
	base = f.len;
	epilogue_emit(&f, late);
	leaves_redirect(&f, base, ALLOW, base);
	if (count) {
		base = f.len;
		trust_emit(&f, trusted, (unsigned)MIN(count, (size_t)TRUSTED_MAX));
		leaves_redirect(&f, base, TRACE, base);
	}
	f.code = mem_resize(f.code, f.len, sizeof(*f.code));
	*ret = TAKE(f);
	return 0;
}

void
filter_mark(struct filter *f, uint16_t data)
{
	for (unsigned i = 0; i < f->len; i++) {
		struct sock_filter *leaf = &f->code[i];

		if (leaf->code == (BPF_RET | BPF_K) &&
		    (leaf->k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_TRACE)
			leaf->k = SECCOMP_RET_TRACE | data;
	}
}

void
filter_done(struct filter *f)
{
	free(f->code);
	*f = (struct filter){ 0 };
}
