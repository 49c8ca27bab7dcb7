/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The options that say which accesses are wanted; whatfiles and whatfiles-report have
 * the same ones
 */

struct selection;

enum selecting {
	SELECTING_ONLY,
	SELECTING_IGNORE,
	SELECTING_UNDER,
	SELECTING_PROCESS,
	SELECTING_OP,
	SELECTING_FAILED,
	SELECTING_DENIED,
};

/*
 * Takes one in, with its value; *@s is made by the first one and is the caller's.  A
 * mistake is told and ends the process with status 2.
 */
void selecting_take(struct selection **s, enum selecting what, const char *value);

/* The sets, for --help. */
void selecting_help(void);
