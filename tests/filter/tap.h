/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Test Anything Protocol on stdout: complaints, then the verdict on all of them.
 */

/* Says what is wrong.  One mistake can show in millions of runs: ten are printed. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "ok" when there was no complaint since the last verdict, else "not ok". */
void verdict(const char *name);

/* Not tested here, and why. */
void skip(const char *name, const char *why);

/* Prints the plan; what main() returns. */
int tap_done(void);
