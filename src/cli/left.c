/* SPDX-License-Identifier: MIT */
#include "cli/left.h"

#include "base/buf.h"
#include "base/fdio.h"
#include "base/msg.h"
#include "trace/proc.h"
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#define TOLD 8 /* of them, by name */

static struct buf ended_names;

static void
add_name(struct buf *out, pid_t pid)
{
	_cleanup_buf_ struct buf comm = { 0 };
	char path[32];

	snprintf(path, sizeof(path), "%d/comm", (int)pid);
	if (fdio_read_whole(proc_dir(), path, 64, &comm) < 0)
		buf_adds(&comm, "unknown\n");
	buf_printf(out, "%sPID %d (%.*s)", out->len ? ", " : "", (int)pid,
		   (int)(comm.len ? comm.len - 1 : 0), comm.data);
}

static void
add_names(struct buf *out, const pid_t *pids, size_t count)
{
	for (size_t i = 0; i < MIN(count, (size_t)TOLD); i++)
		add_name(out, pids[i]);
	if (count > TOLD)
		buf_printf(out, ", and %zu more", count - TOLD);
}

/* Whoever reads our messages may have stopped, and the tracer waits for nobody. */
static bool
takes_a_line(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

bool
left_tell(const pid_t *pids, size_t count, bool ended)
{
	_cleanup_buf_ struct buf names = { 0 };

	if (ended) {
		buf_reset(&ended_names);
		add_names(&ended_names, pids, count);
		return true;
	}
	if (!takes_a_line(STDERR_FILENO))
		return false;
	add_names(&names, pids, count);
	msg_warn("the command has ended; waiting for what it left running: %s",
		 names.data);
	return true;
}

const char *
left_ended(void)
{
	return ended_names.len ? ended_names.data : NULL;
}
