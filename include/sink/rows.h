/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Rows into a database
 *
 * The prepared statements of the sqlite sink, and values for them one after the
 * other.  Only built with libsqlite3.
 *
 * What was committed survives our end, whatever ends us: SQLite's rollback journal
 * takes back what came after.  Nothing waits for the disk, so after the machine's
 * own end the file may be broken.
 *
 * Not its write-ahead log: that is a second file which a reader needs, has to be
 * written twice, takes memory mapped from a third file, which a job that cuts that
 * one would have us killed by, and on a full disk leaves no room to end in good
 * order.  What it would give are readers that never wait; with a journal they do
 * for the moment of a commit.
 */

#include "base/buf.h"
#include "model/event.h"

struct interned;
struct sqlite3;
struct sqlite3_stmt;

/* What is written, by the statement for it. */
enum row {
#define ROW(id, sql) ROW_##id,
#include "sink/rows.def"
#undef ROW
	ROW_COUNT,
};

/* A zeroed struct is a database that is not open. */
struct rows {
	struct sqlite3 *db;
	struct sqlite3_stmt *statements[ROW_COUNT];
	struct sqlite3_stmt *now;
	int column;
	bool open;			/* a transaction */
	struct buf words, error, flags; /* bound text stays here until rows_add() */
};

/* Makes the tables in the empty file @path; 0 or -errno, as all that may fail here. */
int rows_open(struct rows *r, const char *path);

/* Takes back what is not committed, and closes. */
void rows_close(struct rows *r);

/* Starts a row: then its values, in the order of rows.def, then rows_add(). */
void rows_start(struct rows *r, enum row row);
void rows_null(struct rows *r);
void rows_int(struct rows *r, int64_t value);
void rows_text(struct rows *r, const char *text); /* UTF-8; NULL for none */
void rows_seconds(struct rows *r, uint64_t nanoseconds);

/* Any bytes, until rows_add(): TEXT if they are UTF-8, else a BLOB; NULL for none. */
void rows_name(struct rows *r, const char *bytes, size_t len);
void rows_interned(struct rows *r, const struct interned *name);
void rows_span(struct rows *r, struct span s);

/* 0 stands for none in these; flags and error have their names. */
void rows_number(struct rows *r, int64_t number);
void rows_error(struct rows *r, int error);
void rows_flags(struct rows *r, bool has_flags, uint64_t flags);

/* Words of a command, each ended by NUL, as an array of names in JSON. */
void rows_argv(struct rows *r, struct span argv);

/* A status of wait(2) in two columns: what it exited with, what signal ended it. */
void rows_status(struct rows *r, bool known, int status);
int rows_add(struct rows *r);

/* Several statements at once. */
int rows_execute(struct rows *r, const char *sql);

/*
 * Keeps what was added.  -EBUSY where somebody reads just now: then nothing is lost,
 * and it may be tried again.  With @wait it waits some seconds for them.
 */
int rows_commit(struct rows *r, bool wait);
void rows_rollback(struct rows *r);
