/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Running a command under the tracer, from its start to our exit status
 */

struct options;

/*
 * Returns the status to exit with.  When the command was ended by a signal it
 * does not return: whatfiles ends by the same signal.
 */
int run_command(const struct options *o);
