/* SPDX-License-Identifier: MIT */

/* The syscall table and its words, as the rest of the program asks for them. */

#include "rule.h"
#include "tap.h"
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>

/* The plain functions must say what the filter does, for those who ask them. */
static void
test_opens(void)
{
	for (uint32_t flags = 0; flags < 4; flags++) {
		for (unsigned i = 0; i < 16; i++) {
			uint32_t all = flags | (i & 1 ? O_PATH : 0) |
				       (i & 2 ? O_TRUNC : 0) | (i & 4 ? O_CREAT : 0) |
				       (i & 8 ? O_TMPFILE : 0);
			unsigned classes = syscall_open_classes(all);

			for (unsigned bit = 1; bit < CHOICES; bit <<= 1) {
				if (open_is(bit, all) != !!(classes & bit))
					complain("flags %#x: classes %#x", all, classes);
				if (open_is(bit, all) != syscall_open_chosen(bit, all))
					complain("flags %#x: class %#x", all, bit);
			}
		}
	}
	verdict("the classes of open flags");
}

static void
test_find(void)
{
	for (int i = 0; i < ABI_COUNT * NR_END; i++) {
		const struct row *row = by_nr[i / NR_END][i % NR_END];
		const struct syscall_row *found = syscall_find(i / NR_END, i % NR_END);

		if (!row != !found || (row && strcmp(row->name, found->name)))
			complain("%s %d is found as %s", abi_word(i / NR_END), i % NR_END,
				 found ? found->name : "nothing");
		if (found && &syscall_rows[syscall_index(found)] != found)
			complain("%s: index", found->name);
		if (found && (bool)syscall_chosen(found, 0) != row_is_chosen(row, 0))
			complain("%s: chosen", found->name);
	}
	if (syscall_find(ABI_X86_64, -1) || syscall_find(ABI_I386, NR_END) ||
	    syscall_find(ABI_COUNT, 0) || syscall_find(ABI_X86_64, INT32_MAX))
		complain("found what does not exist");
	verdict("the table answers as its rows say");
}

static bool
parses(const char *words, unsigned want, const char *want_bad)
{
	char bad[32] = "";
	unsigned got = 0;
	int r = syscall_parse_classes(words, &got, bad);

	return want_bad ? r == -EINVAL && !got && !strcmp(bad, want_bad)
			: !r && got == want;
}

static void
test_words(void)
{
	for (enum class_index c = 0; c < CLASS_COUNT; c++) {
		if (!parses(syscall_class_word(c), 1U << c | CLASS_PROCESS, NULL))
			complain("class %s", syscall_class_word(c));
		if (!*syscall_class_what(c))
			complain("class %s says nothing", syscall_class_word(c));
	}
	for (enum op op = 0; op < OP_COUNT; op++) {
		if (!*op_word(op) || !*op_mode(op) || !*op_what(op) ||
		    strchr(op_mode(op), ','))
			complain("operation %u lacks a word", op);
		if (!op_class(op) || op_class(op) & (op_class(op) - 1))
			complain("operation %s: class %#x", op_word(op), op_class(op));
	}
	if (!parses("read,write", CLASS_READ | CLASS_WRITE | CLASS_PROCESS, NULL) ||
	    !parses("all", CLASS_ALL & ~CLASS_AUDIT, NULL) ||
	    !parses("all,audit", CLASS_ALL, NULL) || !parses("", 0, "") ||
	    !parses("read,", 0, "") || !parses("read,reads", 0, "reads") ||
	    !parses("rea", 0, "rea") || !parses("READ", 0, "READ") ||
	    !parses("0123456789012345678901234567890123456789", 0,
		    "0123456789012345678901234567890"))
		complain("lists of classes");
	verdict("the words of classes and operations");
}

int
main(void)
{
	rule_init();
	test_opens();
	test_find();
	test_words();
	return tap_done();
}
