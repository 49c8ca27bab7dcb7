/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line
 */

#include "trace/ending.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pack_ops;
struct selection;
struct sink_ops;

/* Exit statuses of whatfiles' own; all others are the command's. */
enum exit_status {
	STATUS_USAGE = 2,	   /* the command line was wrong */
	STATUS_TIMEOUT = 124,	   /* --timeout ended the job */
	STATUS_OURS = 125,	   /* whatfiles itself failed */
	STATUS_NOT_RUNNABLE = 126, /* the command was found and cannot be executed */
	STATUS_NOT_FOUND = 127,
};

/* What to do, when it is not running a command. */
enum action {
	ACTION_RUN,
	ACTION_HELP,
	ACTION_VERSION,
	ACTION_ABOUT,
	ACTION_LIST_SYSCALLS,
	ACTION_PRINT_FILTER,
};

struct output_option {
	const char *path; /* NULL for standard output */
	const struct sink_ops *format;
	const struct pack_ops *pack; /* how to compress, or NULL */
};

struct options {
	enum action action;
	struct output_option *outputs; /* owned */
	size_t output_count;
	unsigned classes; /* class bits */
	bool probes;	  /* the probe class was asked for by name */
	bool all, failed, debug, summary;
	const char *engine; /* the word of the engine that will run */
	bool allow_uring, resolve;
	bool kill_on_log_error;
	struct ending_rules ending; /* without what it tells */
	bool overwrite;		    /* logs that are there already are emptied */
	size_t ring_bytes;
	struct selection *selection; /* owned; NULL for everything */
	char **detach;		     /* owned like targets */
	size_t detach_count;
	char **targets; /* owned, NULL-terminated; what they say is borrowed from argv */
	size_t target_count;
	const char *relative_to; /* NULL for the working directory */
	bool absolute, system_files;
	pid_t *pids; /* owned: what to attach to instead of a command */
	size_t pid_count;
	bool no_children;
	uint64_t leave_after_ns; /* 0: never */
	const char *until;	 /* a glob of program names, or NULL */
	char **command;		 /* NULL-terminated, borrowed from argv */
};

/*
 * Parses @argv; the first word that is no option starts the command.  A mistake
 * is told in one line and ends the process with STATUS_USAGE.
 */
void options_parse(struct options *o, int argc, char *argv[]);
void options_done(struct options *o);
