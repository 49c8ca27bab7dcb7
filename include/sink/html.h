/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The HTML report: one page that needs nothing else
 *
 * The page's own parts are in src/sink/html/ and stand in this program.  What is
 * peculiar to a run are two blocks of base64 in the middle, so that no name can be
 * taken for markup.  The second one is long and can wait until the page is shown.
 *
 *	first   = text files processes
 *	second  = for each file: number of uses, uses
 *	text    = string, JSON: what is there once, and the words for numbers
 *	files   = number of files, then for each in the order of their bytes:
 *		  bytes shared with the name before, string of the rest, mount
 *		  namespace (0 for ours, else numbered), role, flags, calls, failed calls,
 *		  first call, time from it to the last, number of processes that named it
 *	use     = process (as the difference to the use before, zigzag), operation,
 *		  error (0: none, 1: unfinished, else errno + 1), calls, time from the
 *		  file's first call to this one, 0 or 1 and a string: the second name
 *	processes = number, then for each in the order of their births:
 *		  pid, parent (its number + 1, 0 for none), start, duration, status (0:
 *		  unknown, 1: still alive, else wait(2)'s + 2), calls, failed calls,
 *		  number of files that it named, name, executable, working directory, number of execs, execs
 *	exec    = time from the start of the process, executable, 0 or 1: cut,
 *		  arguments as one string, each ended by NUL
 *	string  = length, bytes
 *
 * Every number is unsigned LEB128, every time in microseconds.
 */

#include "model/hub.h"

struct buf;
struct fold;

extern const struct sink_ops html_sink;

/* Adds the blocks, before base64. */
void html_data(struct buf *first, struct buf *second, const struct fold *f,
	       const struct run *run, const struct outcome *o);
