/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Meant: which file a call was about, whatever name led there
 *
 * For --resolve: device, inode and the kernel's own name of the file, looked up by
 * the task's view when the call returns; what a call removes or replaces is looked
 * up before.
 */

#include <sys/types.h>

struct record;
struct record_builder;

/* Adds what the call of @b's record will remove or replace. */
void meant_before(struct record_builder *b);

/* The call succeeded: adds what it was about. */
void meant_after(struct record_builder *b);

/* A program was executed. */
void meant_exec(struct record_builder *b);

/* Adds what the link /proc/@tid/@link leads to, unless the record has a file already. */
void meant_link(struct record_builder *b, pid_t tid, const char *link);
void meant_fd(struct record_builder *b, pid_t tid, int fd);
