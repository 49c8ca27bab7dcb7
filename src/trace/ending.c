/* SPDX-License-Identifier: MIT */
#include "trace/ending.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "trace/tracing.h"
#include <signal.h>
#include <sys/wait.h>

#define MS 1000000u
#define NEVER UINT64_MAX

/* How long a job may take to end after its timeout, where --grace does not say. */
#define TIMEOUT_GRACE (10000ull * MS)

/* A daemon that ends with its command, or soon after, is not worth a word. */
#define TELL_AFTER (2000ull * MS)

/* For signal handlers: pids are never sig_atomic_t, but they fit (PID_MAX_LIMIT). */
static volatile sig_atomic_t kill_wanted, asked, command_alive;

/* Whether the child @pid is dead, also where nobody has waited for it yet. */
static bool
has_ended(pid_t pid)
{
	siginfo_t info = { 0 };

	/* a bare system call; of a tracee it tells stops as well, asked or not */
	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0)
		return true;
	return info.si_pid && (info.si_code == CLD_EXITED || info.si_code == CLD_KILLED ||
			       info.si_code == CLD_DUMPED);
}

void
ending_forward(int signal)
{
	pid_t command = command_alive;

	if (command && !has_ended(command))
		kill(command, signal);
	else
		ending_kill_all();
}

void
ending_asked(void)
{
	asked = 1;
	/* the loop may just have begun to wait: it sets this to the right time */
	kernel_real.wake_at(0);
}

void
ending_kill_all(void)
{
	kill_wanted = 1;
	kernel_real.wake_at(0);
}

/* Processes, the last ones first; also those whose first thread has ended. */
struct pids {
	pid_t *pids;
	size_t count;
};

static void
add_process(void *value, void *data)
{
	const struct tracee *t = value;
	struct pids *p = data;

	if (t->tid != t->tgid || t->parked)
		return;
	p->pids = mem_resize(p->pids, p->count + 1, sizeof(*p->pids));
	p->pids[p->count++] = t->tid;
}

/* Who outlives the command; false when that could not be told now. */
static bool
tell_left(struct tracing *tr, bool ended)
{
	struct pids p = { 0 };
	bool told = true;

	tidmap_each(&tr->tracees.map, add_process, &p);
	if (p.count && tr->config.ending.tell_left)
		told = tr->config.ending.tell_left(p.pids, p.count, ended);
	free(p.pids);
	return told;
}

static void
ask_one(void *value, void *data)
{
	const struct tracee *t = value;
	const struct tracing *tr = data;

	if (t->tid != t->tgid)
		return;
	tr->kernel->kill(t->tgid, SIGTERM);
	/* whoever is stopped could not act on it */
	tr->kernel->kill(t->tgid, SIGCONT);
}

static void
kill_one(void *value, void *data)
{
	const struct tracee *t = value;
	const struct tracing *tr = data;

	tr->kernel->kill(t->tgid, SIGKILL);
}

static void
kill_after(struct tracing *tr, uint64_t now, uint64_t grace)
{
	uint64_t at;

	if (!__builtin_add_overflow(now, grace, &at))
		tr->ending.kill_at = MIN(tr->ending.kill_at, at);
}

/* Everybody is asked to end, and killed after the time of grace. */
static void
ask_all(struct tracing *tr, uint64_t now, uint64_t otherwise)
{
	const struct ending_rules *rules = &tr->config.ending;
	uint64_t grace = rules->has_grace ? rules->grace : otherwise;

	if (grace)
		tidmap_each(&tr->tracees.map, ask_one, tr);
	kill_after(tr, now, grace);
}

static void
on_timeout(struct tracing *tr, uint64_t now)
{
	tr->ending.timeout_at = NEVER;
	tr->result.timed_out = true;
	ask_all(tr, now, TIMEOUT_GRACE);
}

static void
on_left(struct tracing *tr, uint64_t now)
{
	bool end = tr->config.ending.kill_left;

	if (!tell_left(tr, end) && !end)
		return;
	tr->ending.tell_at = NEVER;
	if (end)
		ask_all(tr, now, 0);
}

/* When there is something to do next; every round until all that were killed are gone. */
static uint64_t
next_time(const struct ending *e)
{
	if (kill_wanted)
		return 0;
	return MIN(e->timeout_at, MIN(e->kill_at, e->tell_at));
}

static void
act(struct tracing *tr, uint64_t now)
{
	struct ending *e = &tr->ending;

	if (asked && tr->config.ending.has_grace)
		kill_after(tr, now, tr->config.ending.grace);
	asked = 0;
	if (now >= e->timeout_at)
		on_timeout(tr, now);
	if (now >= e->tell_at)
		on_left(tr, now);
	if (now >= e->kill_at) {
		e->kill_at = NEVER;
		kill_wanted = 1;
	}
	/* every round again: a child may have been born meanwhile */
	if (kill_wanted)
		tidmap_each(&tr->tracees.map, kill_one, tr);
}

void
ending_step(struct tracing *tr)
{
	struct ending *e = &tr->ending;
	uint64_t now, next;

	if (!e->pending && !asked && !kill_wanted)
		return;
	/* that takes a moment, and what the command could not be executed for is told */
	if (!tr->result.started)
		return;
	now = tr->kernel->now();
	act(tr, now);
	next = next_time(e);
	e->pending = next != NEVER;
	tr->kernel->wake_at(next);
	/* who asked for something in between set it to now: that is not to be lost */
	if (asked || kill_wanted)
		tr->kernel->wake_at(0);
}

void
ending_of_command(struct tracing *tr)
{
	const struct ending_rules *rules = &tr->config.ending;

	command_alive = 0;
	if (!rules->kill_left && !rules->tell_left)
		return;
	tr->ending.pending = true;
	tr->ending.tell_at = tr->kernel->now() + (rules->kill_left ? 0 : TELL_AFTER);
}

void
ending_init(struct tracing *tr)
{
	uint64_t timeout = tr->config.ending.timeout, at;

	command_alive = tr->root;
	tr->ending = (struct ending){ NEVER, NEVER, NEVER, false };
	if (!timeout || __builtin_add_overflow(tr->kernel->now(), timeout, &at))
		return;
	tr->ending.timeout_at = at;
	tr->ending.pending = true;
	tr->kernel->wake_at(at);
}

void
ending_done(struct tracing *tr)
{
	kill_wanted = asked = command_alive = 0;
	tr->kernel->wake_at(NEVER);
}
