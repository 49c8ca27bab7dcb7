/* SPDX-License-Identifier: MIT */
/*
 * The model without a kernel: recorded streams in, events out.  One piece: all tests
 * write their streams with the same helpers and compare the same notes.
 */
#include "unit.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/intern.h"
#include "base/tidmap.h"
#include "model/hub.h"
#include "model/model.h"
#include "model/record.h"
#include "model/syscalls.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

/* --- a sink that writes down what it gets ----------------------------------- */

struct note_sink {
	struct sink base;
};

static struct buf notes;

static int
note_process(struct sink *s, const struct process_event *e)
{
	static const char *const words[] = { "start", "fork", "exec", "exit",
					     "inherited" };

	(void)s;
	buf_printf(&notes, "%s %d#%d", words[e->kind], (int)e->process->pid,
		   (int)e->process->serial);
	if (e->kind == PROCESS_EXIT && e->status_known)
		buf_printf(&notes, " status %d", e->status);
	if (e->kind == PROCESS_FORK)
		buf_printf(&notes, " by %d in %.*s", (int)e->process->parent,
			   (int)e->cwd.len, e->cwd.bytes);
	if (e->kind == PROCESS_FORK && e->process->ns_pid)
		buf_printf(&notes, " inside %d", (int)e->process->ns_pid);
	if (e->kind == PROCESS_INHERITED)
		buf_printf(&notes, " %d %.*s flags %#llx mode %#o", e->fd,
			   (int)e->file.len, e->file.bytes, (unsigned long long)e->flags,
			   e->mode);
	buf_addc(&notes, '\n');
	return 0;
}

static int
note_access(struct sink *s, const struct access *a)
{
	(void)s;
	if (!a->first)
		return 0;
	buf_printf(&notes, "%s %s", op_word(a->op), a->path->bytes);
	if (a->to)
		buf_printf(&notes, " -> %s", a->to->bytes);
	if (a->error)
		buf_printf(&notes, " error %d", a->error);
	if (a->unfinished)
		buf_adds(&notes, " unfinished");
	buf_addc(&notes, '\n');
	return 0;
}

static void
note_free(struct sink *s)
{
	free(s);
}

static const struct sink_ops note_ops = {
	.format = "note",
	.endings = "",
	.process = note_process,
	.access = note_access,
	.free = note_free,
};

/* --- a run -------------------------------------------------------------------- */

static struct {
	struct run run;
	struct hub *hub;
	struct model *model;
	struct record_builder b;
	struct outcome outcome;
} t;

static void
begin(unsigned classes)
{
	struct note_sink *s = calloc(1, sizeof(*s));

	s->base.ops = &note_ops;
	t.run = (struct run){ .classes = classes | CLASS_PROCESS };
	t.hub = hub_new();
	hub_add(t.hub, &s->base, "notes");
	t.model = model_new(&t.run, t.hub, 0);
	record_builder_init(&t.b);
	buf_reset(&notes);
}

static const char *
end(void)
{
	model_end(t.model, 1, 0, true, &t.outcome);
	model_free(t.model);
	hub_free(t.hub);
	record_builder_done(&t.b);
	return buf_str(&notes);
}

static void
put(void)
{
	model_record(t.model, t.b.r, t.b.r->size);
}

static void
add(enum field_kind kind, const char *s)
{
	if (s)
		record_add(&t.b, kind, s, strlen(s));
}

static struct record *
call(int32_t tid, const char *name, int64_t result)
{
	struct record *r = record_begin(&t.b, RECORD_CALL, tid);

	for (size_t i = 0; i < syscall_row_count; i++)
		if (strcmp(syscall_rows[i].name, name) == 0)
			r->row = (uint16_t)i;
	r->result = result;
	return r;
}

static void
start(int32_t tid, const char *cwd)
{
	record_begin(&t.b, RECORD_START, tid);
	add(FIELD_CWD, cwd);
	put();
}

static void
fork_record(int32_t parent, int32_t child, int flags)
{
	struct record *r = record_begin(&t.b, RECORD_FORK, parent);

	r->args[0] = (uint64_t)child;
	r->flags = (uint8_t)flags;
	put();
}

static void
exit_record(int32_t tid, int status)
{
	record_begin(&t.b, RECORD_EXIT, tid)->result = status;
	put();
}

static void
open_call(int32_t tid, const char *name, int flags, int64_t result, int existed)
{
	struct record *r = call(tid, "openat", result);

	r->args[0] = (uint64_t)AT_FDCWD;
	r->args[2] = (uint64_t)flags;
	r->flags = (uint8_t)existed;
	add(FIELD_PATH, name);
	put();
}

static void
chdir_call(int32_t tid, const char *name, const char *cwd)
{
	call(tid, "chdir", 0);
	add(FIELD_PATH, name);
	add(FIELD_CWD, cwd);
	put();
}

/* --- what opens are ------------------------------------------------------------ */

TEST(the_flags_and_the_result_say_what_an_open_is)
{
	const int new = O_WRONLY | O_CREAT | O_TRUNC;

	begin(CLASS_ALL);
	start(10, "/w");
	open_call(10, "a", O_RDONLY, 3, 0);
	open_call(10, "a", O_WRONLY, 3, 0);
	open_call(10, "a", O_RDWR, 3, 0);
	open_call(10, "a", O_WRONLY | O_APPEND, 3, 0);
	open_call(10, "a", new, 3, CALL_EXISTED);
	open_call(10, "a", new, 3, CALL_ABSENT);
	open_call(10, "/dev/null", new, 3, CALL_EXISTED | CALL_SPECIAL);
	open_call(10, "b", O_RDWR | O_CREAT | O_EXCL, 3, 0);
	open_call(10, "b", O_RDWR | O_CREAT | O_EXCL, -EEXIST, 0);
	open_call(10, "c", O_RDWR | O_CREAT, 3, CALL_EXISTED);
	open_call(10, "d", O_PATH | O_DIRECTORY, 3, 0);
	open_call(10, ".", O_TMPFILE | O_RDWR, 3, 0);
	open_call(10, "e", O_RDONLY, -ENOENT, 0);
	CHECK_STR(end(), "start 10#1\n"
			 "read /w/a\n"
			 "write /w/a\n"
			 "rdwr /w/a\n"
			 "append /w/a\n"
			 "truncate /w/a\n"
			 "create /w/a\n"
			 "write /dev/null\n"
			 "create /w/b\n"
			 "create /w/b error 17\n"
			 "rdwr /w/c\n"
			 "opath /w/d\n"
			 "tmpfile /w\n"
			 "read /w/e error 2\n"
			 "exit 10#1\n");
}

TEST(openat2_has_its_flags_in_memory)
{
	struct open_how how = { .flags = O_WRONLY | O_APPEND };

	begin(CLASS_READ);
	start(10, "/w");
	call(10, "openat2", 3)->args[0] = (uint64_t)AT_FDCWD;
	add(FIELD_PATH, "a");
	record_add(&t.b, FIELD_HOW, &how, sizeof(how));
	put();
	how.flags = O_RDONLY;
	call(10, "openat2", 3)->args[0] = (uint64_t)AT_FDCWD;
	add(FIELD_PATH, "b");
	record_add(&t.b, FIELD_HOW, &how, sizeof(how));
	put();
	/* the filter could not tell them apart: the record does */
	CHECK_STR(end(), "start 10#1\nread /w/b\nexit 10#1\n");
	CHECK_INT(t.outcome.calls[ENGINE_STRICT], 2);
	CHECK_INT(t.outcome.accesses, 1);
}

TEST(equal_accesses_are_told_once_for_each_process)
{
	begin(CLASS_ALL);
	start(10, "/w");
	open_call(10, "a", O_RDONLY, 3, 0);
	open_call(10, "./a", O_RDONLY, 4, 0);
	open_call(10, "a", O_RDONLY, -EACCES, 0);
	fork_record(10, 11, 0);
	open_call(11, "a", O_RDONLY, 3, 0);
	CHECK_STR(end(), "start 10#1\nread /w/a\nread /w/a error 13\n"
			 "fork 11#2 by 1 in /w\nread /w/a\n"
			 "exit 11#2\nexit 10#1\n");
	CHECK_INT(t.outcome.accesses, 4);
	CHECK_INT(t.outcome.written, 3);
}

/* --- where names start ----------------------------------------------------------- */

TEST(names_start_where_the_process_is)
{
	begin(CLASS_NAME);
	start(10, "/w");
	chdir_call(10, "sub", "/w/sub");
	call(10, "unlink", 0);
	add(FIELD_PATH, "x");
	put();
	call(10, "unlinkat", 0)->args[0] = 5;
	add(FIELD_PATH, "x");
	add(FIELD_DIR, "/else");
	put();
	call(10, "unlinkat", 0)->args[0] = 5;
	add(FIELD_PATH, "/abs");
	put();
	call(10, "unlinkat", 0)->args[0] = 5;
	t.b.r->args[2] = AT_REMOVEDIR;
	add(FIELD_PATH, "d");
	add(FIELD_DIR, "/else");
	put();
	CHECK_STR(end(), "start 10#1\ndelete /w/sub/x\ndelete /else/x\ndelete /abs\n"
			 "rmdir /else/d\nexit 10#1\n");
	CHECK(outcome_complete(&t.outcome));
}

TEST(an_unknown_directory_is_a_gap)
{
	begin(CLASS_NAME);
	start(10, "/w");
	call(10, "unlinkat", 0)->args[0] = 5;
	add(FIELD_PATH, "x");
	put();
	call(10, "unlinkat", -EBADF)->args[0] = 6;
	add(FIELD_PATH, "y");
	put();
	CHECK_STR(end(), "start 10#1\ndelete x\ndelete y error 9\nexit 10#1\n");
	CHECK_INT(t.outcome.gaps[GAP_UNRESOLVED].count, 1);
	CHECK(!outcome_complete(&t.outcome));
}

TEST(clone_fs_shares_the_directory_and_unshare_ends_that)
{
	begin(CLASS_READ);
	start(10, "/w");
	fork_record(10, 11, FORK_SHARES_FS);
	fork_record(10, 12, 0);
	chdir_call(11, "/n", "/n");
	open_call(10, "a", O_RDONLY, 3, 0);
	open_call(12, "a", O_RDONLY, 3, 0);
	call(11, "unshare", 0)->args[0] = CLONE_FS;
	put();
	chdir_call(11, "/m", "/m");
	open_call(10, "b", O_RDONLY, 3, 0);
	open_call(11, "b", O_RDONLY, 3, 0);
	CHECK(strstr(end(), "read /n/a\nread /w/a\nread /n/b\nread /m/b\n"));
}

TEST(a_chroot_is_seen_from_outside)
{
	begin(CLASS_READ);
	start(10, "/w");
	call(10, "chroot", 0);
	add(FIELD_PATH, "jail");
	add(FIELD_CWD, "/w");
	add(FIELD_ROOT, "/w/jail");
	put();
	open_call(10, "/etc/x", O_RDONLY, 3, 0);
	open_call(10, "y", O_RDONLY, 3, 0);
	fork_record(10, 11, 0);
	open_call(11, "/z", O_RDONLY, 3, 0);
	CHECK(strstr(end(), "read /w/jail/etc/x\nread /w/y\n"));
	CHECK(strstr(buf_str(&notes), "read /w/jail/z\n"));
}

/* Somebody renamed a directory while it was in the call, so its place was told already. */
TEST(a_chdir_says_where_it_was_made)
{
	begin(CLASS_READ | CLASS_DIR);
	start(10, "/w");
	record_begin(&t.b, RECORD_PLACE, 10);
	add(FIELD_CWD, "/w/d");
	put();
	call(10, "chdir", 0);
	add(FIELD_PATH, "d");
	add(FIELD_DIR, "/w");
	add(FIELD_CWD, "/w/d");
	put();
	open_call(10, "a", O_RDONLY, 3, 0);
	CHECK(strstr(end(), "chdir /w/d\nread /w/d/a\n"));
}

TEST(a_renamed_working_directory_has_its_new_name)
{
	begin(CLASS_READ | CLASS_NAME);
	start(10, "/w/old/in");
	fork_record(10, 11, 0);
	call(11, "rename", 0);
	add(FIELD_PATH, "/w/old");
	add(FIELD_PATH2, "/w/new");
	put();
	open_call(10, "a", O_RDONLY, 3, 0);
	call(11, "rename", -EBUSY);
	add(FIELD_PATH, "/w/new");
	add(FIELD_PATH2, "/w/not");
	put();
	open_call(10, "b", O_RDONLY, 3, 0);
	CHECK(strstr(end(), "rename /w/old -> /w/new\nread /w/new/in/a\n"
			    "rename /w/new -> /w/not error 16\nread /w/new/in/b\n"));
}

TEST(second_names)
{
	begin(CLASS_NAME);
	start(10, "/w");
	call(10, "symlinkat", 0)->args[1] = 7;
	add(FIELD_PATH, "link");
	add(FIELD_PATH2, "../target");
	add(FIELD_DIR, "/d");
	put();
	call(10, "linkat", 0)->args[0] = (uint64_t)AT_FDCWD;
	t.b.r->args[2] = 8;
	add(FIELD_PATH, "a");
	add(FIELD_PATH2, "b");
	add(FIELD_DIR2, "/e");
	put();
	call(10, "renameat2", 0)->args[0] = (uint64_t)AT_FDCWD;
	t.b.r->args[2] = (uint64_t)AT_FDCWD;
	t.b.r->args[4] = RENAME_EXCHANGE;
	add(FIELD_PATH, "a");
	add(FIELD_PATH2, "b");
	put();
	CHECK_STR(end(), "start 10#1\nsymlink /d/link -> ../target\nlink /w/a -> /e/b\n"
			 "exchange /w/a -> /w/b\nexit 10#1\n");
}

/* --- processes -------------------------------------------------------------------- */

TEST(a_pid_that_comes_again_is_another_process)
{
	begin(CLASS_ALL);
	start(10, "/w");
	fork_record(10, 11, 0);
	exit_record(11, 256);
	fork_record(10, 11, 0);
	exit_record(11, SIGKILL);
	exit_record(10, 0);
	CHECK_STR(end(),
		  "start 10#1\nfork 11#2 by 1 in /w\nexit 11#2 status 256\n"
		  "fork 11#3 by 1 in /w\nexit 11#3 status 9\nexit 10#1 status 0\n");
	CHECK_INT(t.outcome.processes, 3);
}

TEST(a_process_ends_with_its_last_thread)
{
	begin(CLASS_READ);
	start(10, "/w");
	fork_record(10, 11, FORK_THREAD | FORK_SHARES_FS);
	open_call(11, "a", O_RDONLY, 3, 0);
	exit_record(11, 0);
	open_call(10, "a", O_RDONLY, 3, 0);
	exit_record(10, 256);
	CHECK_STR(end(), "start 10#1\nread /w/a\nexit 10#1 status 256\n");
	CHECK_INT(t.outcome.threads, 1);
}

TEST(an_exec_by_a_thread_ends_the_others)
{
	begin(CLASS_EXEC | CLASS_READ);
	start(10, "/w");
	fork_record(10, 11, FORK_THREAD | FORK_SHARES_FS);
	fork_record(10, 12, FORK_THREAD | FORK_SHARES_FS);
	call(10, "execve", 0)->kind = RECORD_EXEC;
	t.b.r->former = 12;
	add(FIELD_PATH, "/bin/true");
	put();
	/* late reports of threads that the exec ended */
	exit_record(11, 0);
	exit_record(12, 0);
	open_call(10, "b", O_RDONLY, 3, 0);
	exit_record(10, 0);
	CHECK_STR(end(), "start 10#1\nexec 10#1\nexec /bin/true\nread /w/b\n"
			 "exit 10#1 status 0\n");
	CHECK_INT(t.outcome.execs, 1);
}

TEST(a_call_without_an_end)
{
	begin(CLASS_ALL);
	start(10, "/w");
	open_call(10, "a", O_RDONLY, 0, CALL_UNFINISHED);
	open_call(10, "b", O_WRONLY, 0, CALL_UNFINISHED);
	exit_record(10, SIGKILL);
	CHECK_STR(
		end(),
		"start 10#1\nread /w/a unfinished\nwrite /w/b unfinished\nexit 10#1 status 9\n");
	CHECK_INT(t.outcome.gaps[GAP_UNFINISHED].count, 1);
	CHECK_STR(t.outcome.gaps[GAP_UNFINISHED].example, "openat by PID 10 (unknown)");
}

TEST(a_stranger_is_told_as_a_gap)
{
	begin(CLASS_READ);
	start(10, "/w");
	open_call(99, "/a", O_RDONLY, 3, 0);
	CHECK(strstr(end(), "fork 99#2 by 0 in \nread /a\n"));
	CHECK_INT(t.outcome.gaps[GAP_LOST].count, 1);
}

TEST(classes_that_are_off_leave_no_access)
{
	begin(CLASS_WRITE);
	start(10, "/w");
	chdir_call(10, "/n", "/n");
	open_call(10, "a", O_WRONLY, 3, 0);
	CHECK_STR(end(), "start 10#1\nwrite /n/a\nexit 10#1\n");
}

/* --- what may be missing, and what is only noted ------------------------------ */

static void
connect_call(const char *path, int64_t result)
{
	call(10, "connect", result);
	add(FIELD_PATH, path);
	put();
}

TEST(A14_services_that_work_for_others_are_gaps)
{
	begin(CLASS_READ);
	start(10, "/w");
	connect_call("/var/run/docker.sock", 0);
	connect_call("/run/user/1000/podman/podman.sock", 0);
	connect_call("/run/systemd/private", 0);
	/* nobody was there, another socket, a state that is told */
	connect_call("/run/docker.sock", -ENOENT);
	connect_call("/run/docker.socket", 0);
	connect_call("/w/run/docker.sock", 0);
	connect_call("/run/systemd/notify", 0);
	/* the class was not chosen, and it is noticed all the same */
	CHECK_STR(end(), "start 10#1\nexit 10#1\n");
	CHECK_INT(t.outcome.gaps[GAP_DELEGATED].count, 3);
	CHECK_STR(t.outcome.gaps[GAP_DELEGATED].example,
		  "docker (/var/run/docker.sock) by PID 10 (unknown)");
	CHECK(!outcome_complete(&t.outcome));
}

TEST(A14_services_that_answer_are_notes)
{
	begin(CLASS_SOCKET);
	start(10, "/w");
	connect_call("/run/dbus/system_bus_socket", 0);
	connect_call("/run/user/1000/bus", 0);
	connect_call("/dev/log", -ECONNREFUSED);
	end();
	CHECK_INT(t.outcome.notes[NOTE_ASKED].count, 2);
	CHECK_STR(t.outcome.notes[NOTE_ASKED].example,
		  "D-Bus (/run/dbus/system_bus_socket) by PID 10 (unknown)");
	CHECK(outcome_complete(&t.outcome));
}

TEST(A14_services_are_known_in_another_root)
{
	begin(CLASS_DIR);
	start(10, "/w");
	call(10, "chroot", 0);
	add(FIELD_PATH, "/jail");
	add(FIELD_CWD, "/jail");
	add(FIELD_ROOT, "/jail");
	put();
	connect_call("/run/docker.sock", 0);
	end();
	CHECK_STR(t.outcome.gaps[GAP_DELEGATED].example,
		  "docker (/run/docker.sock) by PID 10 (unknown)");
}

static void
ptrace_call(int32_t tid, uint64_t request, uint64_t pid, int64_t result)
{
	struct record *r = call(tid, "ptrace", result);

	r->args[0] = request;
	r->args[1] = pid;
	put();
}

TEST(a_ptrace_that_fails_because_of_us_is_noted)
{
	begin(CLASS_READ);
	start(10, "/w");
	fork_record(10, 11, 0);
	fork_record(10, 12, FORK_THREAD);
	ptrace_call(11, PTRACE_TRACEME, 0, -EPERM);
	ptrace_call(10, PTRACE_ATTACH, 11, -EPERM);
	ptrace_call(10, PTRACE_SEIZE, 11, -EPERM);
	/* these fail without us too */
	ptrace_call(10, PTRACE_ATTACH, 99, -EPERM);
	ptrace_call(10, PTRACE_ATTACH, 12, -EPERM);
	ptrace_call(10, PTRACE_ATTACH, 11, -ESRCH);
	ptrace_call(10, PTRACE_PEEKDATA, 11, -EPERM);
	end();
	CHECK_INT(t.outcome.notes[NOTE_PTRACE].count, 3);
	CHECK_STR(t.outcome.notes[NOTE_PTRACE].example,
		  "PTRACE_TRACEME by PID 11 (unknown)");
	CHECK(outcome_complete(&t.outcome));
}

/* Whom the command has in its hands does what it wants, and is not ours. */
TEST(a_ptrace_of_a_stranger_is_a_gap)
{
	begin(CLASS_READ);
	start(10, "/w");
	ptrace_call(10, PTRACE_ATTACH, 99, 0);
	end();
	CHECK_INT(t.outcome.gaps[GAP_DELEGATED].count, 1);
}

TEST(rings_and_children_that_got_away)
{
	begin(CLASS_READ);
	start(10, "/w");
	call(10, "io_uring_setup", -ENOSYS);
	put();
	call(10, "clone3", -ENOSYS);
	put();
	call(10, "clone", 11);
	put();
	call(10, "io_uring_setup", 3);
	put();
	call(10, "clone3", 12);
	put();
	end();
	CHECK_INT(t.outcome.notes[NOTE_URING].count, 1);
	CHECK_INT(t.outcome.gaps[GAP_URING].count, 1);
	CHECK_INT(t.outcome.gaps[GAP_ESCAPED].count, 1);
	CHECK_STR(t.outcome.gaps[GAP_ESCAPED].example, "clone3 by PID 10 (unknown)");
}

static void
descriptor(const char *by, int flags, int fd, int open_flags, const char *what)
{
	struct record *r = call(10, by, 0);

	r->kind = RECORD_DESCRIPTOR;
	r->flags = (uint16_t)flags;
	r->args[0] = (uint64_t)fd;
	r->args[1] = (uint64_t)open_flags;
	r->args[2] = 0100644;
	add(FIELD_PATH, what);
	put();
}

TEST(descriptors_that_were_not_opened)
{
	begin(CLASS_READ | CLASS_AUDIT);
	start(10, "/w");
	descriptor("execve", DESCRIPTOR_INHERITED, 0, O_RDWR, "/secret");
	call(10, "recvmsg", 1);
	put();
	descriptor("recvmsg", 0, 5, O_RDONLY, "/sent");
	descriptor("recvmsg", DESCRIPTOR_UNKNOWN, 6, 0, NULL);
	CHECK_STR(end(), "start 10#1\ninherited 10#1 0 /secret flags 0x2 mode 0100644\n"
			 "receive /sent\nreceive \nexit 10#1\n");
	CHECK_INT(t.outcome.gaps[GAP_UNREADABLE].count, 1);
	CHECK_INT(t.outcome.calls[ENGINE_STRICT], 1);
}

TEST(A11_a_process_has_an_id_in_its_own_namespace_too)
{
	begin(CLASS_READ);
	start(10, "/w");
	record_begin(&t.b, RECORD_FORK, 10)->args[0] = 11;
	t.b.r->args[1] = 1;
	put();
	fork_record(10, 12, 0);
	CHECK(strstr(end(), "fork 11#2 by 1 in /w inside 1\nfork 12#3 by 1 in /w\n"));
}

/* Nobody would find such a task again, and its process would never end. */
TEST(a_task_id_that_no_task_can_have)
{
	begin(CLASS_READ);
	start(10, "/w");
	fork_record(10, TIDMAP_MAX, FORK_THREAD);
	fork_record(10, TIDMAP_MAX, 0);
	fork_record(TIDMAP_MAX, 11, 0);
	CHECK_STR(end(), "start 10#1\nexit 10#1\n");
	CHECK_INT(t.outcome.gaps[GAP_LOST].count, 3);
}

/* Whatever the ring holds, the model survives it. */
TEST(any_record_is_survived)
{
	uint64_t seed = 3;

	begin(CLASS_ALL);
	start(10, "/w");
	for (int i = 0; i < 200000; i++) {
		struct record *r =
			call(1 + (int32_t)(unit_random(&seed) % 20), "open", 0);
		char name[64];

		r->kind = (uint8_t)(unit_random(&seed) % (RECORD_KIND_END + 1));
		r->row = (uint16_t)(unit_random(&seed) % (syscall_row_count + 2));
		r->flags = (uint8_t)unit_random(&seed);
		r->engine = (uint8_t)(unit_random(&seed) % 3);
		r->result = (int64_t)(unit_random(&seed) % 7) - 3;
		r->former = (int32_t)(unit_random(&seed) % 20);
		for (int k = 0; k < 6; k++)
			r->args[k] = unit_random(&seed) % 24;
		for (uint64_t k = unit_random(&seed) % 4; k; k--)
			record_add(&t.b,
				   (enum field_kind)(1 + unit_random(&seed) % FIELD_ARGV),
				   name, unit_random_name(&seed, name, sizeof(name)));
		put();
		if (notes.len > 1 << 20)
			buf_reset(&notes);
	}
	end();
	CHECK(t.outcome.gaps[GAP_LOST].count > 0);
}
