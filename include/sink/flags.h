/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Numbers that have names: open flags, errors, signals
 */

#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * Adds O_* flags of x86 as a program would write them, "O_WRONLY|O_CREAT";
 * bits without a name come last in hex.
 */
void flags_open(struct buf *out, uint64_t flags);

/* Adds "ENOENT", or the number if it has no name. */
void flags_error(struct buf *out, int error);

/* Adds "SIGKILL", "SIGRTMIN+3", or "SIG" and the number. */
void flags_signal(struct buf *out, int sig);

/* What kind of file has the mode @mode of stat(2), in one word: "file", "directory". */
const char *flags_file_kind(unsigned mode);

/*
 * The same backwards.  Words that nobody knows are 0, a number is itself; the flags are
 * those of all words that are known.
 */
uint64_t flags_open_parse(const char *text, size_t len);
int flags_error_parse(const char *text, size_t len);
int flags_signal_parse(const char *text, size_t len);
unsigned flags_file_kind_parse(const char *text, size_t len);
