/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reading a log from a file or a pipe, compressed or not
 */

#include <stdbool.h>
#include <sys/types.h>

struct logread;

/*
 * Reads all of @path ("-" is standard input) into @log, and ends it.  What is wrong is
 * told; false when nothing could be read at all.  @ret_whole is false when something is
 * missing.
 */
bool report_input_read(const char *path, struct logread *log, bool *ret_whole);
