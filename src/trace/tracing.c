/* SPDX-License-Identifier: MIT */
#include "trace/tracing.h"

#include "base/msg.h"
#include "model/ring.h"
#include <errno.h>
#include <string.h>

void
tracing_put(struct tracing *tr, const struct record *r)
{
	if (!ring_write(tr->ring, r) && tr->spare)
		ring_write(tr->spare, r);
}

int
tracing_resume(struct tracing *tr, const struct tracee *t, enum resume how, int signal)
{
	bool every = t->every || t->held_count || t->call.active;
	int r;

	if (how == RESUME_CONT && every)
		how = RESUME_SYSCALL;
	r = tr->kernel->resume(t->tid, how, signal);

	if (r < 0 && r != -ESRCH)
		msg_debug("cannot resume %d: %s", (int)t->tid, strerror(-r));
	return r;
}

bool
tracing_is_launching(const struct tracing *tr, const struct tracee *t)
{
	return t->tid == tr->root && !tr->result.started;
}
