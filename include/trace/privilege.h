/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What whatfiles itself may do, and what may be done to it
 *
 * The job runs as whoever started us, so it could read our memory or take what a
 * fault makes of us: while it runs we are not dumpable, and have no capability but
 * those that tracing needs.
 */

#include <stdbool.h>

/* Whether we may install a filter without no_new_privs: CAP_SYS_ADMIN (seccomp(2)). */
bool privilege_is_admin(void);

/*
 * Whether the program file gave us what our user does not have: set-uid, set-gid or
 * file capabilities.
 */
bool privilege_is_borrowed(void);

/*
 * Gives up what is not needed once the command is seized, for this thread and those
 * that it makes.
 */
void privilege_drop(void);

/* The job is over: a debugger, or a leak checker, may look at us again. */
void privilege_end(void);
