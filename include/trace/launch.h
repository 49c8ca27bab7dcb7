/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The launcher: starts the command, seized and with the filter installed
 *
 * The command must find everything as it would be without us, so the child
 * changes nothing but what it has to: no stop signals, no session, no
 * environment.  It waits on a pipe until it is seized.
 */

#include <stdbool.h>
#include <sys/types.h>

struct filter;

enum launch_stage {
	LAUNCH_SEIZE = 1, /* ptrace was refused */
	LAUNCH_FILTER,	  /* seccomp was refused */
	LAUNCH_EXEC,	  /* the command could not be executed */
};

struct launch {
	pid_t pid;
	int report; /* what the child could not do arrives here; -1 afterwards */
};

/*
 * Forks and seizes the child and lets it go on to execute @argv, found by PATH
 * as execvp(3) does.  0, or a negative errno with @ret_stage set (0 when it was
 * fork or pipe).  Before any thread is made.
 */
int launch_start(struct launch *l, char *const argv[], const struct filter *filter,
		 enum launch_stage *ret_stage);

/*
 * After the child has ended without executing: the negative errno and the stage,
 * or 0 when it was killed by somebody else.
 */
int launch_failure(struct launch *l, enum launch_stage *ret_stage);
