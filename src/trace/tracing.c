/* SPDX-License-Identifier: MIT */
#include "trace/tracing.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/msg.h"
#include "model/record.h"
#include "model/ring.h"
#include "trace/ending.h"
#include "trace/fast.h"
#include "trace/nest.h"
#include <errno.h>
#include <string.h>

/*
 * The ring is full, and the reader waits for somebody's claim.  If that one stands
 * at a stop that we have not come to yet, everybody would wait for ever: it is taken
 * out of the recorder now.  That may put a record of its own.
 */
static void
free_holder(struct tracing *tr, int32_t tid)
{
	struct tracee *t = tracees_find(&tr->tracees, tid);

	/* of a task that runs this does nothing: it will commit by itself */
	if (t)
		fast_signal(tr, t, 0);
}

static void
put_slowly(struct tracing *tr, const struct record *r)
{
	_cleanup_free_ struct record *copy = mem_zero(1, r->size);

	/* what is put meanwhile is made in the same memory as @r */
	memcpy(copy, r, r->size);
	while (!ring_try_write(tr->ring, copy)) {
		int32_t holder = ring_holder(tr->ring);

		if (ring_is_broken(tr->ring)) {
			if (tr->spare)
				ring_write(tr->spare, copy);
			return;
		}
		if (holder)
			free_holder(tr, holder);
		/* who reads the logs may have stopped, and the job is to end all the same */
		ending_step(tr);
		ring_wait_room(tr->ring);
	}
}

void
tracing_put(struct tracing *tr, const struct record *r)
{
	if (!ring_try_write(tr->ring, r))
		put_slowly(tr, r);
}

/* On our way out: a call that is told as begun is told as returned, too. */
static bool
is_kept(const struct tracing *tr, struct tracee *t, int signal)
{
	if (!tr->leaving || t->call.active)
		return false;
	t->stays = true;
	t->stay_signal = signal;
	return true;
}

int
tracing_resume(struct tracing *tr, struct tracee *t, enum resume how, int signal)
{
	bool returns = t->call.active || t->entered;
	bool every = t->every || t->held_count || returns || nest_watches(tr, t);
	int r;

	if (is_kept(tr, t, signal))
		return 0;
	if (t->nested && nest_keeps(tr, t, &how, &signal))
		return 0;
	/* of what was begun the return is to be seen */
	if ((how == RESUME_CONT && every) || (how != RESUME_LISTEN && returns))
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
