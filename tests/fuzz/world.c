/* SPDX-License-Identifier: MIT */
#include "world.h"

#include "model/syscalls.h"
#include "stops.h"
#include "trace/ending.h"
#include "trace/filter.h"
#include "trace/loop.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ptrace.h>

#include <linux/ptrace.h>

/*
 * The kernel of world.h.  One piece: whatever happens to a task is decided by what it was
 * in, whoever asks.
 */

#define TICK_NS (20 * 1000 * 1000)

/* Wakings by a timer after which somebody who still waits will do so for ever. */
#define TICKS_MAX 3000

/* Calls of one task, and of the handlers it is in; then it ends. */
#define CALLS_MAX 24
#define DEPTH_MAX 3

enum {
	NR_OPEN = 2,
	NR_SIGRETURN = 15,
	NR_GETPID = 39,
	NR_CLONE = 56,
	NR_FORK = 57,
	NR_VFORK = 58,
	NR_EXECVE = 59,
	NR_EXIT = 60,
	NR_KILL = 62,
	NR_UNLINK = 87,
	NR_PRCTL = 157,
	NR_EXIT_GROUP = 231,
	NR_SECCOMP = 317,
	NR_URING = 425,
	NR_NEW = 480, /* in no table */
};

enum state {
	GONE,
	RUNS,
	STOPPED,
	LISTENS,
	SLEEPS, /* after vfork, until the child has a memory of its own */
	EXECS,	/* waits until it is alone in its process */
	DIES,	/* was killed, or ends */
	ZOMBIE,
};

/* Where it is in a call. */
enum phase {
	USER,
	AT_ENTRY, /* goes on to the filters */
	AT_FILTER,
	INSIDE,
	FORKED, /* the child is there, and told of */
	AT_RETURN,
};

/* What a signal handler goes back to. */
struct frame {
	int nr;	      /* a call that was interrupted; 0: none */
	bool restart; /* it is made again, else it has failed with EINTR */
};

struct task {
	pid_t tid, tgid;
	enum state state;
	int status;	     /* that it stopped or ended with */
	bool reported;	     /* which the tracer has been told */
	bool stale;	     /* it died where the tracer believes it stands */
	int seen;	     /* the last status that was told */
	bool born;	     /* has had its first stop */
	bool trap, notified; /* JOBCTL_TRAP_STOP and _NOTIFY are pending */
	bool in_group_stop;
	bool filter;	 /* of the job's own */
	enum resume how; /* it was resumed last */
	enum phase phase;
	int nr;
	uint64_t args[6];
	int64_t result;
	bool asked;    /* the tracer knows the call that begins */
	bool followed; /* and waits for its return */
	bool refused;
	struct frame frames[DEPTH_MAX + 1]; /* [0]: of no handler */
	unsigned depth;
	unsigned calls;
	pid_t child; /* that it just made */
	pid_t former;
	struct task *took_over; /* by exec: the old leader */
	pid_t waits_for;	/* SLEEPS: a vfork's child */
};

struct process {
	pid_t tgid, ppid;
	bool group_stop;
	int stop_signal;
	bool continued; /* since the stop signal was taken */
	bool catches, shares;
	uint64_t pending; /* signals, by bits */
};

static struct task tasks[WORLD_TASKS];
static struct process processes[WORLD_TASKS];
static struct account accounts[WORLD_TASKS];
static size_t task_count;
static struct {
	struct fuzz_in *in;
	bool attach, started, left, leaving;
	uint64_t now, wake_at;
	unsigned every;	    /* milliseconds of the other timer */
	unsigned ticks;	    /* in a row */
	unsigned strike_in; /* operations until somebody is killed */
	pid_t strike_at;
	size_t next_tid;
	int64_t next_result;
	pid_t first_due; /* its exec is to be told before anything else is done */
} w;

void (*world_drain)(void);

uint8_t
world_byte(void)
{
	return fuzz_byte(w.in);
}

/* --- who is who ------------------------------------------------------------------- */

static size_t
number_of(pid_t tid)
{
	REQUIRE(tid >= WORLD_FIRST && tid < WORLD_FIRST + WORLD_TASKS);
	return (size_t)(tid - WORLD_FIRST);
}

static struct process *
process_of(const struct task *t)
{
	return &processes[number_of(t->tgid)];
}

static struct account *
account_of(pid_t tid)
{
	return &accounts[number_of(tid)];
}

/* The task that has @tid now; a zombie too, until it was waited for. */
static struct task *
find(pid_t tid)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tid == tid && tasks[i].state != GONE)
			return &tasks[i];
	return NULL;
}

static unsigned
living_others(const struct task *t)
{
	unsigned n = 0;

	for (size_t i = 0; i < task_count; i++)
		n += &tasks[i] != t && tasks[i].tgid == t->tgid && tasks[i].state != GONE;
	return n;
}

static bool
is_leader(const struct task *t)
{
	return t->tid == t->tgid;
}

static bool
is_dead(const struct task *t)
{
	return t->state == DIES || t->state == ZOMBIE || t->state == GONE;
}

/* --- what is expected -------------------------------------------------------------- */

static void
expect(pid_t tid, struct expected e)
{
	struct account *a = account_of(tid);

	REQUIRE(a->count < WORLD_ITEMS);
	a->items[a->count++] = e;
}

static const struct syscall_row *
row_of(int nr)
{
	return syscall_find(ABI_X86_64, nr);
}

static bool
is_recorded(const struct task *t)
{
	const struct syscall_row *row = row_of(t->nr);

	return row && syscall_wanted(row, CLASS_ALL, t->args);
}

static void
expect_call(pid_t tid, int nr, enum expected_kind kind, int64_t result)
{
	if (w.started && !w.left)
		expect(tid, (struct expected){ .kind = kind,
					       .row = syscall_index(row_of(nr)),
					       .result = result });
}

/* Interrupted calls whose handlers never came back, or that are not made again. */
static void
expect_interrupted(struct task *t, enum expected_kind kind)
{
	for (; t->depth; t->depth--)
		if (t->frames[t->depth].nr)
			expect_call(t->tid, t->frames[t->depth].nr, kind, -EINTR);
	if (t->frames[0].nr)
		expect_call(t->tid, t->frames[0].nr, kind, -EINTR);
	t->frames[0].nr = 0;
}

/* It is gone, from wherever it was. */
static void
expect_end_of_call(struct task *t)
{
	bool waits = t->nr == NR_SECCOMP || t->nr == NR_PRCTL;

	expect_interrupted(t, w.left ? EXPECT_UNFINISHED : EXPECT_CALL);
	if (!t->asked || !is_recorded(t))
		return;
	if (t->followed || waits)
		expect_call(t->tid, t->nr, EXPECT_UNFINISHED, 0);
	if (!t->followed && waits && account_of(t->tid)->count)
		account_of(t->tid)->items[account_of(t->tid)->count - 1].optional = true;
	t->followed = t->asked = false;
}

/* --- stops, births and deaths ------------------------------------------------------- */

static void
stop(struct task *t, int status)
{
	t->state = STOPPED;
	t->status = status;
	t->reported = false;
	t->born = true;
	/* any trap clears a pending stop; that one takes the notice, too (ptrace_stop()) */
	t->trap = false;
	if (status >> 16 == PTRACE_EVENT_STOP)
		t->notified = false;
}

static void
die(struct task *t, int status)
{
	if (is_dead(t))
		return;
	t->stale = t->state == STOPPED && t->reported;
	t->state = DIES;
	t->status = status;
	t->reported = false;
}

static void
die_with_all(struct task *t, int status)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tgid == t->tgid && tasks[i].state != GONE)
			die(&tasks[i], status);
}

/* A vfork's parent goes on when its child has a memory of its own, or none. */
static void
release_memory(const struct task *t)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].state == SLEEPS && tasks[i].waits_for == t->tgid)
			tasks[i].state = RUNS;
	processes[number_of(t->tgid)].shares = false;
}

static struct task *
add_task(pid_t tgid)
{
	struct task *t;

	REQUIRE(task_count < WORLD_TASKS);
	t = &tasks[task_count++];
	memset(t, 0, sizeof(*t));
	t->tid = WORLD_FIRST + (pid_t)w.next_tid++;
	t->tgid = tgid ? tgid : t->tid;
	t->state = RUNS;
	account_of(t->tid)->born = true;
	return t;
}

static struct task *
add_process(pid_t ppid)
{
	struct task *t = add_task(0);

	*process_of(t) = (struct process){ .tgid = t->tgid, .ppid = ppid };
	return t;
}

static struct task *
fork_task(struct task *t)
{
	bool thread = t->nr == NR_CLONE;
	struct task *child = thread ? add_task(t->tgid) : add_process(t->tgid);

	child->filter = t->filter;
	if (!thread) {
		process_of(child)->catches = process_of(t)->catches;
		process_of(child)->shares = t->nr == NR_VFORK;
	}
	return child;
}

/* --- one step of one task ------------------------------------------------------------- */

/* Behind the instruction of a call. */
static uint64_t
ip_of(unsigned depth, int nr)
{
	return 0x400000 + depth * 0x10000 + (uint64_t)nr * 32;
}

/* What stands where a handler's end leads to. */
static uint64_t
ip_back(const struct task *t)
{
	const struct frame *f = &t->frames[t->depth];

	return f->nr ? ip_of(t->depth, f->nr) - (f->restart ? 2 : 0) : 0x300000;
}

/* The calls that an input can choose; what is not possible now is getpid. */
static int
choose_call(const struct task *t)
{
	static const int numbers[] = { NR_OPEN,	  NR_OPEN,   NR_UNLINK,	   NR_GETPID,
				       NR_FORK,	  NR_VFORK,  NR_CLONE,	   NR_CLONE,
				       NR_EXECVE, NR_EXECVE, NR_SECCOMP,   NR_PRCTL,
				       NR_KILL,	  NR_URING,  NR_EXIT,	   NR_EXIT_GROUP,
				       NR_NEW,	  NR_UNLINK, NR_SIGRETURN, NR_SIGRETURN };
	int nr = numbers[world_byte() % ARRAY_SIZE(numbers)];
	bool births = nr == NR_FORK || nr == NR_VFORK || nr == NR_CLONE;

	if (!fuzz_more(w.in) || t->calls > CALLS_MAX)
		return t->depth ? NR_SIGRETURN : NR_EXIT_GROUP;
	/* before its first program it is a launcher, alone */
	if (!w.started)
		return nr == NR_EXIT || nr == NR_EXIT_GROUP ? NR_EXIT_GROUP
		       : nr == NR_OPEN			    ? NR_OPEN
							    : NR_EXECVE;
	if ((births && task_count == WORLD_TASKS) || (nr == NR_SIGRETURN && !t->depth))
		return NR_GETPID;
	return nr;
}

static void
call(struct task *t)
{
	t->nr = choose_call(t);
	t->calls++;
	memset(t->args, 0, sizeof(t->args));
	t->asked = t->followed = t->refused = false;
	if (t->nr == NR_SECCOMP) {
		t->args[0] = SECCOMP_SET_MODE_FILTER;
		t->args[1] = SECCOMP_FILTER_FLAG_TSYNC;
	} else if (t->nr == NR_PRCTL) {
		t->args[0] = 22; /* PR_SET_SECCOMP */
		t->args[1] = SECCOMP_MODE_FILTER;
	} else if (t->nr == NR_CLONE) {
		t->args[0] = 0x10f00; /* CLONE_VM, _FS, _FILES, _SIGHAND, _THREAD */
	}
	t->phase = AT_ENTRY;
	if (t->how == RESUME_SYSCALL)
		stop(t, SYSCALL_STOP);
}

/* The job's own filter comes first; ours traces what is in the table, but for attached ones. */
static void
filter(struct task *t)
{
	bool unknown = t->nr == NR_NEW;

	t->phase = INSIDE;
	if (t->filter && world_byte() % 4 == 0 && t->nr != NR_EXIT_GROUP &&
	    t->nr != NR_SIGRETURN && t->nr != NR_EXIT) {
		t->result = -EPERM - 1000 - w.next_result++ % 1000;
		t->phase = AT_RETURN;
		return;
	}
	if (w.attach || (!is_recorded(t) && !unknown))
		return;
	t->phase = AT_FILTER;
	stop(t, EVENT(PTRACE_EVENT_SECCOMP));
}

static void
finish(struct task *t)
{
	bool seen = t->how == RESUME_SYSCALL;

	t->phase = USER;
	if (seen) {
		t->phase = AT_RETURN;
		stop(t, SYSCALL_STOP);
		return;
	}
	/* every call that is to be recorded is followed to its end, or was told of */
	REQUIRE(!is_recorded(t) || !w.started || w.left ||
		(t->nr == NR_EXECVE && !t->result));
}

static void
succeed_in_exec(struct task *t)
{
	t->state = EXECS;
	for (size_t i = 0; i < task_count; i++)
		if (&tasks[i] != t && tasks[i].tgid == t->tgid && tasks[i].state != GONE)
			die(&tasks[i], KILLED(SIGKILL));
}

static void
make_child(struct task *t)
{
	static const struct {
		int nr, event;
	} events[] = { { NR_FORK, PTRACE_EVENT_FORK },
		       { NR_VFORK, PTRACE_EVENT_VFORK },
		       { NR_CLONE, PTRACE_EVENT_CLONE } };

	if (task_count == WORLD_TASKS) {
		t->result = -EAGAIN;
		t->phase = AT_RETURN;
		return;
	}
	t->child = fork_task(t)->tid;
	t->phase = FORKED;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		if (events[i].nr == t->nr)
			stop(t, EVENT(events[i].event));
}

/* prctl's is for one thread, and we call seccomp for all of them (TSYNC). */
static void
take_filter(struct task *t)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tgid == t->tgid && t->nr == NR_SECCOMP)
			tasks[i].filter = true;
	t->filter = true;
}

/* A signal to any process, itself for one. */
static void
send_any(struct task *t)
{
	static const int signals[] = { SIGUSR1, SIGUSR2, SIGSTOP, SIGTERM,
				       SIGCONT, SIGTSTP, SIGKILL };
	struct task *to = &tasks[world_byte() % task_count];

	if (world_byte() % 2)
		to = t;
	world_kernel.kill(to->tgid, signals[world_byte() % ARRAY_SIZE(signals)]);
	t->result = 0;
}

static void
go_back(struct task *t)
{
	t->depth--;
	t->result = t->frames[t->depth].nr && !t->frames[t->depth].restart ? -EINTR : 0;
}

/* What the call does; its return, if any, comes in a later step. */
static void
act(struct task *t)
{
	t->phase = AT_RETURN;
	t->result = w.next_result++;
	if (t->refused) {
		t->result = -ENOSYS;
		return;
	}
	switch (t->nr) {
	case NR_OPEN:
	case NR_UNLINK:
		if (t->followed && process_of(t)->pending && world_byte() % 2)
			t->result = -512;
		else if (world_byte() % 2)
			t->result = -1000 - w.next_result++ % 3000;
		break;
	case NR_FORK:
	case NR_VFORK:
	case NR_CLONE:
		make_child(t);
		break;
	case NR_EXECVE:
		t->result = -1000 - w.next_result++ % 3000;
		if (world_byte() % 3)
			succeed_in_exec(t);
		break;
	case NR_SECCOMP:
	case NR_PRCTL:
		t->result = 0;
		take_filter(t);
		break;
	case NR_KILL:
		send_any(t);
		break;
	case NR_EXIT:
		die(t, EXITED(world_byte() % 4));
		break;
	case NR_EXIT_GROUP:
		die_with_all(t, EXITED(world_byte() % 4));
		break;
	case NR_SIGRETURN:
		go_back(t);
		break;
	case NR_NEW:
		t->result = -EINVAL;
		break;
	default:
		break;
	}
}

/* The child was told of: a vfork's parent waits for it. */
static void
after_fork(struct task *t)
{
	struct task *child = find(t->child);

	t->result = t->child;
	t->phase = AT_RETURN;
	if (t->nr != NR_VFORK || !child || is_dead(child) || !process_of(child)->shares)
		return;
	t->state = SLEEPS;
	t->waits_for = t->child;
}

/* It takes the leader's id; of an old leader nobody hears any more. */
static void
run_program(struct task *t)
{
	struct task *leader = is_leader(t) ? NULL : find(t->tgid);

	t->former = t->tid;
	t->took_over = leader;
	if (leader) {
		if (leader->stale)
			w.first_due = t->tgid;
		leader->state = GONE;
	}
	t->tid = t->tgid;
	process_of(t)->catches = false;
	release_memory(t);
	t->result = 0;
	t->phase = AT_RETURN;
	stop(t, EVENT(PTRACE_EVENT_EXEC));
}

/* The tracer is told of it. */
static void
tell_program(struct task *t)
{
	pid_t tgid = t->tid;

	if (t->took_over) {
		expect_end_of_call(t->took_over);
		account_of(t->former)->vanished = true;
	}
	/* what it was in itself it was in by its old name */
	t->tid = t->former;
	expect_interrupted(t, EXPECT_CALL);
	t->tid = tgid;
	t->asked = t->followed = false;
	t->depth = 0;
	memset(t->frames, 0, sizeof(t->frames));
	w.started |= tgid == WORLD_ROOT;
	if (!w.left)
		expect(tgid, (struct expected){ .kind = EXPECT_EXEC });
}

static bool
can_run_program(const struct task *t)
{
	for (size_t i = 0; i < task_count; i++) {
		const struct task *o = &tasks[i];

		if (o != t && o->tgid == t->tgid && o->state != GONE &&
		    !(is_leader(o) && o->state == ZOMBIE))
			return false;
	}
	return true;
}

static bool
take_signal(struct task *t)
{
	struct process *p = process_of(t);

	for (int sig = 1; sig < 64; sig++) {
		/* so deep in handlers it has them blocked */
		if (!(p->pending >> sig & 1) ||
		    (t->depth == DEPTH_MAX && world_catches(t->tid, sig)))
			continue;
		p->pending &= ~((uint64_t)1 << sig);
		if (sig == SIGSTOP || sig == SIGTSTP)
			p->continued = false;
		stop(t, SIGNAL_STOP(sig));
		return true;
	}
	return false;
}

/* Stops that are taken on the way to the program's own code. */
static bool
stop_on_the_way(struct task *t)
{
	struct process *p = process_of(t);

	if (!t->born || t->trap || t->notified || (p->group_stop && !t->in_group_stop)) {
		t->in_group_stop = p->group_stop;
		stop(t, p->group_stop ? GROUP_STOP(p->stop_signal) : BIRTH);
		return true;
	}
	return take_signal(t);
}

/* A call that nobody interrupts any more is made again, as it was. */
static bool
call_again(struct task *t)
{
	struct frame *f = &t->frames[t->depth];
	int nr = f->nr;

	if (!nr)
		return false;
	f->nr = 0;
	t->nr = nr;
	t->asked = t->followed = t->refused = false;
	memset(t->args, 0, sizeof(t->args));
	t->phase = AT_ENTRY;
	if (t->how == RESUME_SYSCALL)
		stop(t, SYSCALL_STOP);
	return true;
}

static void
step(struct task *t)
{
	if (t->state == DIES) {
		t->state = ZOMBIE;
		release_memory(t);
		return;
	}
	if (t->state == EXECS) {
		run_program(t);
		return;
	}
	switch (t->phase) {
	case USER:
		if (!stop_on_the_way(t) && !call_again(t))
			call(t);
		break;
	case AT_ENTRY:
		filter(t);
		break;
	case AT_FILTER:
	case INSIDE:
		act(t);
		break;
	case FORKED:
		after_fork(t);
		break;
	case AT_RETURN:
		finish(t);
		break;
	}
}

/* --- what happens to processes from outside ---------------------------------------------- */

static void
send(struct process *p, int sig)
{
	const uint64_t stops = (uint64_t)1 << SIGSTOP | (uint64_t)1 << SIGTSTP;

	if (sig == SIGSTOP || sig == SIGTSTP)
		p->pending &= ~((uint64_t)1 << SIGCONT);
	p->pending |= (uint64_t)1 << sig;
	if (sig != SIGCONT)
		return;
	p->pending &= ~stops;
	p->group_stop = false;
	p->continued = true;
	/* each thread takes notice (prepare_signal(), ptrace_trap_notify()) */
	for (size_t i = 0; i < task_count; i++) {
		struct task *t = &tasks[i];

		if (t->tgid != p->tgid || is_dead(t))
			continue;
		t->notified = true;
		t->in_group_stop = false;
		if (t->state == LISTENS)
			t->state = RUNS;
	}
}

static int
world_kill(pid_t tid, int sig)
{
	struct task *t = tid >= WORLD_FIRST ? find(tid) : NULL;

	if (!t)
		return -ESRCH;
	if (sig == SIGKILL)
		die_with_all(t, KILLED(SIGKILL));
	else if (sig)
		send(process_of(t), sig);
	return 0;
}

/* Somebody else than the job does something; or we do, later. */
static void
interfere(uint8_t what)
{
	static const int signals[] = { SIGKILL, SIGSTOP, SIGCONT, SIGUSR1,
				       SIGUSR2, SIGTERM, SIGTSTP, SIGKILL };
	const struct task *t = &tasks[world_byte() % task_count];

	if (what < 8) {
		world_kill(t->tgid, signals[what]);
	} else if (what < 14) {
		w.strike_in = world_byte() % 16 + 1;
		w.strike_at = t->tgid;
	} else if (what == 14 && w.attach) {
		w.leaving = true;
		loop_leave();
	} else if (!w.attach) {
		ending_kill_all();
	}
}

/* Something may happen to a process at every operation of the tracer's. */
static void
strike(void)
{
	if (w.strike_in && !--w.strike_in)
		world_kill(w.strike_at, SIGKILL);
}

/* --- waiting ----------------------------------------------------------------------------- */

static bool
is_reportable(const struct task *t)
{
	if (t->state == STOPPED)
		return !t->reported;
	return t->state == ZOMBIE && (!is_leader(t) || !living_others(t));
}

static bool
is_movable(const struct task *t)
{
	return t->state == RUNS || t->state == DIES ||
	       (t->state == EXECS && can_run_program(t));
}

static size_t
choose(bool (*is)(const struct task *t), struct task *ret[WORLD_TASKS])
{
	size_t n = 0;

	for (size_t i = 0; i < task_count; i++)
		if (is(&tasks[i]))
			ret[n++] = &tasks[i];
	return n;
}

static void
bury(struct task *t)
{
	expect_end_of_call(t);
	if (w.started && !w.left)
		expect(t->tid,
		       (struct expected){ .kind = EXPECT_EXIT, .result = t->status });
	t->state = GONE;
	if (!is_leader(t))
		return;
	for (size_t i = 0; i < task_count; i++)
		if (processes[number_of(tasks[i].tgid)].ppid == t->tid)
			processes[number_of(tasks[i].tgid)].ppid = 1;
}

static pid_t
report(struct task *t, int *ret_status)
{
	pid_t tid = t->tid;

	w.ticks = 0;
	*ret_status = t->status;
	t->seen = t->status;
	t->reported = true;
	if (t->state == ZOMBIE)
		bury(t);
	else if (t->status == EVENT(PTRACE_EVENT_EXEC))
		tell_program(t);
	return tid;
}

static bool
is_timer_on(void)
{
	return w.every || w.wake_at != UINT64_MAX;
}

static pid_t
tick(void)
{
	w.now = MAX(w.now + TICK_NS, w.every || w.wake_at == UINT64_MAX ? 0 : w.wake_at);
	REQUIRE(++w.ticks < TICKS_MAX);
	return -EINTR;
}

/* Whoever is stopped by a signal is so until somebody else does something about it. */
static bool
wake_stopped(void)
{
	for (size_t i = 0; i < task_count; i++) {
		struct task *t = &tasks[i];

		if (t->state != LISTENS || !process_of(t)->group_stop)
			continue;
		world_kill(t->tgid, world_byte() % 2 ? SIGCONT : SIGKILL);
		return true;
	}
	return false;
}

static pid_t
world_wait(bool block, int *ret_status)
{
	struct task *ready[WORLD_TASKS], *able[WORLD_TASKS];

	world_drain();
	for (;;) {
		size_t r = choose(is_reportable, ready), m = choose(is_movable, able);
		uint8_t b = world_byte();

		if (w.first_due && find(w.first_due)) {
			struct task *t = find(w.first_due);

			w.first_due = 0;
			if (is_reportable(t))
				return report(t, ret_status);
		}
		if (r && (b % 4 || !m))
			return report(ready[b / 4 % r], ret_status);
		if (!block && (!m || b % 8 == 4))
			return 0;
		if (b % 32 == 8 && is_timer_on())
			return tick();
		if (b >= 240 && task_count) {
			interfere(b & 15);
		} else if (m) {
			w.ticks = 0;
			step(able[b / 4 % m]);
		} else if (!world_has_tasks()) {
			return -ECHILD;
		} else if (!wake_stopped()) {
			/* else everybody waits for the tracer, and it for them */
			REQUIRE(is_timer_on());
			return tick();
		}
	}
}

/* --- the other operations ----------------------------------------------------------------- */

/* The task, where it stands at a stop that the tracer knows of; NULL where it is dying. */
static struct task *
standing(pid_t tid)
{
	struct task *t;

	strike();
	t = find(tid);
	if (!t || is_dead(t) || t->state == EXECS)
		return NULL;
	REQUIRE(t->state == STOPPED && t->reported);
	return t;
}

static void
deliver(struct task *t, int sig)
{
	struct process *p = process_of(t);

	if (world_catches(t->tid, sig)) {
		t->frames[t->depth].restart = sig == SIGUSR1;
		t->frames[++t->depth] = (struct frame){ 0 };
	} else if (sig == SIGSTOP || sig == SIGTSTP) {
		if (p->continued || p->group_stop)
			return;
		p->group_stop = true;
		p->stop_signal = sig;
		for (size_t i = 0; i < task_count; i++)
			if (tasks[i].tgid == p->tgid)
				tasks[i].in_group_stop = false;
	} else if (sig != SIGCONT) {
		die_with_all(t, KILLED(sig));
	}
}

/* Every signal that was about to be delivered is handed on, and no other. */
static void
check_signal(const struct task *t, int sig)
{
	bool signal_stop = t->status >> 16 == 0 && t->status != SYSCALL_STOP;

	REQUIRE(sig == (signal_stop ? t->status >> 8 : 0));
}

static int
world_resume(pid_t tid, enum resume how, int sig)
{
	struct task *t = standing(tid);

	if (!t)
		return -ESRCH;
	check_signal(t, sig);
	if (how == RESUME_LISTEN) {
		REQUIRE(t->status >> 16 == PTRACE_EVENT_STOP);
		t->state = t->notified || t->trap ? RUNS : LISTENS;
		return 0;
	}
	/* of a stopped process nobody runs on */
	REQUIRE(t->status >> 16 != PTRACE_EVENT_STOP || t->status == BIRTH);
	t->state = RUNS;
	t->how = how;
	if (t->phase == AT_RETURN && t->status == SYSCALL_STOP)
		t->phase = USER;
	if (t->asked && (t->phase == AT_ENTRY || t->phase == AT_FILTER) && is_recorded(t))
		t->followed = w.started || t->nr == NR_EXECVE;
	if (sig)
		deliver(t, sig);
	return 0;
}

/* The call has returned, and the tracer learns how. */
static void
tell_return(struct task *t)
{
	struct frame *f = &t->frames[t->depth];

	if (t->followed && t->result == -512) {
		*f = (struct frame){ t->nr, true };
	} else if (t->followed) {
		expect_call(t->tid, t->nr, EXPECT_CALL, t->result);
	} else if (t->nr == NR_SIGRETURN && f->nr && !f->restart) {
		expect_call(t->tid, f->nr, EXPECT_CALL, -EINTR);
		f->nr = 0;
	}
	t->followed = t->asked = false;
}

static int
world_syscall(pid_t tid, struct syscall_stop *ret)
{
	struct task *t = standing(tid);
	bool seccomp;

	if (!t)
		return -ESRCH;
	seccomp = t->status == EVENT(PTRACE_EVENT_SECCOMP);
	memset(ret, 0, sizeof(*ret));
	/* whoever stood there is gone, and another has its id and another stop */
	if (!seccomp && t->status != SYSCALL_STOP) {
		ret->op = PTRACE_SYSCALL_INFO_NONE;
		return 0;
	}
	ret->arch = AUDIT_ARCH_X86_64;
	ret->sp = 0x7000000 - t->depth * 0x1000;
	ret->ip = ip_of(t->depth, t->nr);
	ret->nr = (uint64_t)t->nr;
	memcpy(ret->args, t->args, sizeof(ret->args));
	if (seccomp || t->phase == AT_ENTRY) {
		ret->op =
			seccomp ? PTRACE_SYSCALL_INFO_SECCOMP : PTRACE_SYSCALL_INFO_ENTRY;
		t->asked = true;
		return 0;
	}
	ret->op = PTRACE_SYSCALL_INFO_EXIT;
	ret->result = t->result;
	if (t->nr == NR_SIGRETURN)
		ret->ip = ip_back(t);
	tell_return(t);
	return 0;
}

static int
world_message(pid_t tid, unsigned long *ret)
{
	struct task *t;

	strike();
	t = find(tid);
	/* then nobody can tell whose exec it was */
	if (t && is_dead(t) && t->seen == EVENT(PTRACE_EVENT_EXEC))
		account_of(t->former)->fuzzy = account_of(tid)->fuzzy = true;
	t = standing(tid);
	if (!t)
		return -ESRCH;
	if (t->status == EVENT(PTRACE_EVENT_SECCOMP)) {
		*ret = FILTER_TRACE_DATA;
	} else if (t->status == EVENT(PTRACE_EVENT_EXEC)) {
		*ret = (unsigned long)t->former;
	} else {
		*ret = (unsigned long)t->child;
		account_of(t->child)->announced = true;
	}
	return 0;
}

static int
world_refuse(pid_t tid)
{
	struct task *t = standing(tid);

	if (t)
		t->refused = true;
	return t ? 0 : -ESRCH;
}

static int
world_answer(pid_t tid, int64_t result)
{
	(void)result;
	return world_refuse(tid);
}

static int
world_set_arg(pid_t tid, bool i386, uint64_t value)
{
	(void)i386;
	(void)value;
	return standing(tid) ? 0 : -ESRCH;
}

static int
world_interrupt(pid_t tid)
{
	struct task *t;

	strike();
	t = find(tid);
	if (!t)
		return -ESRCH;
	/* also of somebody who is dying, as long as nobody has waited for him */
	if (is_dead(t))
		return 0;
	t->trap = true;
	if (t->state == LISTENS)
		t->state = RUNS;
	return 0;
}

/* Nobody of this job traces another one. */
static long
world_request(int request, pid_t tid, uint64_t addr, void *data)
{
	(void)request;
	(void)tid;
	(void)addr;
	(void)data;
	return -EIO;
}

static int
world_signal(pid_t tgid, pid_t tid, int signal)
{
	return world_tgid(tid) == tgid ? world_kill(tgid, signal) : -ESRCH;
}

static bool
world_is_fault(pid_t tid)
{
	(void)tid;
	return false;
}

/* We leave; from now on nothing is recorded any more. */
static void
leave(void)
{
	if (w.left)
		return;
	for (size_t i = 0; i < task_count; i++) {
		struct task *t = &tasks[i];

		if (t->state == GONE)
			continue;
		expect_interrupted(t, EXPECT_UNFINISHED);
		expect_end_of_call(t);
		expect(t->tid, (struct expected){ .kind = EXPECT_DETACH });
	}
	w.left = true;
}

static int
world_detach(pid_t tid, int sig)
{
	struct task *t;

	REQUIRE(w.attach && w.leaving);
	leave();
	t = standing(tid);
	if (!t)
		return -ESRCH;
	check_signal(t, sig);
	t->state = GONE;
	return 0;
}

static void
world_interrupt_every(unsigned milliseconds)
{
	w.every = milliseconds;
}

static uint64_t
world_now(void)
{
	return w.now += 1000;
}

static void
world_wake_at(uint64_t ns)
{
	w.wake_at = ns;
}

static void
world_stop_self(int sig, pid_t command)
{
	(void)sig;
	if (world_byte() % 2)
		world_kill(command, SIGCONT);
}

const struct kernel world_kernel = {
	.wait = world_wait,
	.resume = world_resume,
	.syscall = world_syscall,
	.message = world_message,
	.refuse = world_refuse,
	.answer = world_answer,
	.set_arg = world_set_arg,
	.interrupt = world_interrupt,
	.is_fault = world_is_fault,
	.detach = world_detach,
	.kill = world_kill,
	.request = world_request,
	.signal = world_signal,
	.interrupt_every = world_interrupt_every,
	.now = world_now,
	.wake_at = world_wake_at,
	.stop_self = world_stop_self,
};

/* --- beginning and end ---------------------------------------------------------------------- */

static void
begin_attached(const struct world_setup *setup)
{
	for (unsigned p = 0; p < setup->processes; p++) {
		pid_t tgid = add_process(p ? WORLD_ROOT : 1)->tgid;

		for (unsigned i = 0; i < setup->threads; i++)
			add_task(tgid);
		processes[number_of(tgid)].catches = p % 2;
	}
	w.started = true;
}

void
world_begin(struct fuzz_in *in, const struct world_setup *setup)
{
	memset(&w, 0, sizeof(w));
	memset(accounts, 0, sizeof(accounts));
	task_count = 0;
	w.in = in;
	w.attach = setup->attach;
	w.wake_at = UINT64_MAX;
	w.next_result = 5000;
	if (setup->attach)
		begin_attached(setup);
	else
		add_process(1);
	for (size_t i = 0; i < task_count; i++)
		tasks[i].born = true;
}

void
world_end(void)
{
	if (!world_has_tasks())
		return;
	/* whoever could not be stopped in time is let go by our own end */
	REQUIRE(w.attach && w.leaving);
	leave();
}

const struct account *
world_account(size_t i)
{
	return &accounts[i];
}

bool
world_has_tasks(void)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].state != GONE)
			return true;
	return false;
}

pid_t
world_tgid(pid_t tid)
{
	const struct task *t = find(tid);

	return t ? t->tgid : 0;
}

pid_t
world_ppid(pid_t tid)
{
	const struct task *t = find(tid);

	return t ? process_of(t)->ppid : 0;
}

char
world_state(pid_t tid)
{
	static const char letters[] = {
		[GONE] = 0,	[RUNS] = 'R',  [STOPPED] = 't', [LISTENS] = 't',
		[SLEEPS] = 'D', [EXECS] = 'D', [DIES] = 'R',	[ZOMBIE] = 'Z'
	};
	const struct task *t = find(tid);

	return t ? letters[t->state] : 0;
}

bool
world_catches(pid_t tid, int signal)
{
	const struct task *t = find(tid);

	return t && process_of(t)->catches && (signal == SIGUSR1 || signal == SIGUSR2);
}

bool
world_has_ended(pid_t tgid)
{
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].tgid == tgid && tasks[i].state != GONE &&
		    tasks[i].state != ZOMBIE)
			return false;
	return true;
}

bool
world_shares(pid_t a, pid_t b)
{
	const struct task *x = find(a), *y = find(b);

	return x && y &&
	       (x->tgid == y->tgid || process_of(x)->shares || process_of(y)->shares);
}
