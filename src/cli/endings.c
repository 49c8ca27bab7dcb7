/* SPDX-License-Identifier: MIT */
#include "cli/endings.h"

#include "base/compiler.h"
#include "base/fdio.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "model/hub.h"
#include "trace/kernel.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* For whoever reads a log and is only slow, in ns. */
#define LOG_PATIENCE 5000000000u

/*
 * We keep no end of the command's pipes open: whoever waits for the end of its
 * output, or reads its input, must not wait for us.
 */
static void
let_go_of_standard_files(void)
{
	_cleanup_fd_ int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (null <= STDOUT_FILENO)
		null = -1;
}

/* How long a log that takes nothing is waited for, once the job is to end. */
static uint64_t
log_patience(const struct options *o)
{
	return o->ending.has_grace ? o->ending.grace : LOG_PATIENCE;
}

static void
on_log_error(void *data)
{
	(void)data;
	ending_kill_all();
}

void
endings_prepare(const struct options *o, struct hub *hub)
{
	uint64_t end;

	if (o->kill_on_log_error)
		hub_on_error(hub, on_log_error, NULL);
	if (o->ending.timeout &&
	    !__builtin_add_overflow(kernel_real.now(), o->ending.timeout, &end))
		fdio_hurry(end, log_patience(o));
	if (!o->pid_count) {
		let_go_of_standard_files();
		signals_install(SIGNALS_TO_COMMAND, log_patience(o));
		return;
	}
	signals_install(SIGNALS_TO_LEAVE, log_patience(o));
	if (o->leave_after_ns)
		signals_leave_after(o->leave_after_ns);
}

int
endings_like(int status)
{
	const struct rlimit no_core = { 0 };

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	/* the command has dumped its core, if it should: a second one helps nobody */
	setrlimit(RLIMIT_CORE, &no_core);
	signals_restore(WTERMSIG(status));
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}
