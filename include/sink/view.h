/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Views: answers for people, made from the folded accesses
 *
 * Text on one page, aligned; coloured where it goes to a terminal.  A new view is a
 * function and its line in the table of view.c.
 */

#include "model/event.h"

struct buf;
struct fold;
struct fold_file;
struct fold_use;
struct logread_faults;

struct view_in {
	const struct fold *fold;
	const struct run *run;
	const struct outcome *outcome;
	const struct logread_faults *faults; /* of the log; NULL when it is no log */
	const char *arg; /* what the view is about: a name, a number */
	bool colour;
	bool nul;	/* lists: bare names, each ended by NUL */
	unsigned width; /* columns that there are; 0 where that does not matter */
};

/* What a view says besides having written its text. */
enum view_result {
	VIEW_OK,
	VIEW_NOTHING, /* what it was asked about is not in the run */
	VIEW_BAD_ARG, /* it was asked what cannot be asked */
};

struct view {
	const char *word;
	const char *arg; /* "PATH": what it must be given; NULL where it takes nothing */
	bool lists;	 /* names, one on each line: may be ended by NUL */
	const char *what;
	/* A view_result; NULL where it takes more than one log (diff.h). */
	int (*print)(const struct view_in *in, struct buf *out);
};

/* The view @word, NULL if there is none. */
const struct view *view_by_word(const char *word);

/* Number @i in the order of --help, NULL behind the last. */
const struct view *view_get(size_t i);

/* How colours and columns are to be on @fd; NO_COLOR and TERM are honoured. */
void view_fit(struct view_in *in, int fd);

/* For views only. */
enum style {
	STYLE_PLAIN,
	STYLE_HEAD,
	STYLE_DIM,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_ODD,
};

void view_style(const struct view_in *in, struct buf *out, enum style style);

/* Adds why @u, which did not go well, did not: its error, or that it was killed inside. */
void view_outcome(const struct view_in *in, struct buf *out, const struct fold_use *u);

/* Adds "670,100"; "26.4 s"; and fills the line from @start with blanks to @column. */
void view_count(struct buf *out, uint64_t n);
void view_time(struct buf *out, uint64_t ns);
void view_column(struct buf *out, size_t start, size_t column);

/* Adds @n right-aligned in @columns. */
void view_right(struct buf *out, uint64_t n, unsigned columns);

/*
 * Adds a name with the escapes of whatfiles-log(5); where there is a width and it takes
 * more than @columns, something in the middle gives way to "...".
 */
void view_name(const struct view_in *in, struct buf *out, const char *bytes, size_t len,
	       unsigned columns);

/* "complete", or why not. */
void view_verdict(const struct view_in *in, struct buf *out);

/* "exit status 0", "SIGKILL", "end unknown". */
void view_status(struct buf *out, bool known, int status);
