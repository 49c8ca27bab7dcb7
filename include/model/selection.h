/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Selections: which accesses somebody wants to see
 *
 * Of one kind any may match, of each kind that is used one must: two --only are "this
 * or that", --only and --op "this and that".  What is hidden was seen all the same, and
 * roles of files are what they are without a selection.
 *
 * In a glob * and ? stand for any characters, slashes too, and [...] for one of some.  One
 * without a slash is compared with the last part of a name, one that begins with a slash
 * with the whole name; any other is put behind the directory that the command was started
 * in.  @WORD is a set of them: sets.def.
 */

#include "model/event.h"

struct selection;

/* What can be wrong with a word, beside 0. */
enum selection_result {
	SELECTION_OK,
	SELECTION_NO_SET, /* there is no set of that name */
	SELECTION_NO_OP,  /* nor such an operation */
};

struct selection *selection_new(void);

/* Frees it; NULL is allowed. */
void selection_free(struct selection *s);

/* Only names that match, and none that match; of two names one must, or both. */
int selection_only(struct selection *s, const char *glob);
int selection_ignore(struct selection *s, const char *glob);

/* Only what is @dir or below it. */
void selection_under(struct selection *s, const char *dir);

/* Only processes whose program matches, by the last part of its name or all of it. */
int selection_process(struct selection *s, const char *glob);

/* Only these operations, separated by commas; @ret_bad gets the start of a bad word. */
int selection_ops(struct selection *s, const char *words, char ret_bad[32]);

/* Only what failed; only what was denied, EACCES and EPERM. */
void selection_failed(struct selection *s);
void selection_denied(struct selection *s);

/* Whether it lets everything through. */
bool selection_is_empty(const struct selection *s);

/* Where relative globs and directories start; before anything is asked. */
void selection_start(struct selection *s, const char *cwd, size_t len);

/* Whether @a is wanted, and whether @name would be, whatever is done with it. */
bool selection_takes(struct selection *s, const struct access *a);
bool selection_takes_name(struct selection *s, const struct interned *name);

/* Likewise of a descriptor that the command was started with, which is no operation. */
bool selection_takes_inherited(const struct selection *s, const struct process_event *e);

/* Set number @i: its word and its globs; NULL behind the last. */
const char *selection_set(size_t i, const char **ret_globs);
