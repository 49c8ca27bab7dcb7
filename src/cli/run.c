/* SPDX-License-Identifier: MIT */
#include "cli/run.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/duration.h"
#include "base/msg.h"
#include "cli/endings.h"
#include "cli/left.h"
#include "cli/options.h"
#include "cli/outputs.h"
#include "cli/pids.h"
#include "cli/signals.h"
#include "model/event.h"
#include "model/hub.h"
#include "model/model.h"
#include "model/reader.h"
#include "model/ring.h"
#include "model/selection.h"
#include "recorder/workshop.h"
#include "sink/summary.h"
#include "trace/attach.h"
#include "trace/ending.h"
#include "trace/filter.h"
#include "trace/kernel.h"
#include "trace/launch.h"
#include "trace/loop.h"
#include "trace/privilege.h"
#include "trace/proc.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Everything that a run needs, from its start to its last word. */
struct session {
	const struct options *options;
	struct run run;
	struct buf cwd;
	char *base; /* what names in dependency files are relative to; from malloc */
	struct filter filter;
	struct outputs outputs;
	struct hub *hub;
	struct workshop
		workshop; /* the fast one; its region is zero when it is not used */
	bool fast;
	bool nested;	    /* another whatfiles traces us */
	uint16_t mark;	    /* of our filter's stops */
	struct ring *ring;  /* where records go */
	struct ring *spare; /* where they go when the job has spoiled that one */
	struct model *model;
	struct reader *reader;
	struct launch launch;
	struct attach attach; /* instead of it, with --pid */
	struct loop_result result;
	struct outcome outcome;
};

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* PTRACE_GET_SYSCALL_INFO, without which a 32-bit call cannot be told, came with 5.3. */
static void
check_kernel(void)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return;
	if (major < 5 || (major == 5 && minor < 3))
		msg_die(STATUS_OURS, "Linux %s is too old: whatfiles needs 5.3 or newer",
			name.release);
}

/* What names in dependency files are relative to: as the kernel would call it. */
static struct span
depend_base(struct session *s)
{
	const struct options *o = s->options;

	if (o->absolute)
		return (struct span){ NULL, 0 };
	if (!o->relative_to)
		return (struct span){ buf_str(&s->cwd), s->cwd.len };
	s->base = realpath(o->relative_to, NULL);
	if (!s->base)
		msg_die(STATUS_USAGE, "--relative-to: %s:", o->relative_to);
	return (struct span){ s->base, strlen(s->base) };
}

static void
describe_run(struct session *s)
{
	const struct options *o = s->options;

	/* not getcwd(3): a directory that was deleted is no reason to refuse */
	proc_link(getpid(), "cwd", &s->cwd);
	s->run = (struct run){
		.version = WHATFILES_VERSION,
		.argv = o->command,
		.cwd = { buf_str(&s->cwd), s->cwd.len },
		.wall_ns = clock_ns(CLOCK_REALTIME),
		.pid = getpid(),
		.pids = o->pids,
		.pid_count = o->pid_count,
		.engine = s->fast ? "fast" : "strict",
		.classes = o->classes | CLASS_PROCESS,
		.all = o->all,
		.selected = o->selection,
		.detach = o->detach,
		.failed = o->failed,
		.probes = o->probes,
		.targets = o->targets,
		.depend_base = depend_base(s),
		.depend_system = o->system_files,
	};
}

/* The fast engine where it was not ruled out and can be had here. */
static void
choose_engine(struct session *s)
{
	const struct options *o = s->options;
	int r;

	if (o->resolve && strcmp(o->engine, "fast") == 0)
		msg_die(STATUS_USAGE, "--resolve looks at each file during a stop: "
				      "use --engine=strict with it");
	/* its filter trusts the same addresses, and would take our recorder for its own */
	s->nested = proc_tracer(getpid()) && proc_is_filtered(getpid());
	if (s->nested && strcmp(o->engine, "fast") == 0)
		msg_die(STATUS_OURS,
			"the fast engine cannot be used below another whatfiles");
	if (s->nested || o->resolve || strcmp(o->engine, "strict") == 0)
		return;
	r = workshop_open(&s->workshop, o->ring_bytes, o->classes | CLASS_PROCESS);
	s->fast = r == 0;
	errno = -r;
	if (s->fast)
		return;
	if (strcmp(o->engine, "fast") == 0)
		msg_die(STATUS_OURS, "the fast engine cannot be used here%s:",
			r == -E2BIG ? ", with such a ring" : "");
	if (r == -E2BIG)
		msg_warn(
			"with a ring of more than 128 MiB calls are seen by stops, which is "
			"slow; a smaller --ring-size is faster");
	msg_debug("the fast engine cannot be used here: %s", strerror(-r));
}

static void
make_rings(struct session *s)
{
	struct ring *own = ring_new(s->options->ring_bytes);

	if (!own)
		msg_die(STATUS_OURS,
			"no memory for the ring; try a smaller --ring-size:");
	s->ring = s->fast ? s->workshop.region.ring : own;
	s->spare = s->fast ? own : NULL;
}

static void
build_filter(struct session *s)
{
	uint64_t trusted[REGION_TRUSTED];
	int r;

	region_trusted(trusted);
	r = filter_build(s->options->classes, trusted, s->fast ? REGION_TRUSTED : 0,
			 &s->filter);
	errno = -r;
	if (r < 0)
		msg_die(STATUS_OURS, "cannot build the filter:");
	s->mark = FILTER_TRACE_DATA;
	if (s->nested) {
		s->mark ^= (uint16_t)getpid();
		filter_mark(&s->filter, s->mark);
	}
}

static void
prepare(struct session *s)
{
	int r;

	check_kernel();
	r = proc_open();
	errno = -r;
	if (r < 0)
		msg_die(STATUS_OURS, "/proc is needed and cannot be opened:");
	if (s->options->pid_count)
		pids_check(s->options);
	else
		choose_engine(s);
	make_rings(s);
	if (!s->options->pid_count)
		build_filter(s);
	describe_run(s);
	s->hub = hub_new();
	outputs_open(&s->outputs, s->options, s->hub);
	if (s->options->selection)
		selection_start(s->options->selection, s->run.cwd.bytes, s->run.cwd.len);
	hub_select(s->hub, s->options->selection);
	if (s->options->summary)
		hub_add(s->hub, summary_sink.make(STDERR_FILENO, NULL), "the summary");
}

/* What can be done about a refusal, by who refused. */
static const char *
hint(enum launch_stage stage, int error)
{
	if (stage == LAUNCH_SEIZE)
		return "ptrace is refused here: another tracer (strace, gdb) follows us, or "
		       "the container forbids it (docker: --cap-add=SYS_PTRACE)";
	if (error == EINVAL || error == ENOSYS)
		return "this kernel was built without seccomp filters "
		       "(CONFIG_SECCOMP_FILTER)";
	return "seccomp filters are refused here: the container forbids them "
	       "(docker: --security-opt seccomp=unconfined)";
}

/* The command never ran: says why, and leaves no empty log behind. */
static int
not_started(struct session *s, enum launch_stage stage, int error)
{
	const char *command = s->options->command[0];

	if (s->model)
		model_end(s->model, clock_ns(CLOCK_MONOTONIC), 0, false, &s->outcome);
	outputs_discard(&s->outputs, s->options);
	errno = error;
	if (stage == LAUNCH_EXEC) {
		msg_warn("cannot run %s:",
			 *command ? command : "a command without a name");
		return error == ENOENT ? STATUS_NOT_FOUND : STATUS_NOT_RUNNABLE;
	}
	if (stage)
		msg_warn("%s: %s", hint(stage, error), strerror(error));
	else
		msg_warn("cannot start %s:", command);
	return STATUS_OURS;
}

/* Traces from the seized child, or what we attached to, to the last tracee. */
static int
trace(struct session *s)
{
	struct loop_config config = {
		.classes = s->run.classes,
		/* nothing is refused to somebody else's processes */
		.allow_uring = s->options->allow_uring || s->options->pid_count,
		.attach = s->options->pid_count ? &s->attach : NULL,
		.until = s->options->until,
		.spare = s->spare,
		.fast = s->fast ? &s->workshop.fast : NULL,
		.resolve = s->options->resolve,
		.mark = s->mark,
		.filtered = prctl(PR_GET_SECCOMP) > 0,
		.ending = s->options->ending,
	};

	if (!s->options->pid_count)
		config.ending.tell_left = left_tell;
	privilege_drop();
	endings_prepare(s->options, s->hub);
	s->model = model_new(&s->run, s->hub, clock_ns(CLOCK_MONOTONIC));
	hub_begin(s->hub, &s->run);
	s->reader = reader_start(s->ring, s->spare, s->model, s->hub);
	if (!s->reader) {
		/* it stands at its first exec, and is killed with us at the latest */
		if (s->launch.pid)
			kill(s->launch.pid, SIGKILL);
		return -errno;
	}
	msg_debug("engine %s, filter of %u instructions, command is PID %d",
		  s->run.engine, s->filter.len, (int)s->launch.pid);
	loop_run(&kernel_real, s->ring, &config, s->launch.pid, &s->result);
	reader_stop(s->reader);
	return 0;
}

static void
tell_gaps(const struct outcome *o)
{
	_cleanup_buf_ struct buf line = { 0 };

	for (enum gap g = 0; g < GAP_COUNT; g++) {
		const struct gap_count *count = &o->gaps[g];

		/* logs that could not be written are told one by one, with the reason */
		if (!count->count || g == GAP_LOG)
			continue;
		buf_printf(&line, "%s%s", line.len ? "; " : "", gap_what(g));
		if (count->example[0])
			buf_printf(&line, " (%s%s)", count->example,
				   count->count > 1 ? ", ..." : "");
	}
	if (line.len)
		msg_warn("the record is incomplete: %s", line.data);
}

/* Why the command may have gone another way than without us. */
static void
tell_refusals(const struct outcome *o)
{
	const struct gap_count *n = &o->notes[NOTE_PTRACE];

	if (n->count)
		msg_warn("%s (%s%s)", note_what(NOTE_PTRACE), n->example,
			 n->count > 1 ? ", ..." : "");
}

/* What the sinks have to say about what they wrote. */
static void
tell_remarks(const struct hub *hub)
{
	for (size_t i = 0; i < hub_count(hub); i++) {
		const char *what, *remark = hub_remark(hub, i, &what);

		if (remark)
			msg_warn("%s: %s", what, remark);
	}
}

/* Tells how it ended, in the logs and to the user; true if every log is whole. */
static bool
finish(struct session *s)
{
	_cleanup_buf_ struct buf limit = { 0 };
	int signal = signals_received();
	bool whole = true;

	/* without a command that is how it ends */
	if (signal && !s->options->pid_count)
		model_gap(s->model, GAP_SIGNALLED, strsignal(signal));
	if (s->result.timed_out) {
		duration_print(&limit, s->options->ending.timeout);
		model_gap(s->model, GAP_TIMEOUT, buf_str(&limit));
	}
	if (left_ended())
		model_gap(s->model, GAP_LEFT, left_ended());
	s->outcome.stops = s->result.stops;
	if (s->fast) {
		workshop_count(&s->workshop);
		s->outcome.stopped = s->workshop.counts;
		s->outcome.stopped_count = REASON_COUNT;
	}
	model_end(s->model, clock_ns(CLOCK_MONOTONIC), s->result.status,
		  s->result.status_known, &s->outcome);
	if (s->outputs.fresh)
		msg_warn("log: %s", s->outputs.fresh);
	tell_gaps(&s->outcome);
	tell_refusals(&s->outcome);
	tell_remarks(s->hub);
	for (size_t i = 0; i < hub_count(s->hub); i++) {
		const char *what;
		int r = hub_error(s->hub, i, &what);

		if (!r)
			continue;
		errno = -r;
		if (r == -ETIME)
			msg_warn("cannot write %s: whoever reads it has stopped reading",
				 what);
		else
			msg_warn("cannot write %s:", what);
		whole = false;
	}
	return whole;
}

static void
session_done(struct session *s)
{
	model_free(s->model);
	hub_free(s->hub);
	outputs_close(&s->outputs);
	/* the region has its own */
	ring_free(s->fast ? s->spare : s->ring);
	if (s->fast)
		workshop_debug(&s->workshop);
	if (s->fast)
		workshop_close(&s->workshop);
	filter_done(&s->filter);
	attach_done(&s->attach);
	buf_done(&s->cwd);
	free(s->base);
}

static int
attach_session(struct session *s)
{
	const struct options *o = s->options;
	pid_t refused = 0;
	int r;

	prepare(s);
	r = attach_seize(&s->attach, o->pids, o->pid_count, !o->no_children, &refused);
	if (r < 0) {
		outputs_discard(&s->outputs, s->options);
		pids_explain(refused, -r);
		return STATUS_OURS;
	}
	r = trace(s);
	if (r < 0) {
		outputs_discard(&s->outputs, s->options);
		errno = -r;
		msg_warn("cannot start writing the log:");
		return STATUS_OURS;
	}
	return finish(s) ? EXIT_SUCCESS : STATUS_OURS;
}

static int
run_session(struct session *s)
{
	enum launch_stage stage;
	int r;

	if (s->options->pid_count)
		return attach_session(s);
	prepare(s);
	r = launch_start(&s->launch, s->options->command, &s->filter, &stage);
	if (r < 0)
		return not_started(s, stage, -r);
	r = trace(s);
	if (r < 0)
		return not_started(s, 0, -r);
	if (!s->result.started) {
		r = launch_failure(&s->launch, &stage);
		return not_started(s, stage, -r);
	}
	if (!finish(s))
		return STATUS_OURS;
	return s->result.timed_out ? STATUS_TIMEOUT : -1;
}

int
run_command(const struct options *o)
{
	struct session s = { .options = o };
	int status = run_session(&s);
	int how = s.result.status;

	privilege_end();
	session_done(&s);
	return status >= 0 ? status : endings_like(how);
}
