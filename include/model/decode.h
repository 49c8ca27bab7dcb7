/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * From a record of a call to an access
 *
 * The only place that knows what arguments, flags and results of a call mean.
 */

#include "base/buf.h"
#include "model/event.h"
#include <stdbool.h>

struct field;
struct intern;
struct place;
struct record;

struct decoder {
	struct intern *names;
	struct buf scratch;
	struct buf own;
	bool unresolved; /* the last name needed a directory that nobody could tell */
};

/*
 * Fills @ret from @r, which passed record_check() and has a valid row.  The
 * thread that called belongs to the process @pid; process and time are the caller's.  False when the call names no file: a socket that
 * is no unix socket with a path.
 */
bool decode_call(struct decoder *d, const struct record *r, const struct place *place,
		 pid_t pid, struct access *ret);

/* Likewise for the file that the field @f of an exec's record names. */
void decode_opened(struct decoder *d, const struct record *r, const struct field *f,
		   const struct place *place, struct access *ret);

/* Likewise for the descriptor that the record @r tells of. */
void decode_received(struct decoder *d, const struct record *r, struct access *ret);

/* Whether the call of @r belongs to one of @classes, now that its flags are known. */
bool decode_chosen(const struct record *r, const struct access *a, unsigned classes);

/* The O_* flags of an open, wherever they stand; 0 for every other call. */
uint64_t decode_open_flags(const struct record *r);

/* Whether it is an open of a file by its name. */
bool decode_is_open(const struct record *r);

/* Whether a symbolic link at the end of its first name is followed. */
bool decode_follows(const struct record *r);

/* openat2 with RESOLVE_IN_ROOT: also an absolute name starts in the directory. */
bool decode_starts_at_dir(const struct record *r);
