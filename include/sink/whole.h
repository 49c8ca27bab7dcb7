/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Files that are written as a whole, at the end
 *
 * For formats of which a part is worse than nothing.  Until then the file keeps
 * what it held before (sink_ops, at_once).
 */

#include <stddef.h>

/*
 * Makes @len bytes all that the file @fd holds; behind what is there already where
 * @fd does not stand at the beginning, as standard output may.  0 or -errno; after
 * an error nothing of it is left, if it is a regular file.
 */
int whole_write(int fd, const void *bytes, size_t len);
