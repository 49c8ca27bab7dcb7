/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages to the user, on stderr
 *
 * Each is one line, "whatfiles: what: detail", written by one write(2).  A
 * format that ends in ':' gets the text of errno appended.  Bytes that could
 * confuse a terminal are escaped.
 */

#include "base/compiler.h"
#include <stdbool.h>

/* Something is wrong and the user should know. */
void msg_warn(const char *fmt, ...) _printf_(1, 2);

/* Says it and exits with @status.  Only cli/ may call it, before the job starts. */
void msg_die(int status, const char *fmt, ...) _printf_(2, 3) _noreturn_;

/* Said only after msg_debug_enable(). */
void msg_debug(const char *fmt, ...) _printf_(1, 2);
void msg_debug_enable(bool on);

/* Whose messages these are, "whatfiles" when nothing was told; @name is kept. */
void msg_program(const char *name);
