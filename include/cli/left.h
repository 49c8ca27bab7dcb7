/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Processes that outlive the command: telling who they are
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Of struct ending_rules.  Those that are waited for are told on standard error, if
 * that takes it at once; those that are ended are remembered for the last words.
 */
bool left_tell(const pid_t *pids, size_t count, bool ended);

/* Those that were ended, "PID 7 (sleep), PID 9 (sh)"; NULL for nobody. */
const char *left_ended(void);
