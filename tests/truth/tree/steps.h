/* SPDX-License-Identifier: MIT */
#pragma once

/* What a task does to files. */

#include "account.h"

/* One of the many calls that need nothing but their arguments. */
void step_plain(struct task *t);

void step_chdir(struct task *t);
void step_home(struct task *t);
void step_chroot(struct task *t);
void step_unshare(struct task *t);

/* Directories renamed, exchanged, removed. */
void step_directory(struct task *t);

/* O_TMPFILE, and then a name for it. */
void step_nameless(struct task *t);

/* A file that nobody else knows of, and calls by its descriptor. */
void step_by_descriptor(struct task *t);

void step_socket(struct task *t);
void step_mount(struct task *t);

/* A descriptor sent to whoever takes it, and one taken. */
void step_send(struct task *t);
void step_receive(struct task *t);

/* Opens "." for later calls. */
void step_keep_here(struct task *t);

/* One call by its number on each ABI; the name is the first argument, or the second. */
long simple_call(struct task *t, int nr, int nr32, const char *name, long a);
long simple_call_at(struct task *t, int nr, int nr32, const char *name, long a, long b);

/* A name of the class @class: see steps.c. */
void step_name(struct task *t, char class, char name[PATH_ROOM]);
