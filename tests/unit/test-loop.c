/* SPDX-License-Identifier: MIT */
/*
 * The loop behind a made-up kernel: scripts of stops in, records and resumptions
 * out.  Task ids are above every pid there can be, so nobody real is asked.  One piece:
 * the made-up kernel is most of it, and every script runs on it.
 */
#include "stops.h"
#include "unit.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "model/record.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include "trace/attach.h"
#include "trace/filter.h"
#include "trace/kernel.h"
#include "trace/loop.h"
#include "trace/proc.h"
#include "trace/stop.h"
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>

#include <linux/ptrace.h>

#define ROOT 4100001
#define CHILD 4100002
#define OTHER 4100003
#define FOURTH 4100004

/* a SYSCALL_STOP; the made-up kernel calls it an entry when a number stands behind it */
#define RT_SIGRETURN 15
#define LEAVE 1 /* of nobody: we are told to leave */

struct step {
	pid_t tid;
	int status;
	unsigned long message; /* or the syscall's number */
	int64_t result;
};

/* The result of a sigreturn that goes back to the instruction of the call itself. */
#define BACK_AT_CALL INT64_MAX

static const struct step *script;
static size_t script_len, script_at;
static struct buf done; /* what the loop did */

static pid_t
fake_wait(bool block, int *ret_status)
{
	(void)block;
	/* one stop at a time: between two batches everything must be settled */
	if (!block)
		return 0;
	if (script_at == script_len)
		return -ECHILD;
	if (!script[script_at].tid) {
		if (script[script_at].status == LEAVE)
			loop_leave();
		script_at++;
		return -EINTR;
	}
	*ret_status = script[script_at].status;
	return script[script_at++].tid;
}

static const struct step *
current(void)
{
	return &script[script_at - 1];
}

static int
fake_resume(pid_t tid, enum resume how, int sig)
{
	static const char *const words[] = { "cont", "syscall", "listen" };

	buf_printf(&done, "%s %d", words[how], tid - ROOT);
	if (sig)
		buf_printf(&done, " signal %d", sig);
	buf_addc(&done, '\n');
	return 0;
}

static int
fake_syscall(pid_t tid, struct syscall_stop *ret)
{
	bool seccomp = current()->status == EVENT(PTRACE_EVENT_SECCOMP);
	bool entry = current()->message;

	(void)tid;
	memset(ret, 0, sizeof(*ret));
	ret->op = seccomp ? PTRACE_SYSCALL_INFO_SECCOMP
		  : entry ? PTRACE_SYSCALL_INFO_ENTRY
			  : PTRACE_SYSCALL_INFO_EXIT;
	ret->arch = AUDIT_ARCH_X86_64;
	ret->nr = current()->message;
	ret->result = current()->result;
	ret->sp = 0x1000;
	ret->ip = current()->result == BACK_AT_CALL ? 0x400000 - 2 : 0x400000;
	return 0;
}

static int
fake_message(pid_t tid, unsigned long *ret)
{
	(void)tid;
	*ret = current()->status == EVENT(PTRACE_EVENT_SECCOMP) ? FILTER_TRACE_DATA
								: current()->message;
	return 0;
}

static int
fake_refuse(pid_t tid)
{
	buf_printf(&done, "refuse %d\n", tid - ROOT);
	return 0;
}

static int
fake_answer(pid_t tid, int64_t answer)
{
	buf_printf(&done, "answer %d %d\n", tid - ROOT, (int)answer);
	return 0;
}

static int
fake_set_arg(pid_t tid, bool i386, uint64_t value)
{
	(void)i386;
	buf_printf(&done, "set %d %#x\n", tid - ROOT, (unsigned)value);
	return 0;
}

static int
fake_interrupt(pid_t tid)
{
	buf_printf(&done, "interrupt %d\n", tid - ROOT);
	return 0;
}

static bool
fake_is_fault(pid_t tid)
{
	(void)tid;
	return true;
}

static int
fake_detach(pid_t tid, int sig)
{
	buf_printf(&done, "detach %d", tid - ROOT);
	if (sig)
		buf_printf(&done, " signal %d", sig);
	buf_addc(&done, '\n');
	return 0;
}

static int
fake_kill(pid_t tgid, int sig)
{
	(void)tgid;
	(void)sig;
	return 0;
}

static void
fake_interrupt_every(unsigned milliseconds)
{
	(void)milliseconds;
}

static uint64_t
fake_now(void)
{
	return 0;
}

static void
fake_wake_at(uint64_t ns)
{
	(void)ns;
}

static void
fake_stop_self(int sig, pid_t command)
{
	(void)command;
	buf_printf(&done, "stop self %d\n", sig);
}

static const struct kernel fake = {
	.wait = fake_wait,
	.resume = fake_resume,
	.syscall = fake_syscall,
	.message = fake_message,
	.refuse = fake_refuse,
	.answer = fake_answer,
	.set_arg = fake_set_arg,
	.interrupt = fake_interrupt,
	.is_fault = fake_is_fault,
	.detach = fake_detach,
	.kill = fake_kill,
	.interrupt_every = fake_interrupt_every,
	.now = fake_now,
	.wake_at = fake_wake_at,
	.stop_self = fake_stop_self,
};

/* The records of a run, one line each. */
static const char *
records(struct ring *ring)
{
	static const char *const words[] = { "?",    "call",   "start", "fork",
					     "exec", "exit",   "place", "descriptor",
					     "gap",  "attach", "detach" };
	static struct buf out;
	struct record *r = calloc(1, RECORD_MAX);
	size_t size;

	buf_reset(&out);
	while (ring_read(ring, r, &size) == RING_OK) {
		buf_printf(&out, "%s %d", words[r->kind], r->tid - ROOT);
		if (r->kind == RECORD_CALL)
			buf_printf(&out, " %s", syscall_rows[r->row].name);
		if (r->kind == RECORD_CALL && r->flags & CALL_UNFINISHED)
			buf_adds(&out, " unfinished");
		else if (r->kind == RECORD_CALL)
			buf_printf(&out, " %d", (int)r->result);
		if (r->kind == RECORD_GAP)
			buf_printf(&out, " %.*s", record_field(r, FIELD_PATH)->len,
				   record_field(r, FIELD_PATH)->bytes);
		if (r->kind == RECORD_FORK)
			buf_printf(&out, " %d", (int)r->args[0] - ROOT);
		if (r->kind == RECORD_EXIT)
			buf_printf(&out, " %d", (int)r->result);
		buf_addc(&out, '\n');
	}
	free(r);
	return buf_str(&out);
}

static struct loop_result result;
static const struct loop_config launched = { .classes = CLASS_ALL,
					     .mark = FILTER_TRACE_DATA };

static const char *
run(const struct loop_config *config, const struct step *steps, size_t len)
{
	struct ring *ring = ring_new(0);
	const char *out;

	proc_open();
	script = steps;
	script_len = len;
	script_at = 0;
	buf_reset(&done);
	loop_run(&fake, ring, config, ROOT, &result);
	out = records(ring);
	ring_free(ring);
	return out;
}

#define RUN(steps) run(&launched, steps, ARRAY_SIZE(steps))

#define START                                           \
	{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 59, 0 },   \
	{                                               \
		ROOT, EVENT(PTRACE_EVENT_EXEC), ROOT, 0 \
	}

/* B7: it would make every exit slower, and does not come before each SIGKILL. */
TEST(ends_are_no_stops)
{
	CHECK(!(kernel_options(true) & PTRACE_O_TRACEEXIT));
	CHECK(!(kernel_options(false) & PTRACE_O_TRACEEXIT));
}

TEST(kinds_of_stops)
{
	CHECK_INT(stop_kind(EXITED(3)), STOP_END);
	CHECK_INT(stop_kind(KILLED(9)), STOP_END);
	CHECK_INT(stop_kind(EVENT(PTRACE_EVENT_SECCOMP)), STOP_SECCOMP);
	CHECK_INT(stop_kind(SYSCALL_STOP), STOP_SYSCALL);
	CHECK_INT(stop_kind(SIGNAL_STOP(SIGTRAP)), STOP_SIGNAL);
	CHECK_INT(stop_kind(SIGNAL_STOP(SIGSTOP)), STOP_SIGNAL);
	CHECK_INT(stop_kind(GROUP_STOP(SIGSTOP)), STOP_GROUP);
	CHECK_INT(stop_kind(GROUP_STOP(SIGTTIN)), STOP_GROUP);
	CHECK_INT(stop_kind(BIRTH), STOP_BIRTH);
	CHECK_INT(stop_kind(EVENT(PTRACE_EVENT_FORK)), STOP_FORK);
	CHECK_INT(stop_kind(EVENT(PTRACE_EVENT_VFORK)), STOP_FORK);
	CHECK_INT(stop_kind(EVENT(PTRACE_EVENT_CLONE)), STOP_FORK);
	CHECK_INT(stop_kind(EVENT(PTRACE_EVENT_EXEC)), STOP_EXEC);
}

TEST(a_command_from_start_to_end)
{
	static const struct step steps[] = {
		/* the launcher's own search through PATH is nobody's business */
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 59, 0 },
		{ ROOT, SYSCALL_STOP, 0, -ENOENT },
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2 /* open */, 0 },
		{ ROOT, SYSCALL_STOP, 0, 3 },
		{ ROOT, EXITED(5), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ncall 0 open 3\nexit 0 1280\n");
	CHECK_STR(buf_str(&done),
		  "syscall 0\ncont 0\nsyscall 0\ncont 0\nsyscall 0\ncont 0\n");
	CHECK(result.started && result.status_known);
	CHECK_INT(result.status, EXITED(5));
}

TEST(a_command_that_never_ran)
{
	static const struct step steps[] = {
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 59, 0 },
		{ ROOT, SYSCALL_STOP, 0, -ENOENT },
		{ ROOT, EXITED(127), 0, 0 },
	};

	CHECK_STR(RUN(steps), "");
	CHECK(!result.started);
}

TEST(a_child_waits_until_its_birth_is_told)
{
	static const struct step steps[] = {
		START,
		{ CHILD, BIRTH, 0, 0 },
		{ ROOT, EVENT(PTRACE_EVENT_FORK), CHILD, 0 },
		{ CHILD, EXITED(0), 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\nfork 0 1\nexit 1 0\nexit 0 0\n");
	CHECK_STR(buf_str(&done), "syscall 0\ncont 0\ncont 1\ncont 0\n");
}

TEST(a_child_whose_birth_was_told_runs_at_once)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_VFORK), CHILD, 0 },
		{ CHILD, BIRTH, 0, 0 },
		{ CHILD, EXITED(0), 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\nfork 0 1\nexit 1 0\nexit 0 0\n");
	CHECK_STR(buf_str(&done), "syscall 0\ncont 0\ncont 0\ncont 1\n");
}

/* Its parent is killed before it can say whose child it is. */
/* Killed at once: then it is over, with the status that was told before. */
TEST(a_child_that_ended_before_its_birth_was_told)
{
	static const struct step steps[] = {
		START,
		{ CHILD, KILLED(9), 0, 0 },
		{ ROOT, EVENT(PTRACE_EVENT_FORK), CHILD, 0 },
		/* its number is another's */
		{ ROOT, EVENT(PTRACE_EVENT_FORK), CHILD, 0 },
		{ CHILD, BIRTH, 0, 0 },
		{ CHILD, EXITED(0), 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\nfork 0 1\nexit 1 9\nfork 0 1\nexit 1 0\n"
			      "exit 0 0\n");
}

TEST(an_orphan_is_adopted)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_FORK), CHILD, 0 },
		{ CHILD, BIRTH, 0, 0 },
		{ OTHER, BIRTH, 0, 0 },
		{ CHILD, KILLED(SIGKILL), 0, 0 },
		{ 0, 0, 0, 0 }, /* nothing more comes */
	};

	CHECK_STR(RUN(steps),
		  "start 0\nexec 0\nfork 0 1\nexit 1 9\nfork 0 2\nexit 0 0\nexit 2 0\n");
	CHECK(strstr(buf_str(&done), "cont 2\n"));
}

TEST(signals_are_handed_on_once)
{
	static const struct step steps[] = {
		START,
		{ ROOT, SIGNAL_STOP(SIGUSR1), 0, 0 },
		{ ROOT, SIGNAL_STOP(SIGTRAP), 0, 0 },
		{ ROOT, KILLED(SIGUSR1), 0, 0 },
	};

	RUN(steps);
	CHECK_STR(buf_str(&done),
		  "syscall 0\ncont 0\ncont 0 signal 10\ncont 0 signal 5\n");
	CHECK_INT(result.status, SIGUSR1);
}

TEST(a_stopped_command_stays_stopped)
{
	static const struct step steps[] = {
		START,
		{ ROOT, SIGNAL_STOP(SIGTSTP), 0, 0 },
		{ ROOT, GROUP_STOP(SIGTSTP), 0, 0 },
		{ ROOT, BIRTH, 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	RUN(steps);
	CHECK_STR(buf_str(&done), "syscall 0\ncont 0\ncont 0 signal 20\nlisten 0\n"
				  "stop self 20\ncont 0\n");
}

/* The kernel makes an interrupted call again: that is one call. */
TEST(a_restarted_call_is_one_call)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, -512 },
		{ ROOT, SIGNAL_STOP(SIGALRM), 0, 0 },
		/* the handler returns to the call itself */
		{ ROOT, SYSCALL_STOP, RT_SIGRETURN, 0 },
		{ ROOT, SYSCALL_STOP, 0, BACK_AT_CALL },
		{ ROOT, SYSCALL_STOP, 2, 0 },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, 4 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ncall 0 open 4\nexit 0 0\n");
}

/* A number that no table has is a gap once, and only where the kernel knows it. */
TEST(a_call_that_is_newer_than_the_table)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 480, 0 },
		{ ROOT, SYSCALL_STOP, 0, -ENOSYS },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 480, 0 },
		{ ROOT, SYSCALL_STOP, 0, -EINVAL },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 480, 0 },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 481, 0 },
		{ ROOT, SYSCALL_STOP, 0, 3 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ngap 0 unknown syscall 480 (x86_64)\n"
			      "gap 0 unknown syscall 481 (x86_64)\nexit 0 0\n");
	CHECK_STR(buf_str(&done), "syscall 0\ncont 0\nsyscall 0\ncont 0\nsyscall 0\n"
				  "cont 0\ncont 0\nsyscall 0\ncont 0\n");
}

/* A program that calls again by itself, because it got EINTR, makes two calls. */
TEST(a_call_made_again_by_the_program_is_another)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, -512 },
		{ ROOT, SIGNAL_STOP(SIGALRM), 0, 0 },
		{ ROOT, SYSCALL_STOP, RT_SIGRETURN, 0 },
		{ ROOT, SYSCALL_STOP, 0, -EINTR },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, 4 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps),
		  "start 0\nexec 0\ncall 0 open -4\ncall 0 open 4\nexit 0 0\n");
}

/* Once a filter of its own is installed, every call stops, at its entry. */
TEST(a_filter_of_the_jobs_own)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 157 /* prctl */, 0 },
		{ ROOT, SYSCALL_STOP, 0, 0 },
		{ ROOT, SYSCALL_STOP, 39 /* getpid: of no interest */, 0 },
		{ ROOT, SYSCALL_STOP, 0, 7 },
		{ ROOT, SYSCALL_STOP, 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, -EPERM },
		{ ROOT, EVENT(PTRACE_EVENT_FORK), CHILD, 0 },
		{ CHILD, BIRTH, 0, 0 },
		{ CHILD, SYSCALL_STOP, 2, 0 },
		{ CHILD, SYSCALL_STOP, 0, 5 },
		{ CHILD, EXITED(0), 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps),
		  "start 0\nexec 0\ncall 0 prctl 0\ncall 0 open -1\nfork 0 1\n"
		  "call 1 open 5\nexit 1 0\nexit 0 0\n");
	CHECK(!strstr(buf_str(&done), "cont 1"));
}

TEST(an_io_uring_is_refused)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 425, 0 },
		{ ROOT, SYSCALL_STOP, 0, -ENOSYS },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ncall 0 io_uring_setup -38\nexit 0 0\n");
	CHECK(strstr(buf_str(&done), "refuse 0\nsyscall 0\n"));
}

TEST(an_interrupted_call_that_is_not_restarted)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, SYSCALL_STOP, 0, -512 },
		{ ROOT, SIGNAL_STOP(SIGALRM), 0, 0 },
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 87 /* unlink */, 0 },
		{ ROOT, SYSCALL_STOP, 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps),
		  "start 0\nexec 0\ncall 0 open -4\ncall 0 unlink 0\nexit 0 0\n");
}

TEST(a_call_that_is_killed)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 2, 0 },
		{ ROOT, KILLED(SIGKILL), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ncall 0 open unfinished\nexit 0 9\n");
}

/* A child that an old program image left us: never seized, none of ours. */
TEST(a_strangers_end_is_ignored)
{
	static const struct step steps[] = {
		START,
		{ OTHER, EXITED(0), 0, 0 },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\nexit 0 0\n");
}

TEST(an_exec_that_fails_is_a_call)
{
	static const struct step steps[] = {
		START,
		{ ROOT, EVENT(PTRACE_EVENT_SECCOMP), 59, 0 },
		{ ROOT, SYSCALL_STOP, 0, -ENOENT },
		{ ROOT, EXITED(0), 0, 0 },
	};

	CHECK_STR(RUN(steps), "start 0\nexec 0\ncall 0 execve -2\nexit 0 0\n");
}

/*
 * Four processes that ran already.  When we leave one comes back from a call that it
 * was in, one is stopped, one is about to get a signal, and one begins a call of the
 * table, which is waited for.  Each is left just so.
 */
TEST(whoever_is_left_goes_on_from_where_he_stands)
{
	static struct seized tasks[] = { { ROOT, ROOT, 1 },
					 { CHILD, CHILD, 1 },
					 { OTHER, OTHER, 1 },
					 { FOURTH, FOURTH, 1 } };
	static const struct attach attach = { .tasks = tasks,
					      .count = ARRAY_SIZE(tasks) };
	static const struct loop_config attached = { .classes = CLASS_ALL,
						     .attach = &attach };
	static const struct step steps[] = {
		{ ROOT, BIRTH, 0, 0 },
		{ CHILD, GROUP_STOP(SIGSTOP), 0, 0 },
		{ OTHER, BIRTH, 0, 0 },
		{ FOURTH, BIRTH, 0, 0 },
		/* now all were stopped: the record begins */
		{ ROOT, SYSCALL_STOP, 2 /* open */, 0 },
		{ OTHER, SYSCALL_STOP, 39 /* getpid */, 0 },
		{ 0, LEAVE, 0, 0 },
		{ CHILD, GROUP_STOP(SIGSTOP), 0, 0 },
		{ OTHER, SIGNAL_STOP(SIGUSR1), 0, 0 },
		{ ROOT, SYSCALL_STOP, 0, 3 },
		{ FOURTH, SYSCALL_STOP, 87 /* unlink */, 0 },
		{ FOURTH, SYSCALL_STOP, 0, 0 },
	};

	CHECK_STR(run(&attached, steps, ARRAY_SIZE(steps)),
		  "attach 0\nattach 1\nattach 2\nattach 3\n"
		  "call 0 open 3\ncall 3 unlink 0\n"
		  "detach 0\ndetach 1\ndetach 2\ndetach 3\n");
	CHECK_STR(buf_str(&done),
		  "interrupt 0\ninterrupt 1\ninterrupt 2\ninterrupt 3\n"
		  "syscall 0\nlisten 1\nsyscall 2\nsyscall 3\nsyscall 0\nsyscall 2\n"
		  "interrupt 0\ninterrupt 1\ninterrupt 2\ninterrupt 3\nsyscall 3\n"
		  "detach 0\ndetach 1\ndetach 2 signal 10\ndetach 3\n");
	CHECK(!result.status_known);
}
