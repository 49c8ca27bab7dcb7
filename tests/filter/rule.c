/* SPDX-License-Identifier: MIT */

#include "rule.h"
#include <fcntl.h>
#include <string.h>

#ifndef __O_TMPFILE
#define __O_TMPFILE 020000000
#endif

const struct row rows[] = {
#define NA (-1)
#define SYS(name, x86_64, i386, x32, class, op, shape, ...) \
	{ #name, { x86_64, i386, x32 }, CLASS_##class, #shape, #__VA_ARGS__ },
#include "all.def"
#undef SYS
};

const unsigned row_count = sizeof(rows) / sizeof(*rows);

const struct row *by_nr[ABI_COUNT][NR_END];

void
rule_init(void)
{
	for (size_t i = 0; i < row_count * ABI_COUNT; i++) {
		const struct row *row = &rows[i / ABI_COUNT];

		if (row->nr[i % ABI_COUNT] >= 0)
			by_nr[i % ABI_COUNT][row->nr[i % ABI_COUNT]] = row;
	}
}

bool
nr_is_unknown(enum abi abi, unsigned nr)
{
#define UNKNOWN(abi_, from, to)                          \
	if (abi == ABI_##abi_ && nr >= from && nr <= to) \
		return true;
#include "unknown.def"
#undef UNKNOWN
	return false;
}

bool
row_has(const struct row *row, const char *what)
{
	return strstr(row->rest, what);
}

unsigned
row_arg(const struct row *row, const char *field)
{
	return (unsigned)(strstr(row->rest, field)[strlen(field)] - '0');
}

bool
open_is(unsigned class, uint32_t flags)
{
	unsigned mode = flags & 3;

	if (flags & O_PATH)
		return class == CLASS_PROBE;
	switch (class) {
	case CLASS_READ:
		return mode != 1;
	case CLASS_WRITE:
		return mode != 0 || (flags & O_TRUNC);
	case CLASS_NAME:
		return (flags & O_CREAT) || (flags & __O_TMPFILE);
	default:
		return false;
	}
}

bool
row_is_chosen(const struct row *row, unsigned classes)
{
	return row_has(row, ".always = true") || row->classes & (classes | CLASS_PROCESS);
}

bool
must_trace(const struct row *row, unsigned classes, const uint64_t args[6])
{
	if (!row)
		return false;
	if (!row_is_chosen(row, classes))
		return false;
	if (!strcmp(row->shape, "OPEN")) {
		uint32_t flags = (uint32_t)args[row_arg(row, ".flags = A")];

		for (unsigned bit = 1; bit < CHOICES; bit <<= 1) {
			if ((classes & bit) && open_is(bit, flags))
				return true;
		}
		return false;
	}
	if (!strcmp(row->shape, "BPF"))
		return (uint32_t)args[0] == 6 || (uint32_t)args[0] == 7;
	if (!strcmp(row->shape, "FSCONFIG"))
		return (uint32_t)args[1] == 3 || (uint32_t)args[1] == 4;
	if (!strcmp(row->shape, "PRCTL"))
		return (uint32_t)args[0] == 22 || (uint32_t)args[0] == 21 ||
		       (uint32_t)args[0] == 59;
	if (!strcmp(row->shape, "MMAP"))
		return (args[3] & 0x2f) == 1 || (args[3] & 0x2f) == 3;
	if (!strcmp(row->shape, "CLONE"))
		return (uint32_t)args[0] & 0x800000;
	if (!strcmp(row->shape, "SOCKETCALL")) {
		switch ((uint32_t)args[0]) {
		case 2: /* bind */
			return classes & CLASS_SOCKET;
		case 3: /* connect */
			return true;
		case 17: /* recvmsg, recvmmsg */
		case 19:
			return classes & CLASS_AUDIT;
		default:
			return false;
		}
	}
	return true;
}
