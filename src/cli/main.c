/* SPDX-License-Identifier: MIT */
#include "base/fdio.h"
#include "base/msg.h"
#include "cli/help.h"
#include "cli/options.h"
#include "cli/run.h"
#include "recorder/region.h"
#include "trace/filter-print.h"
#include "trace/filter.h"
#include "trace/privilege.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
print_filter(const struct options *o)
{
	struct filter filter = { 0 };
	uint64_t trusted[REGION_TRUSTED];
	bool fast = strcmp(o->engine, "strict") != 0;
	int r;

	region_trusted(trusted);
	r = filter_build(o->classes, trusted, fast ? REGION_TRUSTED : 0, &filter);

	errno = -r;
	if (r < 0)
		msg_die(STATUS_OURS, "cannot build the filter:");
	filter_print(&filter, o->classes, stdout);
	filter_done(&filter);
}

/* Text that nobody could read is a failure too. */
static int
finish_stdout(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	msg_warn("cannot write to standard output:");
	return STATUS_OURS;
}

int
main(int argc, char *argv[])
{
	struct options options;
	int status = EXIT_SUCCESS;

	if (privilege_is_borrowed())
		msg_die(STATUS_OURS,
			"whatfiles must not be set-uid, set-gid or have file "
			"capabilities: everybody could trace with them");
	fdio_hold_standard_files();
	options_parse(&options, argc, argv);
	msg_debug_enable(options.debug);
	switch (options.action) {
	case ACTION_RUN:
		status = run_command(&options);
		break;
	case ACTION_HELP:
		help_print();
		break;
	case ACTION_VERSION:
		help_version();
		break;
	case ACTION_ABOUT:
		help_about();
		break;
	case ACTION_LIST_SYSCALLS:
		help_list_syscalls(options.classes);
		break;
	case ACTION_PRINT_FILTER:
		print_filter(&options);
		break;
	}
	if (options.action != ACTION_RUN)
		status = finish_stdout();
	options_done(&options);
	return status;
}
