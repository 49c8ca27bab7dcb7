/* SPDX-License-Identifier: MIT */

#include "base/compiler.h"
#include "model/syscalls.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct op_text {
	const char *word, *mode, *what;
	unsigned class;
} ops[] = {
#define OP(id, word, mode, class, what) [OP_##id] = { word, mode, what, CLASS_##class },
#include "ops.def"
#undef OP
};

static const struct class_text {
	const char *word, *what;
} class_texts[] = {
#define CLASS(id, word, what) [CLASS_INDEX_##id] = { word, what },
#include "classes.def"
#undef CLASS
};

static const char *const abi_words[] = {
	[ABI_X86_64] = "x86_64",
	[ABI_I386] = "i386",
	[ABI_X32] = "x32",
};

const char *
op_word(enum op op)
{
	return ops[op].word;
}

const char *
op_mode(enum op op)
{
	return ops[op].mode;
}

const char *
op_what(enum op op)
{
	return ops[op].what;
}

unsigned
op_class(enum op op)
{
	return ops[op].class;
}

const char *
abi_word(enum abi abi)
{
	return abi_words[abi];
}

const char *
syscall_class_word(enum class_index c)
{
	return class_texts[c].word;
}

const char *
syscall_class_what(enum class_index c)
{
	return class_texts[c].what;
}

/* The bits that one word of --events stands for, 0 when it is none. */
static unsigned
class_bits(const char *word, size_t len)
{
	if (len == strlen("all") && !memcmp(word, "all", len))
		return CLASS_DEFAULT;
	for (unsigned c = 0; c < CLASS_COUNT; c++) {
		const char *known = class_texts[c].word;

		if (len == strlen(known) && !memcmp(word, known, len))
			return 1U << c;
	}
	return 0;
}

int
syscall_parse_classes(const char *words, unsigned *ret_classes, char ret_bad[32])
{
	unsigned classes = CLASS_PROCESS;

	for (;;) {
		size_t len = strcspn(words, ",");
		unsigned bits = class_bits(words, len);

		if (!bits) {
			snprintf(ret_bad, 32, "%.*s", (int)MIN(len, 31), words);
			return -EINVAL;
		}
		classes |= bits;
		if (!words[len])
			break;
		words += len + 1;
	}
	*ret_classes = classes;
	return 0;
}
