/* SPDX-License-Identifier: MIT */
#include "recorder/plant.h"

#include "base/compiler.h"
#include "base/msg.h"
#include "recorder/boot.h"
#include "recorder/patch.h"
#include "recorder/stub.h"
#include "recorder/workshop.h"
#include "trace/maps.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/tracee.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>

#define CS_64 0x33 /* __USER_CS (asm/segment.h) */

#define BOOTS_MAX 3

/* Processes with more threads than that are not stopped for a patch. */
#define THREADS_MAX 64

/* How often a process's threads are stopped for one. */
#define FREEZES_MAX 32

static void
refuse(struct workshop *e, struct tracee *t, enum stop_reason why)
{
	t->space->fast = false;
	t->space->why = why;
	e->images[why]++;
	msg_debug("PID %d goes by stops: %s", (int)t->tid, stop_reason_what(why));
}

/* With a limit on its memory a process could notice ours. */
static bool
is_limited(pid_t tid)
{
	struct rlimit limit;

	return prlimit(tid, RLIMIT_AS, NULL, &limit) < 0 ||
	       limit.rlim_cur != RLIM_INFINITY;
}

static bool
is_code(const struct mapping *m)
{
	return m->inode && m->executable && !m->writable && !m->shared;
}

/* Patches a mapped file of the new image, and remembers it for the start-up code. */
static void
prepare_file(struct workshop *e, struct tracee *t, const struct mapping *m,
	     struct boot *b)
{
	struct code_file *f;

	if (b->file_count == BOOT_FILES)
		return;
	f = code_files_get(&e->files, &e->region, t->tid, m);
	if (!f || !f->count || !space_add_file(t->space, f->number, m->start))
		return;
	if (patch_file(t->tid, t->space, f, m->start, NULL) == PATCH_STALE)
		f->stale = true;
	b->files[b->file_count].file = f->number;
	b->files[b->file_count++].base = m->start;
}

/*
 * Of a program with a loader only the loader is known to make calls itself, before
 * anything else does; a program without one makes all of its calls.
 */
static void
prepare_code(struct workshop *e, struct tracee *t, const struct mapping *maps, int count,
	     struct boot *b)
{
	for (int i = 0; i < count; i++) {
		bool begins_here = b->entry >= maps[i].start && b->entry < maps[i].end;

		if (begins_here && is_code(&maps[i]))
			prepare_file(e, t, &maps[i], b);
	}
}

static uint64_t
find_vdso(const struct mapping *maps, int count)
{
	for (int i = 0; i < count; i++)
		if (maps[i].is_vdso)
			return maps[i].start;
	return 0;
}

/* Whether @link in /proc/@tid leads elsewhere than ours does. */
static bool
is_elsewhere(pid_t tid, const char *link)
{
	struct stat its, ours;
	char path[48];

	snprintf(path, sizeof(path), "%d/%s", (int)tid, link);
	if (fstatat(proc_dir(), path, &its, 0) < 0)
		return true;
	snprintf(path, sizeof(path), "%d/%s", (int)getpid(), link);
	return fstatat(proc_dir(), path, &ours, 0) < 0 || its.st_ino != ours.st_ino;
}

bool
plant_has_other_pids(pid_t tid)
{
	return is_elsewhere(tid, "ns/pid");
}

/* Whether @tid sees other files than we do by the names that its /proc gives. */
static bool
has_other_view(pid_t tid)
{
	struct stat its, ours;
	char path[48];

	if (is_elsewhere(tid, "ns/mnt") || is_elsewhere(tid, "ns/pid"))
		return true;
	snprintf(path, sizeof(path), "%d/root", (int)tid);
	return fstatat(proc_dir(), path, &its, 0) < 0 || stat("/", &ours) < 0 ||
	       its.st_ino != ours.st_ino || its.st_dev != ours.st_dev;
}

static bool
write_boot(struct workshop *e, struct tracee *t, const struct boot *b,
	   struct user_regs_struct *regs)
{
	uint64_t at = t->space->vdso + e->boot_place;
	uint8_t code[BOOT_MAX];
	size_t failed, len = boot_emit(b, code, &failed);

	if (!len || patch_force(t->tid, at, code, len) < 0)
		return false;
	t->space->failed_at = at + failed + 1;
	t->space->boots++;
	regs->rip = at;
	/* else the kernel might take it for an interrupted call */
	regs->orig_rax = (unsigned long long)-1;
	return ptrace(PTRACE_SETREGS, t->tid, NULL, regs) == 0;
}

static bool
begin_boot(struct workshop *e, struct tracee *t, struct boot *b,
	   const struct mapping *maps, int count)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) < 0)
		return false;
	b->entry = regs.rip;
	t->space->entry = regs.rip;
	prepare_code(e, t, maps, count, b);
	return write_boot(e, t, b, &regs);
}

static bool
is_64bit(pid_t tid)
{
	errno = 0;
	return ptrace(PTRACE_PEEKUSER, tid, offsetof(struct user, regs.cs), NULL) ==
		       CS_64 &&
	       !errno;
}

void
plant(struct workshop *e, struct tracee *t)
{
	struct boot b = { .region = &e->region, .tid = (uint32_t)t->tid };
	struct mapping maps[MAPS_MAX];
	int count;

	if (t->nested) {
		refuse(e, t, REASON_TRACED);
	} else if (t->every) {
		refuse(e, t, REASON_FILTER);
	} else if (atomic_load(&e->region.control->closed)) {
		refuse(e, t, REASON_RING);
	} else if (!is_64bit(t->tid)) {
		refuse(e, t, REASON_OTHER);
	} else if (is_limited(t->tid)) {
		refuse(e, t, REASON_LIMIT);
	} else {
		count = maps_read(t->tid, maps, MAPS_MAX);
		t->space->vdso = find_vdso(maps, count);
		b.no_dirs = has_other_view(t->tid);
		t->space->fast = t->space->booting = true;
		if (t->space->vdso && begin_boot(e, t, &b, maps, count)) {
			e->images[REASON_SITE]++;
			return;
		}
		workshop_evict(e, t, REASON_MEMORY);
		refuse(e, t, REASON_MEMORY);
	}
}

/* Where the image begins, with the registers that it begins with. */
static void
begin_without(struct tracee *t)
{
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) < 0)
		return;
	regs = (struct user_regs_struct){
		.rip = t->space->entry,
		.rsp = regs.rsp,
		.eflags = 0x202,
		.cs = regs.cs,
		.ss = regs.ss,
		.ds = regs.ds,
		.es = regs.es,
		.fs = regs.fs,
		.gs = regs.gs,
		.fs_base = regs.fs_base,
		.gs_base = regs.gs_base,
		.orig_rax = (unsigned long long)-1,
	};
	ptrace(PTRACE_SETREGS, t->tid, NULL, &regs);
}

/* Other users' processes may attach when the segments are told of them. */
static bool
admit(struct workshop *e, struct tracee *t)
{
	struct stat st;
	char path[32];

	snprintf(path, sizeof(path), "%d", (int)t->tid);
	if (fstatat(proc_dir(), path, &st, 0) < 0 || t->space->boots >= BOOTS_MAX)
		return false;
	region_admit(&e->region, st.st_uid);
	return true;
}

void
plant_failed(struct workshop *e, struct tracee *t, int error)
{
	struct user_regs_struct regs;

	if (error == -EACCES && admit(e, t) &&
	    ptrace(PTRACE_GETREGS, t->tid, NULL, &regs) == 0) {
		regs.rip = t->space->vdso + e->boot_place;
		if (ptrace(PTRACE_SETREGS, t->tid, NULL, &regs) == 0) {
			t->space->boots++;
			return;
		}
	}
	workshop_evict(e, t, REASON_TAKEN);
	e->images[REASON_SITE]--;
	refuse(e, t,
	       error == -EACCES || error == -EINVAL || error == -EIDRM ? REASON_NAMESPACE
								       : REASON_TAKEN);
	begin_without(t);
}

/* Whether nobody runs who could stand in what is replaced. */
static bool
is_alone(const struct tracee *t)
{
	/* a parent in vfork waits in the kernel, in a call that is never patched */
	return t->space->users == 1 ||
	       (t->space->users == 2 && t->space->waits_for == t->tid);
}

bool
plant_wants_freeze(const struct tracee *t)
{
	unsigned threads = 1;

	for (const struct tracee *s = t->next; s != t; s = s->next)
		threads++;
	/* the memory may be another process's as well, whose threads go on */
	return !t->froze && !t->thawed && t->space->users == threads &&
	       threads <= THREADS_MAX && t->space->freezes++ < FREEZES_MAX;
}

static bool
is_hopeless(const struct space *s, uint64_t ip)
{
	for (size_t i = 0; i < ARRAY_SIZE(s->hopeless); i++)
		if (s->hopeless[i] == ip)
			return true;
	return false;
}

static enum stop_reason
give_up(struct space *s, uint64_t ip, enum stop_reason why)
{
	s->hopeless[s->hopeless_at++ % ARRAY_SIZE(s->hopeless)] = ip;
	return why;
}

/* The call that stands at its entry will return behind the stub's own instruction. */
static bool
send_by_stub(pid_t tid, const struct code_site *site)
{
	return ptrace(PTRACE_POKEUSER, tid, offsetof(struct user, regs.rip),
		      (uint64_t)site->plain) == 0;
}

/*
 * Patches the used sites of @f, one of which @t stands in.  Whether it is there:
 * the others can do without it.
 */
static bool
is_planted(struct tracee *t, const struct code_site *site, uint64_t base)
{
	uint8_t now[16], jump[16];
	const struct site *s = &site->site;

	stub_jump(s, site->slot, jump);
	return remote_read(t->tid, base + s->offset, now, s->len) == s->len &&
	       memcmp(now, jump, s->len) == 0;
}

/* Where the other threads of the process stand, all of which have stopped. */
static size_t
others_of(const struct tracee *t, struct patch_other list[THREADS_MAX])
{
	size_t n = 0;

	for (struct tracee *s = t->next; t->froze && s != t; s = s->next) {
		struct user_regs_struct regs;

		if (ptrace(PTRACE_GETREGS, s->tid, NULL, &regs) == 0)
			list[n++] = (struct patch_other){ s->tid, regs.rip, s };
	}
	return n;
}

/* A thread's call goes on elsewhere: what waits for its return must know. */
static void
moved(void *data, uint64_t from, uint64_t to)
{
	struct tracee *t = data;

	if (t->call.ip == from)
		t->call.ip = to;
	for (unsigned i = 0; i < t->held_count; i++)
		if (t->held[i].ip == from)
			t->held[i].ip = to;
}

static enum stop_reason
plant_file(struct tracee *t, struct code_file *f, const struct code_site *site,
	   const struct mapping *m, uint64_t *ip)
{
	struct patch_other list[THREADS_MAX];
	struct space *s = t->space;
	struct patch_others others = { list, others_of(t, list), moved };
	int r;

	if (!space_add_file(s, f->number, m->start))
		return give_up(s, *ip, REASON_FULL);
	r = patch_tell_base(t->tid, f, m->start);
	if (r >= 0)
		r = patch_file(t->tid, s, f, m->start, &others);
	if (r == PATCH_STALE)
		f->stale = true;
	if (!is_planted(t, site, m->start))
		return give_up(s, *ip, r < 0 ? REASON_MEMORY : REASON_UNKNOWN);
	if (send_by_stub(t->tid, site)) {
		moved(t, *ip, site->plain);
		*ip = site->plain;
	}
	return REASON_SITE;
}

enum stop_reason
plant_at(struct workshop *e, struct tracee *t, uint64_t *ip)
{
	uint64_t at = *ip - 2; /* the syscall instruction */
	struct code_file *f;
	struct code_site *site;
	struct mapping m;

	if (is_hopeless(t->space, *ip))
		return REASON_UNKNOWN;
	if (!is_alone(t) && !t->froze)
		return REASON_THREADS;
	if (maps_find(t->tid, at, &m) < 0)
		return REASON_MEMORY;
	if (!is_code(&m))
		return give_up(t->space, *ip, REASON_MAPPING);
	f = code_files_get(&e->files, &e->region, t->tid, &m);
	if (!f)
		return give_up(t->space, *ip, REASON_FULL);
	site = code_file_find(f, at - m.start);
	if (!site && !code_file_refused(f, at - m.start) &&
	    code_file_learn(f, &e->region, t->tid, &m, at - m.start))
		site = code_file_find(f, at - m.start);
	if (!site)
		return give_up(t->space, *ip, REASON_UNKNOWN);
	site->used = true;
	return plant_file(t, f, site, &m, ip);
}
