/* SPDX-License-Identifier: MIT */
#include "base/fdio.h"
#include "base/msg.h"
#include "cli/report-options.h"
#include "cli/report.h"
#include <stdio.h>

int
main(int argc, char *argv[])
{
	struct report_options o;
	int status = REPORT_OK;

	msg_program("whatfiles-report");
	fdio_hold_standard_files();
	report_options_parse(&o, argc, argv);
	if (o.action == REPORT_RUN)
		status = report_run(&o);
	else if (o.action == REPORT_HELP)
		report_options_help();
	else
		puts("whatfiles-report " WHATFILES_VERSION);
	report_options_done(&o);
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	msg_warn("cannot write to standard output:");
	return REPORT_TROUBLE;
}
