/* SPDX-License-Identifier: MIT */
#include "births.h"

#include "place.h"
#include "scene.h"
#include "steps.h"
#include <asm/unistd.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define STACK_SIZE (64 << 10)
#define DEPTH_MAX 5

static char stacks[TASKS_MAX][STACK_SIZE] __attribute__((aligned(64)));

char *
births_stack(unsigned index)
{
	/* as the ABI wants it behind a call */
	return stacks[index] + STACK_SIZE - 64;
}

static void
inherit_fds(struct task *child, const struct task *t, bool own_fds)
{
	for (unsigned i = 0; i < FDS_MAX; i++) {
		child->fds[i] = t->fds[i];
		/* in a shared table they are only the parent's to use, and to close */
		if (!own_fds)
			child->fds[i].fd = -1;
	}
}

struct task *
births_task(struct task *t, bool own_fds, bool own_place)
{
	struct tree *tree = &ACCOUNT->tree;
	struct place *place = own_place ? place_copy(t->place) : t->place;
	uint32_t index = __atomic_fetch_add(&tree->born, 1, __ATOMIC_SEQ_CST);
	struct task *child = &tree->task[index];

	if (index >= TASKS_MAX || !place)
		return NULL;
	memset(child, 0, sizeof(*child));
	child->index = index;
	child->random = account_random(t) << 32 | account_random(t) | 1;
	child->depth = t->depth + 1;
	child->budget = (int)((child->depth == 1 ? 16 : 4) + pick(t, 12));
	child->creator_tid = (uint32_t)t->tid;
	child->privileged = t->privileged;
	child->rooted = t->rooted;
	child->place = place;
	child->own_place = own_place;
	inherit_fds(child, t, own_fds);
	return child;
}

/* How a child is made. */
struct way {
	struct birth birth;
	struct clone_args args;
	uint64_t flags;
	long nr;
};

static uint64_t
some_sharing(struct task *t)
{
	static const uint64_t flags[] = { CLONE_FS, CLONE_FILES, CLONE_VM, CLONE_SYSVSEM,
					  CLONE_UNTRACED };
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (!pick(t, 3))
			sum |= flags[i];
	if (sum & CLONE_VM && !pick(t, 3))
		sum |= CLONE_SIGHAND;
	if (!pick(t, 6))
		sum |= CLONE_VFORK;
	if (!pick(t, 8))
		sum |= CLONE_PARENT;
	if (!pick(t, 40))
		sum = (sum & ~(uint64_t)CLONE_FS) | CLONE_NEWNS;
	return sum;
}

static uint64_t
thread_sharing(struct task *t)
{
	uint64_t flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;

	if (pick(t, 6))
		flags |= CLONE_FS;
	if (pick(t, 6))
		flags |= CLONE_FILES;
	return flags;
}

static void
choose_way(struct task *t, struct way *w)
{
	unsigned n = pick(t, 16);

	w->birth.int80 = account_int80(t, 8);
	w->nr = __NR_clone;
	if (n < 3) {
		w->nr = __NR_fork;
	} else if (n < 5) {
		w->nr = __NR_vfork;
		w->flags = CLONE_VM | CLONE_VFORK;
	} else if (n < 10) {
		w->flags = thread_sharing(t);
	} else {
		w->flags = some_sharing(t);
	}
	if (n >= 5 && !pick(t, 3))
		w->nr = __NR_clone3;
}

static void
fill_birth(struct way *w)
{
	static const int nr32[][2] = { { __NR_fork, 2 },
				       { __NR_vfork, 190 },
				       { __NR_clone, 120 },
				       { __NR_clone3, 435 } };
	struct birth *b = &w->birth;
	/* a thread's end is nobody's signal */
	uint64_t signal = w->flags & CLONE_THREAD ? 0 : SIGCHLD;

	b->nr = w->nr;
	for (unsigned i = 0; b->int80 && i < sizeof(nr32) / sizeof(*nr32); i++)
		if (nr32[i][0] == w->nr)
			b->nr = nr32[i][1];
	if (w->nr == __NR_clone) {
		b->args[0] = (long)(w->flags | signal);
	} else if (w->nr == __NR_clone3) {
		w->args.flags = w->flags;
		/* the kernel takes the parent's instead */
		w->args.exit_signal = w->flags & CLONE_PARENT ? 0 : signal;
		b->args[0] = (long)&w->args;
		b->args[1] = sizeof(w->args);
	}
}

static void
remember_child(struct task *t, const struct way *w, long pid)
{
	if (pid <= 0 || w->flags & (CLONE_THREAD | CLONE_PARENT))
		return;
	if (t->child_count < sizeof(t->children) / sizeof(*t->children))
		t->children[t->child_count++] = (int)pid;
}

static long
give_birth(struct task *t, struct way *w, void (*run)(void *))
{
	bool own_fds = !(w->flags & CLONE_FILES), own_place = !(w->flags & CLONE_FS);
	struct task *child = births_task(t, own_fds, own_place);
	long pid;

	if (!child)
		return -1;
	fill_birth(w);
	child->thread = w->flags & CLONE_THREAD;
	/* a thread can end its whole process, and with it a call of ours */
	child->crowded = child->thread;
	t->crowded |= child->thread;
	w->birth.stack = births_stack(child->index);
	w->birth.run = run;
	w->birth.data = child;
	pid = raw_birth(&w->birth);
	if (pid > 0)
		account_note(t, RECORD_MADE, pid, 0, "", 0);
	remember_child(t, w, pid);
	return pid;
}

void
step_birth(struct task *t)
{
	struct way w = { 0 };

	if (t->depth >= DEPTH_MAX)
		return;
	choose_way(t, &w);
	/* refused by who traces us: then without the flag, as any program would */
	if (give_birth(t, &w, births_live) == -38 /* ENOSYS */ && w.nr == __NR_clone3) {
		w.nr = __NR_clone;
		memset(&w.birth, 0, sizeof(w.birth));
		give_birth(t, &w, births_live);
	}
}

void
births_begin(struct task *t)
{
	t->pid = (int)RAW(__NR_getpid);
	t->tid = (int)RAW(__NR_gettid);
	if (t->depth == 1)
		RAW(__NR_setpgid, 0, 0);
	if (t->own_place)
		place_check(t->place);
	account_note(t, RECORD_BORN, t->thread, t->creator_tid, "", 0);
}

int
births_fork(struct task *t, void (*run)(void *))
{
	struct way w = { .nr = __NR_fork };

	return (int)give_birth(t, &w, run);
}

void
births_wait(struct task *t, int pid)
{
	int status;

	if (RAW(__NR_wait4, pid, &status, __WALL, 0) == pid)
		account_note(t, RECORD_WAITED, pid, status, "", 0);
}

static void
wait_for_children(struct task *t)
{
	for (uint32_t i = 0; i < t->child_count; i++)
		if (t->depth <= 1 || pick(t, 4))
			births_wait(t, t->children[i]);
	t->child_count = 0;
}

static void
step(struct task *t)
{
	static const struct {
		void (*run)(struct task *);
		uint8_t weight;
	} steps[] = {
		{ step_plain, 120 },	  { step_birth, 36 },
		{ step_chdir, 14 },	  { step_directory, 14 },
		{ step_keep_here, 8 },	  { step_by_descriptor, 5 },
		{ step_send, 5 },	  { step_receive, 5 },
		{ step_nameless, 4 },	  { step_exec, 7 },
		{ step_failing_exec, 4 }, { step_unshare, 4 },
		{ step_socket, 5 },	  { step_chroot, 1 },
		{ step_mount, 1 },	  { step_interrupted, 2 },
		{ wait_for_children, 3 },
	};
	const unsigned count = sizeof(steps) / sizeof(*steps);
	unsigned sum = 0, n;

	for (unsigned i = 0; i < count; i++)
		sum += steps[i].weight;
	n = pick(t, sum);
	for (unsigned i = 0; i < count; n -= steps[i++].weight)
		if (n < steps[i].weight) {
			steps[i].run(t);
			return;
		}
}

static void
end(struct task *t)
{
	wait_for_children(t);
	/* the first thread may end before the others, and any may end all of them */
	if (t->crowded && pick(t, 4))
		RAW(__NR_exit, (int)pick(t, 256));
	RAW(__NR_exit_group, (int)pick(t, 256));
}

void
births_go_on(void *data)
{
	struct task *t = data;

	while (t->budget-- > 0)
		step(t);
	end(t);
	for (;;)
		;
}

void
births_live(void *data)
{
	struct task *t = data;

	births_begin(t);
	births_go_on(t);
}
