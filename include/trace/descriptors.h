/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Descriptors that a process did not open itself
 *
 * Those that the command was started with, and those that came with a message
 * (unix(7), SCM_RIGHTS): each is told with the file that it is.
 */

#include <stdbool.h>
#include <sys/types.h>

struct record;
struct tracing;

/*
 * The command stands before its first instruction, or a process that we @attached to
 * stands still: tells what it has.
 */
void descriptors_inherited(struct tracing *tr, pid_t tid, bool attached);

/* After a call: tells what it received, if it is one that receives. */
void descriptors_after(struct tracing *tr, const struct record *call);
