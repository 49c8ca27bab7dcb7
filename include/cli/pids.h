/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Processes to attach to, as the user names them, and why one cannot be
 *
 * A mistake in an option is told in one line and ends the process with STATUS_USAGE.
 */

#include <stdint.h>
#include <sys/types.h>

struct options;

/* The number of a process. */
pid_t pids_parse(const char *word);

/* "90", "1.5m", "2h", "500ms" in nanoseconds, never 0; @option is for the message. */
uint64_t pids_parse_duration(const char *option, const char *word);

/* Ends us with STATUS_OURS if one of them cannot be attached to; tells why. */
void pids_check(const struct options *o);

/* Tells why the kernel answered -@error to attaching to @pid. */
void pids_explain(pid_t pid, int error);
