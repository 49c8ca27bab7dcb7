/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an access means for the names in it: the rules of fold.h
 *
 * For the fold only; all others ask fold_role().
 */

#include <stddef.h>
#include <stdint.h>

struct access;
struct fold;
struct fold_file;
struct process_event;

/* Takes in @a about @file and, where the call has two names of files, @to. */
void roles_apply(struct fold *f, struct fold_file *file, struct fold_file *to,
		 const struct access *a);

/* The command was started with @file open. */
void roles_inherited(struct fold_file *file, const struct process_event *e);

/* The name, made where there is none yet.  It is the fold's own. */
struct fold_file *fold_name(struct fold *f, const char *path, size_t len,
			    uint64_t mnt_ns);

/* Has @file among those that are walked over, as a call about it would. */
void fold_enlist(struct fold *f, struct fold_file *file, uint64_t time);
