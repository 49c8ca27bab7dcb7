/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The record: one thing that happened, as it lies in the ring
 *
 * Both engines and the process events write this one format.  It is a fixed
 * head followed by fields, each a kind, a length and bytes.  Whoever reads it
 * may not trust it: the fast engine's records are written by the job itself,
 * so record_check() comes before anything else.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum record_kind {
	RECORD_CALL = 1, /* a syscall of the table, with its result */
	RECORD_START,	 /* the command's first program begins: tid, args[0] parent pid */
	/*
	 * A new task: tid the parent, args[0] the child, flags FORK_*, args[1] the
	 * child's id in its own pid namespace, 0 where that is ours
	 */
	RECORD_FORK,
	RECORD_EXEC,  /* tid is the thread group's now; also a successful call */
	RECORD_EXIT,  /* a task is gone: result its wait status */
	RECORD_PLACE, /* where a task is now, because a directory was renamed */
	/*
	 * A task has a descriptor that it did not open: tid, row and abi of the call
	 * that brought it, args[0] the descriptor, args[1] its O_* flags, args[2] its
	 * file's mode as in stat(2), flags DESCRIPTOR_*, FIELD_PATH what it is
	 */
	RECORD_DESCRIPTOR,
	RECORD_GAP, /* something may be missing: args[0] enum gap, FIELD_PATH example */
	/*
	 * A task that ran before we came: tid, args[0] its process, args[1] the process's
	 * parent, args[2] as in FORK args[1], flags FORK_SHARES_FS for a thread that has
	 * its process's working directory; the first of a process is that one's leader
	 */
	RECORD_ATTACH,
	RECORD_DETACH, /* we leave the task alone from here on */
	RECORD_KIND_END,
};

/* struct record.flags of RECORD_CALL */
enum call_flag {
	CALL_EXISTED = 1 << 0,	   /* O_CREAT: the file was there before the call */
	CALL_ABSENT = 1 << 1,	   /* O_CREAT: it was not; neither bit: not looked */
	CALL_UNFINISHED = 1 << 2,  /* killed inside the call, result is not set */
	CALL_UNREADABLE = 1 << 3,  /* FIELD_PATH could not be read from the process */
	CALL_SPECIAL = 1 << 4,	   /* O_CREAT: what was there is no regular file */
	CALL_UNREADABLE2 = 1 << 5, /* FIELD_PATH2 likewise */
	CALL_REFUSED = 1 << 6,	   /* not a bad pointer: the kernel did not let us read */
	CALL_LEFT = 1 << 7,	   /* beside CALL_UNFINISHED: we went away, it goes on */
	CALL_CUT =
		1 << 8, /* FIELD_PATH is the beginning of what is too long for a name */
	CALL_CUT2 = 1 << 9, /* FIELD_PATH2 likewise */
	CALL_DELETED =
		1 << 10,      /* FIELD_DIR is the file itself, and has no name any more */
	CALL_RACED = 1 << 11, /* the kernel may have, or has, taken another name */
	CALL_OTHER =
		1 << 12, /* FIELD_PATH does not lead to FIELD_FILE, which was opened */
	CALL_ANSWERED = 1 << 13, /* by us in the kernel's place, as it would have */
};

/* struct record.flags of every record; else time is CLOCK_MONOTONIC in nanoseconds */
#define RECORD_TSC (1 << 15) /* it is the processor's time stamp counter */

/* struct record.flags of RECORD_FORK; told by the kernel (kcmp), not from arguments */
enum fork_flag {
	FORK_THREAD = 1 << 0,	 /* same thread group */
	FORK_SHARES_FS = 1 << 1, /* one working directory, root and umask */
	FORK_SHARES_VM = 1 << 2, /* one memory */
	FORK_GUESSED = 1 << 3,	 /* the parent's event never came: told from /proc */
};

/* struct record.flags of RECORD_EXIT */
enum exit_flag {
	EXIT_UNKNOWN = 1 << 0, /* it vanished (exec by another thread): no status */
};

/* struct record.flags of RECORD_DESCRIPTOR */
enum descriptor_flag {
	DESCRIPTOR_INHERITED = 1 << 0, /* by the command, from whoever started us */
	DESCRIPTOR_ATTACHED = 1 << 2,  /* beside it: open already when we attached */
	DESCRIPTOR_UNKNOWN =
		1 << 1, /* it could not be looked at: closed again, or refused */
};

/* What a field's bytes are. Names are as passed, directories as /proc tells them. */
enum field_kind {
	FIELD_PATH = 1, /* the row's .path; START, EXEC, ATTACH: the program, absolute */
	FIELD_PATH2,	/* the row's .path2 */
	FIELD_DIR,	/* what the row's .dir or .fd descriptor is */
	FIELD_DIR2,	/* what the row's .dir2 descriptor is */
	FIELD_CWD, /* START, ATTACH, FORK_GUESSED, calls that change it: working directory */
	FIELD_ROOT,   /* likewise: the root directory, when it is not ours */
	FIELD_HOW,    /* openat2: struct open_how */
	FIELD_EXE,    /* EXEC: the file that runs: for a script its interpreter */
	FIELD_OPENED, /* EXEC, may be repeated: what the kernel opened by itself */
	FIELD_ARGV, /* EXEC, ATTACH: arguments, each ended by NUL; args[5]: there were more */
	FIELD_MNT_NS,	/* beside FIELD_CWD: the mount namespace, uint64_t, 0 for ours */
	FIELD_FILE,	/* the file that was meant: struct record_file and its name */
	FIELD_REPLACED, /* a rename: what had the new name before, without a name */
	FIELD_PATH_AFTER, /* what stood where FIELD_PATH was when the call returned */
	FIELD_PATH2_AFTER,
	FIELD_KIND_END,
};

struct record {
	uint32_t size; /* bytes of head and fields together */
	uint8_t kind;
	uint8_t engine;	    /* enum engine */
	uint8_t abi;	    /* enum abi */
	uint8_t name_error; /* CALL_UNREADABLE, CALL_UNREADABLE2: why, an errno */
	uint16_t row;	    /* index into syscall_rows */
	uint16_t flags;
	int32_t tid;
	int32_t former; /* EXEC: the thread that called, tid's own or another */
	uint32_t seal;	/* record_seal(), where the job can write, else 0 */
	uint64_t time;
	int64_t result;
	uint64_t args[6];
};

struct field {
	uint16_t kind;
	uint16_t len;
	char bytes[]; /* the next field starts at a multiple of 4 */
};

/* What FIELD_FILE begins with. */
struct record_file {
	uint64_t ino;
	uint32_t dev_major, dev_minor;
	uint32_t deleted; /* it has no name any more; what follows was the last one */
	uint32_t reserved;
};

/* Two names, two directories, a working directory and a root of PATH_MAX, and a head. */
#define RECORD_MAX (32 * 1024)
#define FIELD_MAX 0xfff0

/* Whether @size bytes at @r are a whole record with fields that end where it ends. */
bool record_check(const struct record *r, size_t size);

/* The first field of that kind, NULL if there is none. */
const struct field *record_field(const struct record *r, enum field_kind kind);

/* The next one of that kind behind @f, which is a field of @r; NULL if there is none. */
const struct field *record_field_next(const struct record *r, const struct field *f);

/* The argument that a row's column names, counted from one; 0 where it names none. */
static inline uint64_t
record_arg(const struct record *r, uint8_t index)
{
	return index ? r->args[index - 1] : 0;
}

/*
 * The seal of a record of @size bytes: whatever is written over it by accident does not have it.
 * Somebody who means to forge can read the secret; the strict engine is for that.
 */
static inline __attribute__((always_inline)) uint32_t
record_seal(const struct record *r, uint32_t size, uint64_t secret)
{
	const uint64_t factor = 0x9e3779b97f4a7c15u;
	const char *at = (const char *)r, *end = at + size;
	uint64_t hash = secret ^ size, word;

	/* the seal itself is not part of it: the record has it as zero meanwhile */
	for (; end - at >= 8; at += 8) {
		__builtin_memcpy(&word, at, 8);
		hash = (hash ^ word) * factor;
		hash ^= hash >> 32;
	}
	if (end - at >= 4) {
		uint32_t half;

		__builtin_memcpy(&half, at, 4);
		hash = (hash ^ half) * factor;
		hash ^= hash >> 32;
	}
	return (uint32_t)(hash >> 16) | 1;
}

/* A record being put together, in memory of its own. */
struct record_builder {
	struct record *r; /* RECORD_MAX bytes */
};

void record_builder_init(struct record_builder *b);
void record_builder_done(struct record_builder *b);

/* Empties it: a record of @kind for @tid, everything else zero. */
struct record *record_begin(struct record_builder *b, enum record_kind kind, int32_t tid);

/* Whether a field of @len bytes would be added whole. */
bool record_fits(const struct record_builder *b, size_t len);

/* Adds a field; cuts what does not fit and returns false then. */
bool record_add(struct record_builder *b, enum field_kind kind, const void *bytes,
		size_t len);
