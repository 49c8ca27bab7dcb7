/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a run ends: what was asked for beforehand, and our own end
 */

struct hub;
struct options;

/*
 * What is to happen when something ends: signals are handed on to the command, if any,
 * and no log is waited for that cannot be written.  After the command was forked.
 */
void endings_prepare(const struct options *o, struct hub *hub);

/*
 * Ends us as the command ended, so that our parent cannot tell the difference.  Returns
 * the status to exit with, unless the same signal has ended us.
 */
int endings_like(int status);
