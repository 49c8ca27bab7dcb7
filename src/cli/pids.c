/* SPDX-License-Identifier: MIT */
#include "cli/pids.h"

#include "base/duration.h"
#include "base/msg.h"
#include "cli/options.h"
#include "trace/target.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A hundred years: timers take it, and nobody waits longer. */
#define DURATION_MAX_NS (UINT64_C(100) * 365 * 24 * 3600 * 1000000000)

pid_t
pids_parse(const char *word)
{
	long pid;
	char *end;

	errno = 0;
	pid = strtol(word, &end, 10);
	if (*word < '0' || *word > '9' || *end || errno || pid < 1 || pid > INT_MAX)
		msg_die(STATUS_USAGE, "--pid: \"%s\" is no number of a process", word);
	return (pid_t)pid;
}

uint64_t
pids_parse_duration(const char *option, const char *word)
{
	uint64_t ns;

	if (duration_parse(word, &ns) < 0 || !ns || ns > DURATION_MAX_NS)
		msg_die(STATUS_USAGE,
			"%s: \"%s\" is no duration; write 90, 1.5m, 1h30m or 500ms",
			option, word);
	return ns;
}

/* Why, and what can be done about it; between @before and @after stands @other, if both are. */
static const struct reason {
	const char *before, *after;
} reasons[] = {
	[TARGET_GONE] = { "there is no such process", NULL },
	[TARGET_THREAD] = { "it is a thread of the process ", ": attach to that one" },
	[TARGET_OURSELVES] = { "that is whatfiles itself", NULL },
	[TARGET_ANCESTOR] = { "whatfiles was started from it, and each would wait for the "
			      "other: start whatfiles from elsewhere",
			      NULL },
	[TARGET_KERNEL] = { "it is a thread of the kernel", NULL },
	[TARGET_ZOMBIE] = { "it has ended, and waits for its parent to notice (a zombie)",
			    NULL },
	[TARGET_TRACED] = { "PID ",
			    " traces it already, and one tracer is all it can have" },
	[TARGET_FOREIGN] = { "it is a process of another user (",
			     "): root may attach to it" },
	[TARGET_YAMA] = { "kernel.yama.ptrace_scope is ",
			  ": root may attach to it, where that is not 3; with 0 everybody "
			  "may to his own processes" },
	[TARGET_UNDUMPABLE] = { "the kernel refuses it: its program has more privileges than "
				"whatfiles, or does not want to be looked at",
				NULL },
};

static void
tell(pid_t pid, enum target_refusal refusal, long other)
{
	const struct reason *r = &reasons[refusal];

	if (!r->before)
		msg_warn("cannot attach to PID %d:", (int)pid);
	else if (!r->after)
		msg_warn("cannot attach to PID %d: %s", (int)pid, r->before);
	else
		msg_warn("cannot attach to PID %d: %s%ld%s", (int)pid, r->before, other,
			 r->after);
}

void
pids_check(const struct options *o)
{
	for (size_t i = 0; i < o->pid_count; i++) {
		long other = 0;
		enum target_refusal refusal = target_check(o->pids[i], &other);

		if (refusal == TARGET_FINE)
			continue;
		tell(o->pids[i], refusal, other);
		exit(STATUS_OURS);
	}
}

void
pids_explain(pid_t pid, int error)
{
	long other = 0;
	enum target_refusal refusal = target_explain(pid, error, &other);

	errno = error;
	tell(pid, refusal, other);
}
