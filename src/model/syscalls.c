/* SPDX-License-Identifier: MIT */

/*
 * All of it is data that the compiler lays out: the rows, and for each ABI an
 * index from number to row.  Nothing is built at run time, so any thread may
 * look up at any time.
 */

#include "model/syscalls.h"
#include "base/compiler.h"
#include <fcntl.h>

#define NA (-1)

/* libc hides this bit of O_TMPFILE, whose other bit is O_DIRECTORY. */
#ifndef __O_TMPFILE
#define __O_TMPFILE 020000000
#endif

/* One index per row.  A name may have two rows, name and numbers together are one. */
enum row_index {
#define SYS(name, x86_64, i386, x32, ...) ROW_##name##_##x86_64##_##i386##_##x32,
#include "all.def"
#undef SYS
	ROW_COUNT,
};

const struct syscall_row syscall_rows[] = {
#define SYS(name_, x86_64, i386, x32, classes_, op_, shape_, ...) \
	{ .name = #name_,                                         \
	  .nr = { x86_64, i386, x32 },                            \
	  .classes = CLASS_##classes_,                            \
	  .op = OP_##op_,                                         \
	  .shape = SHAPE_##shape_,                                \
	  __VA_ARGS__ },
#include "all.def"
#undef SYS
};

const size_t syscall_row_count = ARRAY_SIZE(syscall_rows);

/*
 * Numbers fit below NR_END; what the ABI lacks is given a slot of its own above,
 * because two designated initialisers of one element are a mistake elsewhere.
 */
#define NR_END SYSCALL_NR_END
#define SLOT(nr, row) ((nr) >= 0 ? (nr) : NR_END + (row))

_Static_assert(ROW_COUNT < UINT8_MAX, "a row's index + 1 must fit in a byte");

/* A row's index + 1, zero for numbers that are no file call. */
static const uint8_t rows_by_nr[ABI_COUNT][NR_END + ROW_COUNT] = {
	[ABI_X86_64] = {
#define SYS(name, x86_64, i386, x32, ...)                        \
	[SLOT(x86_64, ROW_##name##_##x86_64##_##i386##_##x32)] = \
		ROW_##name##_##x86_64##_##i386##_##x32 + 1,
#include "all.def"
#undef SYS
	},
	[ABI_I386] = {
#define SYS(name, x86_64, i386, x32, ...)                      \
	[SLOT(i386, ROW_##name##_##x86_64##_##i386##_##x32)] = \
		ROW_##name##_##x86_64##_##i386##_##x32 + 1,
#include "all.def"
#undef SYS
	},
	[ABI_X32] = {
#define SYS(name, x86_64, i386, x32, ...)                     \
	[SLOT(x32, ROW_##name##_##x86_64##_##i386##_##x32)] = \
		ROW_##name##_##x86_64##_##i386##_##x32 + 1,
#include "all.def"
#undef SYS
	},
};

const struct syscall_row *
syscall_find(enum abi abi, int nr)
{
	unsigned index;

	if ((unsigned)abi >= ABI_COUNT || nr < 0 || nr >= NR_END)
		return NULL;
	index = rows_by_nr[abi][nr];
	return index ? &syscall_rows[index - 1] : NULL;
}

const struct syscall_range syscall_unknown[] = {
#define UNKNOWN(abi, from, to) { ABI_##abi, from, to },
#include "unknown.def"
#undef UNKNOWN
};

const size_t syscall_unknown_count = ARRAY_SIZE(syscall_unknown);

bool
syscall_is_unknown(enum abi abi, int nr)
{
	for (size_t i = 0; i < ARRAY_SIZE(syscall_unknown); i++)
		if (syscall_unknown[i].abi == abi && nr >= syscall_unknown[i].from &&
		    nr <= syscall_unknown[i].to)
			return true;
	return false;
}

size_t
syscall_index(const struct syscall_row *row)
{
	return (size_t)(row - syscall_rows);
}

bool
syscall_chosen(const struct syscall_row *row, unsigned classes)
{
	return row->always || (row->classes & (classes | CLASS_PROCESS));
}

unsigned
syscall_open_classes(uint64_t flags)
{
	static const unsigned by_mode[] = {
		[O_RDONLY] = CLASS_READ,
		[O_WRONLY] = CLASS_WRITE,
		[O_RDWR] = CLASS_READ | CLASS_WRITE,
		[O_ACCMODE] = CLASS_READ | CLASS_WRITE, /* asks for both, gets neither */
	};
	unsigned classes;

	/* The kernel drops the access mode and whatever makes or empties a file. */
	if (flags & O_PATH)
		return CLASS_PROBE;
	classes = by_mode[flags & O_ACCMODE];
	if (flags & O_TRUNC)
		classes |= CLASS_WRITE;
	if (flags & (O_CREAT | __O_TMPFILE))
		classes |= CLASS_NAME;
	return classes;
}

bool
syscall_open_chosen(unsigned classes, uint64_t flags)
{
	return syscall_open_classes(flags) & classes;
}
