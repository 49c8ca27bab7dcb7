/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the text files of /proc say of a task
 *
 * For trace/proc, apart from it so that any text can be tried.  A task chooses its own
 * name, which stands in status and stat: it is taken for nothing else.
 */

#include <stdbool.h>
#include <stdint.h>

/* The first number behind "KEY:" of a status file, 0 where there is none. */
long status_number(const char *status, const char *key);

/* The letter of the task's state, or 0. */
char status_state(const char *status);

/* Whether the task has a handler for @signal, from 1. */
bool status_catches(const char *status, int signal);

/* The task's id in its own pid namespace, 0 where that is the one /proc is of. */
long status_inner_pid(const char *status);

/* O_* flags that a fdinfo file tells. */
uint64_t status_fd_flags(const char *fdinfo);

/* Whether a stat file is a kernel thread's. */
bool status_is_kernel_thread(const char *stat);
