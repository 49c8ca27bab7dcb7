/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads a database back
 *
 * Gives a reader of logs the lines that a log of the same run would have: of each
 * access the first, or with --all every call.  So whatever can be done with a log can
 * be done with a database, and what is wrong with one is told in the same way.
 */

struct logread;

/* Besides what the reader itself says. */
enum dbread_result {
	DBREAD_OK,
	DBREAD_OFF,	/* built without libsqlite3 */
	DBREAD_FOREIGN, /* a database, and none of ours */
	DBREAD_NEWER,	/* its version is higher than we know */
	DBREAD_BROKEN,	/* it could not be read to its end: the reason says why */
};

/* @ret_reason (SQLite's own words) is only set for BROKEN. */
int dbread(const char *path, struct logread *log, char ret_reason[128]);
