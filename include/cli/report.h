/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * whatfiles-report: what a log holds, told in another way
 */

struct report_options;

/* Returns the status to exit with; what is wrong was told. */
int report_run(const struct report_options *o);
