/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The syscall table
 *
 * Made from bpf-filters/.  One row says everything that is particular to a
 * syscall; filter, capture, decoder, tests and documentation read it.  A call
 * whose arguments sit elsewhere on another ABI has a row for each shape.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The three ways into an x86 kernel, each with numbers of its own. */
enum abi {
	ABI_X86_64,
	ABI_I386,
	ABI_X32, /* numbers without __X32_SYSCALL_BIT */
	ABI_COUNT,
};

enum class_index {
#define CLASS(id, word, what) CLASS_INDEX_##id,
#include "classes.def"
#undef CLASS
	CLASS_COUNT,
};

/* Classes are sets: one bit each. */
enum class_bit {
#define CLASS(id, word, what) CLASS_##id = 1 << CLASS_INDEX_##id,
#include "classes.def"
#undef CLASS
	CLASS_ALL = (1 << CLASS_COUNT) - 1,
	/* open() and its kin: the flags decide which of these it is */
	CLASS_OPEN = CLASS_READ | CLASS_WRITE | CLASS_NAME | CLASS_PROBE,
	CLASS_CREAT = CLASS_WRITE | CLASS_NAME,
	/* socketcall */
	CLASS_SOCKETS = CLASS_SOCKET | CLASS_AUDIT,
	/* what is traced when nothing is said: audit costs too much for that */
	CLASS_DEFAULT = CLASS_ALL & ~CLASS_AUDIT,
};

enum op {
#define OP(id, word, mode, class, what) OP_##id,
#include "ops.def"
#undef OP
	OP_COUNT,
};

/* What makes a call more than "arguments are values, strings and descriptors". */
enum shape {
	SHAPE_PLAIN,
	SHAPE_OPEN,	/* .flags is O_*; told apart by them in the filter */
	SHAPE_CREAT,	/* open with O_CREAT|O_WRONLY|O_TRUNC */
	SHAPE_OPENAT2,	/* .flags points to a struct open_how */
	SHAPE_UNLINKAT, /* .flags with AT_REMOVEDIR is rmdir */
	SHAPE_RENAME,	/* .flags with RENAME_EXCHANGE is exchange */
	SHAPE_EXEC,	/* success shows as an exec stop, not as a result */
	SHAPE_SOCKADDR, /* .path points to a sockaddr, its length is the next argument */
	SHAPE_SOCKETCALL, /* i386: arg 0 says which, arg 1 points to the arguments */
	SHAPE_CWD,	/* changes the working directory, root or mounts of the caller */
	SHAPE_BPF,	/* bpf(BPF_OBJ_PIN or BPF_OBJ_GET) with a path in a struct */
	SHAPE_FSCONFIG, /* fsconfig(FSCONFIG_SET_PATH...): a path as value */
	SHAPE_ATTR,	/* NULL path means the descriptor itself: utimensat, statx */
	SHAPE_URING,	/* io_uring_setup: what the ring opens makes no call */
	SHAPE_SECCOMP,	/* seccomp(2): a filter of its own can answer before ours */
	SHAPE_PRCTL,	/* prctl(PR_SET_SECCOMP), likewise, and PR_GET_SECCOMP */
	SHAPE_PTRACE,	/* ptrace(2): refused to a job that is traced already */
	SHAPE_CLONE,	/* clone with CLONE_UNTRACED: nobody would follow the child */
	SHAPE_CLONE3,	/* likewise, with its flags in memory */
	SHAPE_RECVMSG,	/* descriptors may come with the message, in memory */
	SHAPE_RECVMMSG, /* likewise, with many messages */
	SHAPE_MMAP,	/* mmap of a file, shared: arg 3 has the flags */
	SHAPE_OLD_MMAP, /* likewise, with all arguments in memory */
};

/* Arguments are counted from one here, so that zero can say "has none". */
enum arg_index { A0 = 1, A1, A2, A3, A4, A5 };

struct syscall_row {
	const char *name;      /* as <asm/unistd.h> has it, without __NR_ */
	int16_t nr[ABI_COUNT]; /* -1 where the ABI lacks it, or has another row for it */
	uint16_t classes;      /* traced when one of them is chosen: syscall_chosen() */
	uint8_t op;	       /* enum op; for opens what it is by default */
	uint8_t shape;	       /* enum shape */
	bool always;	       /* traced whatever is chosen: later paths depend on it */
	uint8_t dir, path;     /* a directory's descriptor, the name that starts there */
	uint8_t dir2, path2;   /* the second name: where it goes to */
	uint8_t fd;	       /* a descriptor that is itself the file */
	uint8_t flags;	       /* O_*, AT_* or RENAME_* flags */
	bool nofollow;	       /* a symbolic link at the end of .path is not followed */
	bool target;	       /* .path2 is a symbolic link's text, no name to resolve */
	bool label;	       /* .path is a label, no file's name: memfd_create */
	bool makes_fd;	       /* a result >= 0 is a new descriptor */
};

extern const struct syscall_row syscall_rows[];
extern const size_t syscall_row_count;

/* The row for number @nr of @abi (x32 without its bit), NULL if it is no file call. */
const struct syscall_row *syscall_find(enum abi abi, int nr);

/* Numbers of one ABI that belong to no call that we know, the last one included. */
struct syscall_range {
	uint8_t abi;
	uint16_t from, to;
};

extern const struct syscall_range syscall_unknown[];
extern const size_t syscall_unknown_count;

/* Whether @nr of @abi may be a call that is newer than our table. */
bool syscall_is_unknown(enum abi abi, int nr);

#define SYSCALL_NR_END 1024 /* no kernel has as many */

/* A row's place in syscall_rows, as records carry it. */
size_t syscall_index(const struct syscall_row *row);

/* One way for a call to be traced: the low 32 bits of an argument, masked, are value. */
struct syscall_test {
	unsigned arg; /* from zero */
	uint32_t mask, value;
};

#define SYSCALL_TESTS_MAX 8

/*
 * The tests for a chosen row, any of which lets it be traced; 0 means that no
 * argument has a say.  The filter makes them into BPF.
 */
unsigned syscall_tests(const struct syscall_row *row, unsigned classes,
		       struct syscall_test ret[SYSCALL_TESTS_MAX]);

/* What the filter says of a call, for processes that stop at every call. */
bool syscall_wanted(const struct syscall_row *row, unsigned classes,
		    const uint64_t args[6]);

/* Whether mmap's flags map a file so that others see what is written there. */
bool syscall_is_file_map(uint32_t flags);

/*
 * Whether calls of @row can be traced when @classes are chosen.  Necessary, and
 * enough for every shape but those where syscall_tests() has something to say.
 */
bool syscall_chosen(const struct syscall_row *row, unsigned classes);

/*
 * Whether an open with these O_* @flags belongs to one of the chosen @classes.
 * The filter makes the same choice in BPF for flags that stand in a register.
 */
bool syscall_open_chosen(unsigned classes, uint64_t flags);

/* The classes that opens with @flags belong to. */
unsigned syscall_open_classes(uint64_t flags);

const char *syscall_class_word(enum class_index c);
const char *syscall_class_what(enum class_index c);

/*
 * The bits for "read,write,..." or "all"; process is always among them.  -EINVAL
 * with the start of the bad word in @ret_bad.
 */
int syscall_parse_classes(const char *words, unsigned *ret_classes, char ret_bad[32]);

const char *op_word(enum op op);
const char *op_mode(enum op op); /* text's "mode:" */
const char *op_what(enum op op);
unsigned op_class(enum op op); /* a class bit */
const char *abi_word(enum abi abi);
