/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line of whatfiles-report
 */

#include <stdbool.h>
#include <stddef.h>

struct pack_ops;
struct selection;
struct sink_ops;
struct view;

/* Exit statuses; diff(1) has the same. */
enum report_status {
	REPORT_OK,
	REPORT_NOTHING, /* what was asked about is not in the log; logs differ */
	REPORT_TROUBLE, /* a wrong command line, a log that cannot be read whole */
};

enum report_action {
	REPORT_RUN,
	REPORT_HELP,
	REPORT_VERSION,
};

struct report_options {
	enum report_action action;
	const char *log;	 /* "-" for standard input */
	const struct view *view; /* either this or the format */
	const struct sink_ops *format;
	const struct pack_ops *pack; /* how the format's file is compressed, or NULL */
	const char *arg;	     /* of the view */
	const char *output;	     /* NULL for standard output */
	bool nul;
	struct selection *selection; /* owned; NULL for everything */
	char **targets; /* owned, NULL-terminated; what they say is borrowed from argv */
	size_t target_count;
	const char *relative_to; /* NULL for where the command was started */
	bool absolute, system_files;
};

/* Parses @argv; a mistake is told in one line and ends the process. */
void report_options_parse(struct report_options *o, int argc, char *argv[]);

void report_options_done(struct report_options *o);

void report_options_help(void);
