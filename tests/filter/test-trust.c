/* SPDX-License-Identifier: MIT */

/*
 * The filter that trusts the recorder, against the one that trusts nobody
 *
 * Both are run in the simulator on every number of every ABI.  They may differ only
 * where a call of x86-64 comes from exactly a trusted address, and in the few calls
 * before which the recorder leaves a process.
 */

#include "bpfsim.h"
#include "recorder/region.h"
#include "rule.h"
#include "tap.h"
#include "trace/filter.h"
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#define X32_BIT 0x40000000U
#define TRACED (SECCOMP_RET_TRACE | 0x7766)
#define NUMBERS 1024
#define IP_WORDS \
	(BPFSIM_WORD(instruction_pointer) | BPFSIM_WORD(instruction_pointer) << 1)

static struct filter plain, trusting;
static uint64_t trusted[REGION_TRUSTED];

static struct seccomp_data
call(uint32_t arch, uint32_t nr, uint64_t args, uint64_t ip)
{
	struct seccomp_data data = { .nr = (int)nr,
				     .arch = arch,
				     .instruction_pointer = ip };

	for (unsigned i = 0; i < 6; i++)
		data.args[i] = args;
	return data;
}

static struct bpfsim_result
run(const struct filter *f, const struct seccomp_data *data)
{
	struct bpfsim_result got = { 0 };

	if (!bpfsim_run(f->code, f->len, data, &got))
		complain("nr %#x: not a program", (unsigned)data->nr);
	return got;
}

/* Calls before which the recorder leaves: these stop where it is trusted. */
static bool
is_leaver(const struct seccomp_data *d)
{
	const uint64_t low = 0x80000000;

	if (d->arch != AUDIT_ARCH_X86_64)
		return false;
	switch (d->nr) {
	case SYS_mlockall:
		return true;
	case SYS_setrlimit:
		return (uint32_t)d->args[0] == RLIMIT_AS;
	case SYS_prlimit64:
		return (uint32_t)d->args[1] == RLIMIT_AS;
	case SYS_munmap:
		return d->args[0] < low;
	case SYS_mmap:
		return d->args[0] < low && d->args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	case SYS_mremap:
		return d->args[4] < low && d->args[3] & MREMAP_FIXED;
	case SYS_shmat:
		return d->args[1] < low && d->args[2] & SHM_REMAP;
	default:
		return false;
	}
}

/* Numbers of which some calls are such. */
static bool
can_be_leaver(uint32_t nr)
{
	return nr == SYS_mlockall || nr == SYS_setrlimit || nr == SYS_prlimit64 ||
	       nr == SYS_munmap || nr == SYS_mmap || nr == SYS_mremap || nr == SYS_shmat;
}

static void
compare(const struct seccomp_data *d)
{
	uint32_t without = run(&plain, d).action, with = run(&trusting, d).action;

	if (is_leaver(d))
		without = TRACED;
	if (with != without)
		complain("arch %#x, nr %#x, ip %#llx: %#x, not %#x", d->arch,
			 (unsigned)d->nr, (unsigned long long)d->instruction_pointer,
			 with, without);
}

/* Addresses that are none of the trusted ones, and look like them. */
static void
each_stranger(uint32_t arch, uint32_t nr, uint64_t args)
{
	for (unsigned i = 0; i < REGION_TRUSTED; i++) {
		const uint64_t ips[] = { trusted[i] + 1,
					 trusted[i] - 2,
					 trusted[i] | (uint64_t)1 << 32,
					 trusted[i] | (uint64_t)0x7fff << 32,
					 trusted[i] << 32,
					 0 };

		for (unsigned k = 0; k < sizeof(ips) / sizeof(*ips); k++) {
			struct seccomp_data d = call(arch, nr, args, ips[k]);

			compare(&d);
		}
	}
}

static void
test_strangers(void)
{
	/* flags of which some are set; low addresses and high ones */
	const uint64_t values[] = { 0,		9,	    0x12,   0x100002,
				    0x7fffffff, 0x80000000, 0x4012, UINT64_MAX };

	for (uint32_t nr = 0; nr < NUMBERS; nr++)
		for (unsigned i = 0; i < sizeof(values) / sizeof(*values); i++) {
			uint64_t args = values[i];

			each_stranger(AUDIT_ARCH_X86_64, nr, args);
			each_stranger(AUDIT_ARCH_X86_64, nr | X32_BIT, args);
			each_stranger(AUDIT_ARCH_I386, nr, args);
		}
	verdict("whoever is not at a trusted address is treated as ever");
}

static void
test_trusted(void)
{
	for (unsigned i = 0; i < REGION_TRUSTED; i++)
		for (uint32_t nr = 0; nr < NUMBERS; nr++) {
			struct seccomp_data d =
				call(AUDIT_ARCH_X86_64, nr, UINT64_MAX, trusted[i]);

			if (run(&trusting, &d).action != SECCOMP_RET_ALLOW)
				complain("nr %u stops at a trusted address", nr);
			d.arch = AUDIT_ARCH_I386;
			compare(&d);
		}
	verdict("calls of x86-64 from a trusted address pass, i386's do not");
}

/* Only who would be traced is asked where he comes from. */
static void
test_bitmap(void)
{
	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		struct seccomp_data d = call(AUDIT_ARCH_X86_64, nr, 1, trusted[0]);
		bool held =
			bpfsim_const_allow(plain.code, plain.len, nr, AUDIT_ARCH_X86_64);
		bool leaver = can_be_leaver(nr);

		if (held && !leaver && run(&trusting, &d).loaded & IP_WORDS)
			complain("nr %u: its address is looked at", nr);
		if (!leaver && held != bpfsim_const_allow(trusting.code, trusting.len, nr,
							  AUDIT_ARCH_X86_64))
			complain("nr %u: not in the bitmap any more", nr);
	}
	verdict("the kernel's bitmap holds what it held");
}

int
main(void)
{
	region_trusted(trusted);
	if (filter_build(CLASS_ALL, NULL, 0, &plain) < 0 ||
	    filter_build(CLASS_ALL, trusted, REGION_TRUSTED, &trusting) < 0)
		complain("cannot build the filters");
	verdict("both filters can be built");
	test_strangers();
	test_trusted();
	test_bitmap();
	filter_done(&plain);
	filter_done(&trusting);
	return tap_done();
}
