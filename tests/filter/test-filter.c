/* SPDX-License-Identifier: MIT */

/*
 * The filter against the rule
 *
 * Every program that the command line can ask for is run in a simulator with
 * every number of every ABI and with the arguments that matter.  What must come
 * out is said here once more, from the rows as they are written down and from
 * the words of bpf-filters/README.md, and not by asking the code under test.
 */

#include "bpfsim.h"
#include "rule.h"
#include "tap.h"
#include "trace/filter-print.h"
#include "trace/filter.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __O_TMPFILE
#define __O_TMPFILE 020000000
#endif

#define X32_BIT 0x40000000U
#define TRACED (SECCOMP_RET_TRACE | 0x7766)

static struct filter filters[CHOICES];

static uint32_t
arch_of(enum abi abi)
{
	return abi == ABI_I386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
}

static struct seccomp_data
call(enum abi abi, uint32_t nr, uint64_t every_arg)
{
	struct seccomp_data data = {
		.nr = (int)(abi == ABI_X32 ? nr | X32_BIT : nr),
		.arch = arch_of(abi),
		.instruction_pointer = 0x7f0000001000 ^ every_arg,
	};

	for (unsigned i = 0; i < 6; i++)
		data.args[i] = every_arg;
	return data;
}

static void
expect(unsigned classes, const struct seccomp_data *data, bool trace, const char *name)
{
	const struct filter *f = &filters[classes];
	struct bpfsim_result got;

	if (!bpfsim_run(f->code, f->len, data, &got))
		complain("classes %#x: not a program", classes);
	else if (got.action != (trace ? TRACED : SECCOMP_RET_ALLOW))
		complain(
			"classes %#x, arch %#x, nr %#x (%s), args %#llx %#llx %#llx: %#x",
			classes, data->arch, (unsigned)data->nr, name,
			(unsigned long long)data->args[0],
			(unsigned long long)data->args[1],
			(unsigned long long)data->args[2], got.action);
}

static void
expect_rule(unsigned classes, const struct seccomp_data *data, const struct row *row)
{
	uint64_t args[6];

	memcpy(args, data->args, sizeof(args));
	expect(classes, data, must_trace(row, classes, args),
	       row ? row->name : "no file call");
}

static void
test_build(void)
{
	unsigned shortest = UINT16_MAX, longest = 0, longest_classes = 0;

	for (unsigned classes = 0; classes < CHOICES; classes++) {
		int r = filter_build(classes, NULL, 0, &filters[classes]);
		unsigned len = filters[classes].len;

		if (r)
			complain("classes %#x: %s", classes, strerror(-r));
		if (len >= BPF_MAXINSNS)
			complain("classes %#x: %u instructions", classes, len);
		if (len > longest) {
			longest = len;
			longest_classes = classes;
		}
		if (len < shortest)
			shortest = len;
	}
	printf("# instructions: %u for no class, %u for all, %u to %u for any (most: %#x)\n",
	       filters[0].len, filters[CHOICES - 1].len, shortest, longest,
	       longest_classes);
	verdict("every choice of classes builds, below the kernel's limit");
}

static void
test_numbers(enum abi abi)
{
	static const uint64_t fill[] = { 0, UINT64_MAX, 0x5a5a5a5a00000006 };
	char name[64];

	for (unsigned classes = 0; classes < CHOICES; classes++) {
		for (uint32_t nr = 0; nr < NR_END; nr++) {
			for (size_t i = 0; i < sizeof(fill) / sizeof(*fill); i++) {
				struct seccomp_data data = call(abi, nr, fill[i]);

				if (nr_is_unknown(abi, nr))
					expect(classes, &data, true, "unknown");
				else
					expect_rule(classes, &data, by_nr[abi][nr]);
			}
		}
	}
	snprintf(name, sizeof(name), "%s: numbers 0 to %u", abi_word(abi), NR_END - 1);
	verdict(name);
}

static void
test_huge_numbers(void)
{
	static const uint32_t numbers[] = {
		1024,	    4095,	0xffff,	    0x10000,	0x3fffffff, 0x40000400,
		0x7fffffff, 0x80000000, 0x80000002, 0xc0000002, 0xfffffffe, 0xffffffff,
	};

	for (unsigned classes = 0; classes < CHOICES; classes++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
				struct seccomp_data data = call(abi, numbers[i], 0);

				expect(classes, &data, false, "huge");
			}
		}
		/* x32's bit means nothing to i386. */
		for (uint32_t nr = 0; nr < NR_END; nr++) {
			struct seccomp_data data = call(ABI_I386, nr | X32_BIT, 0);

			expect(classes, &data, false, "i386 with x32's bit");
		}
	}
	verdict("huge numbers pass");
}

static void
test_opens_of(const struct row *row, enum abi abi, unsigned classes)
{
	static const uint32_t bits[] = { O_PATH, O_TRUNC, O_CREAT, __O_TMPFILE };
	static const uint32_t known =
		O_PATH | O_TRUNC | O_CREAT | __O_TMPFILE | O_ACCMODE;
	static const uint64_t high[] = { 0, 1ULL << 32, UINT64_MAX << 32 };
	unsigned arg = row_arg(row, ".flags = A");

	for (unsigned choice = 0; choice < 4 << 4; choice++) {
		uint32_t flags = choice & 3;

		for (unsigned i = 0; i < 4; i++)
			flags |= choice & (4U << i) ? bits[i] : 0;
		for (unsigned i = 0; i < 3; i++) {
			struct seccomp_data data = call(abi, (uint32_t)row->nr[abi], 0);

			data.args[arg] = high[i] | flags;
			expect_rule(classes, &data, row);
			data = call(abi, (uint32_t)row->nr[abi], UINT64_MAX);
			data.args[arg] = high[i] | flags | ~known;
			expect_rule(classes, &data, row);
		}
	}
}

static void
test_commands_of(const struct row *row, enum abi abi, unsigned classes)
{
	for (unsigned arg = 0; arg < 2; arg++) {
		for (uint64_t value = 0; value < 64; value++) {
			struct seccomp_data data = call(abi, (uint32_t)row->nr[abi], 0);

			data.args[arg] = value;
			expect_rule(classes, &data, row);
			data.args[arg] = value | UINT64_MAX << 32;
			expect_rule(classes, &data, row);
			data.args[arg] = value | 0x100; /* not the low byte only */
			expect_rule(classes, &data, row);
		}
	}
}

/* A flag that may stand among any others. */
static void
test_flags_of(const struct row *row, enum abi abi, unsigned classes)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct seccomp_data data = call(abi, (uint32_t)row->nr[abi], 0);

		data.args[0] = 1ULL << bit;
		expect_rule(classes, &data, row);
		data.args[0] = ~(1ULL << bit);
		expect_rule(classes, &data, row);
	}
}

/* All of what mmap takes for its flags, and more. */
static void
test_maps_of(const struct row *row, enum abi abi, unsigned classes)
{
	for (uint64_t flags = 0; flags < 256; flags++) {
		struct seccomp_data data = call(abi, (uint32_t)row->nr[abi], UINT64_MAX);

		data.args[3] = flags;
		expect_rule(classes, &data, row);
		data.args[3] = flags | UINT64_MAX << 32 | 0xff00;
		expect_rule(classes, &data, row);
	}
}

static void
test_shape(const char *shape, unsigned at_least,
	   void (*try)(const struct row *, enum abi, unsigned))
{
	unsigned seen = 0;
	char name[96];

	for (size_t i = 0; i < row_count; i++) {
		if (strcmp(rows[i].shape, shape))
			continue;
		for (enum abi abi = 0; abi < ABI_COUNT; abi++) {
			if (rows[i].nr[abi] < 0)
				continue;
			seen++;
			for (unsigned classes = 0; classes < CHOICES; classes++)
				try(&rows[i], abi, classes);
		}
	}
	if (seen < at_least)
		complain("only %u rows with a number have this shape", seen);
	snprintf(name, sizeof(name), "told apart by arguments: %s", shape);
	verdict(name);
}

static void
test_other_arch(void)
{
	static const uint32_t arches[] = {
		0,
		AUDIT_ARCH_AARCH64,
		AUDIT_ARCH_X86_64 ^ 1,
		UINT32_MAX,
	};

	for (unsigned classes = 0; classes < CHOICES; classes++) {
		for (uint32_t nr = 0; nr < NR_END; nr++) {
			for (size_t i = 0; i < sizeof(arches) / sizeof(*arches); i++) {
				struct seccomp_data data = call(ABI_X86_64, nr, 0);

				data.arch = arches[i];
				expect(classes, &data, false, "other arch");
			}
		}
	}
	verdict("other architectures pass");
}

/* What passes must pass by nr and arch alone, or the kernel has to run the program. */
static void
test_bitmap(void)
{
	const uint32_t plain = BPFSIM_WORD(nr) | BPFSIM_WORD(arch);
	unsigned most_steps = 0;

	for (unsigned classes = 0; classes < CHOICES; classes++) {
		const struct filter *f = &filters[classes];

		for (unsigned i = 0; i < ABI_COUNT * NR_END; i++) {
			enum abi abi = i / NR_END;
			const struct row *row = by_nr[abi][i % NR_END];
			struct seccomp_data data = call(abi, i % NR_END, 0);
			struct bpfsim_result got;

			if (nr_is_unknown(abi, i % NR_END))
				continue;
			if (row && (row_has(row, ".always") ||
				    row->classes & (classes | CLASS_PROCESS)))
				continue;
			if (!bpfsim_run(f->code, f->len, &data, &got) ||
			    got.loaded & ~plain)
				complain("classes %#x, %s %u: loads words %#x", classes,
					 abi_word(abi), i % NR_END, got.loaded);
			if (!bpfsim_const_allow(f->code, f->len, (uint32_t)data.nr,
						data.arch))
				complain("classes %#x, %s %u: not in the bitmap", classes,
					 abi_word(abi), i % NR_END);
			if (got.steps > most_steps)
				most_steps = got.steps;
		}
	}
	printf("# a call that passes runs at most %u instructions, when there is no bitmap\n",
	       most_steps);
	verdict("the kernel's bitmap holds every number that is never traced");
}

/* "if nr == x32 257 ... ; x32 openat": the name must be the number's. */
static void
check_line(unsigned classes, const char *line, bool seen[ABI_COUNT][NR_END])
{
	const char *nr = strstr(line, "if nr == "), *note = strstr(line, " ; ");
	char abi[16], name[64];
	unsigned number;

	if (strstr(line, "never reached") || strchr(line, '?') ||
	    line[strlen(line) - 1] == ' ')
		complain("classes %#x: %s", classes, line);
	if (!nr)
		return;
	if (sscanf(nr, "if nr == x32 %u", &number) != 1)
		sscanf(nr, "if nr == %u", &number);
	if (!note || sscanf(note, " ; %15s %63s", abi, name) != 2 || number >= NR_END) {
		complain("classes %#x: %s", classes, line);
		return;
	}
	for (enum abi i = 0; i < ABI_COUNT; i++) {
		if (strcmp(abi, abi_word(i)))
			continue;
		if (!by_nr[i][number] || strcmp(name, by_nr[i][number]->name) ||
		    (i == ABI_X32) != !!strstr(nr, "== x32 "))
			complain("classes %#x: %s", classes, line);
		seen[i][number] = true;
	}
}

static void
check_text(unsigned classes, char *text)
{
	bool seen[ABI_COUNT][NR_END] = { 0 };
	unsigned lines = 0;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		check_line(classes, line, seen);
		lines++;
	}
	if (lines != filters[classes].len + 1U)
		complain("classes %#x: %u lines", classes, lines);
	for (unsigned i = 0; i < ABI_COUNT * NR_END; i++) {
		const struct row *row = by_nr[i / NR_END][i % NR_END];

		if (row && row_is_chosen(row, classes) && !seen[i / NR_END][i % NR_END])
			complain("classes %#x: no line for %s", classes, row->name);
	}
}

static void
test_print(void)
{
	for (unsigned classes = 0; classes < CHOICES; classes++) {
		size_t size = 0;
		char *text = NULL;
		FILE *out = open_memstream(&text, &size);

		filter_print(&filters[classes], classes, out);
		fclose(out);
		if (strncmp(text, "seccomp filter: ", 16) || !strstr(text, "process\n"))
			complain("classes %#x: no summary", classes);
		if (!strstr(text, "return TRACE 30566\n") ||
		    !strstr(text, "return ALLOW\n"))
			complain("classes %#x: no actions", classes);
		check_text(classes, text);
		free(text);
	}
	verdict("the printed form: a line each, and each number by its name");
}

static void
test_kernel(void)
{
	for (unsigned classes = 0; classes < CHOICES; classes += CHOICES / 8 - 1) {
		struct sock_fprog prog = { filters[classes].len, filters[classes].code };
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
			    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
				_exit(errno == ENOSYS || errno == EPERM ? 77 : 1);
			/* Without a tracer RET_TRACE is ENOSYS. */
			_exit(syscall(SYS_chdir, "/") == -1 && errno == ENOSYS ? 0 : 2);
		}
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
			skip("the kernel takes it", "seccomp is refused here");
			return;
		}
		if (status)
			complain("classes %#x: status %#x", classes, status);
	}
	verdict("the kernel takes it");
}

int
main(void)
{
	rule_init();
	test_build();
	for (enum abi abi = 0; abi < ABI_COUNT; abi++)
		test_numbers(abi);
	test_huge_numbers();
	test_shape("OPEN", 9, test_opens_of);
	test_shape("BPF", 3, test_commands_of);
	test_shape("FSCONFIG", 3, test_commands_of);
	test_shape("SOCKETCALL", 1, test_commands_of);
	test_shape("PRCTL", 3, test_commands_of);
	test_shape("CLONE", 3, test_flags_of);
	test_shape("MMAP", 3, test_maps_of);
	test_other_arch();
	test_bitmap();
	test_print();
	test_kernel();
	for (unsigned classes = 0; classes < CHOICES; classes++)
		filter_done(&filters[classes]);
	return tap_done();
}
