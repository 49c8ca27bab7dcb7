/* SPDX-License-Identifier: MIT */
#include "trace/status.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define LARGEFILE UINT64_C(0100000) /* O_LARGEFILE, which libc has as 0 */
#define PF_KTHREAD 0x00200000ul	    /* include/linux/sched.h */
#define FLAGS_BEHIND_NAME 7	    /* numbers, as proc_pid_stat(5) counts them */

/*
 * What stands behind "\nKEY:\t"; the name, on the first line, has no line feed: those
 * are escaped (proc_task_name() in fs/proc/array.c).
 */
static const char *
value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = strchr(text, '\n'); at; at = strchr(at + 1, '\n'))
		if (strncmp(at + 1, key, len) == 0 && at[len + 1] == ':' &&
		    at[len + 2] == '\t')
			return at + len + 3;
	return NULL;
}

long
status_number(const char *status, const char *key)
{
	const char *at = value_of(status, key);

	return at ? strtol(at, NULL, 10) : 0;
}

char
status_state(const char *status)
{
	const char *at = value_of(status, "State");

	return at ? *at : '\0';
}

bool
status_catches(const char *status, int signal)
{
	const char *at = value_of(status, "SigCgt");

	return at && strtoull(at, NULL, 16) >> (signal - 1) & 1;
}

long
status_inner_pid(const char *status)
{
	const char *at = value_of(status, "NSpid"), *end, *last = NULL;

	if (!at)
		return 0;
	/* one for each namespace, from the one that /proc is of to its own */
	for (end = at + strcspn(at, "\n"); at < end; at++)
		if (*at == '\t')
			last = at;
	return last ? strtol(last + 1, NULL, 10) : 0;
}

uint64_t
status_fd_flags(const char *fdinfo)
{
	const char *at = value_of(fdinfo, "flags");

	/* 64-bit programs never ask for O_LARGEFILE and always get it */
	return at ? strtoull(at, NULL, 8) & ~LARGEFILE : 0;
}

bool
status_is_kernel_thread(const char *stat)
{
	/* the name may hold anything, a parenthesis and a line feed too */
	const char *at = strrchr(stat, ')');

	for (int i = 0; at && i < FLAGS_BEHIND_NAME; i++)
		at = strchr(at + 1, ' ');
	return at && strtoul(at, NULL, 10) & PF_KTHREAD;
}
