/* SPDX-License-Identifier: MIT */
#include "recorder/rescue.h"

#include "model/record.h"
#include "model/syscalls.h"
#include "recorder/codefiles.h"
#include "recorder/flights.h"
#include "recorder/patch.h"
#include "recorder/plant.h"
#include "recorder/workshop.h"
#include "trace/calls.h"
#include "trace/capture.h"
#include "trace/maps.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include "trace/tracing.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/user.h>

/* Kernel-internal results of interrupted calls (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

/* How far above the stack pointer a frame can be: what recorder_before() has, and more. */
#define FRAME_SEARCH 512

/* A stopped thread that is inside of the recorder. */
struct inside {
	struct tracee *t;
	struct user_regs_struct regs;
	struct frame frame;
	uint64_t at; /* address of the frame */
};

static bool
find_frame(const struct workshop *e, struct inside *in)
{
	uint64_t words[(FRAME_SEARCH + sizeof(struct frame)) / 8];
	uint64_t secret = e->region.control->secret, sp = in->regs.rsp;
	size_t mark = offsetof(struct frame, mark) / 8, count;
	ssize_t n = remote_read(in->t->tid, sp, words, sizeof(words));

	count = n > 0 ? (size_t)n / 8 : 0;
	for (size_t i = 0; i + sizeof(struct frame) / 8 <= count; i++) {
		if (words[i + mark] != (secret ^ (sp + 8 * i)))
			continue;
		in->at = sp + 8 * i;
		memcpy(&in->frame, &words[i], sizeof(in->frame));
		return true;
	}
	return false;
}

/* Lets the thread go on at @ip of entry.S, with its frame on top of the stack. */
static void
go_on_at(struct inside *in, uint64_t ip, uint64_t rax)
{
	in->regs.rip = ip;
	in->regs.rsp = in->at;
	in->regs.r15 = in->at;
	in->regs.orig_rax = (unsigned long long)-1;
	patch_poke(in->t->tid, in->at, &rax, sizeof(rax));
	ptrace(PTRACE_SETREGS, in->t->tid, NULL, &in->regs);
}

/* The call was not begun: nobody will know that the recorder was there. */
static void
decline(struct workshop *e, struct inside *in)
{
	struct flight_copy c;

	while (flights_take(&e->region, in->t->tid, &c))
		;
	go_on_at(in, e->region.map.decline, in->frame.rax);
}

/* The call has returned @result: it is recorded from here, unless it is already. */
static void
finish(struct workshop *e, struct tracing *tr, struct inside *in, uint64_t result)
{
	struct flight_copy c;

	while (flights_take(&e->region, in->t->tid, &c)) {
		c.flight.record.result = (int64_t)result;
		tracing_put(tr, capture_again(&tr->capture, &c.flight.record));
	}
	go_on_at(in, e->region.map.finish, result);
}

/* All registers as they are at the plain instruction of the stub. */
static void
restore(struct inside *in)
{
	struct user_regs_struct *r = &in->regs;
	const struct frame *f = &in->frame;

	r->rdi = f->rdi;
	r->rsi = f->rsi;
	r->rdx = f->rdx;
	r->r10 = f->r10;
	r->r8 = f->r8;
	r->r9 = f->r9;
	r->rbx = f->rbx;
	r->rbp = f->rbp;
	r->r12 = f->r12;
	r->r13 = f->r13;
	r->r14 = f->r14;
	r->r15 = f->r15;
	r->eflags = f->flags;
}

/*
 * A handler will run for a signal that interrupted the call.  The stub goes on behind
 * the call of entry.S with: lea 128(%rsp),%rsp (8 bytes); jrcxz (2); syscall (2).
 */
#define PLAIN_BEHIND_CALL 12

/*
 * Where the call returns to: in the program's own code, if the jump there can be taken
 * out, so that handlers and whoever unwinds the stack find what they would without
 * us.  The next stop there puts it in again.
 */
static uint64_t
own_place(struct workshop *e, const struct inside *in)
{
	const struct space *s = in->t->space;
	const struct code_site *site;
	uint64_t base;

	site = workshop_site_of(e, s, in->frame.back, &base);
	if (site && patch_undo(in->t->tid, site, base, s->users == 1))
		return base + site->site.offset + site->site.syscall_at + 2;
	return in->frame.back + PLAIN_BEHIND_CALL;
}

static void
interrupt(struct workshop *e, struct tracing *tr, struct inside *in)
{
	struct tracee *t = in->t;
	struct flight_copy c;
	bool seen = false;

	restore(in);
	in->regs.rip = own_place(e, in);
	in->regs.rsp = in->at + sizeof(struct frame) + 128;
	if (ptrace(PTRACE_SETREGS, t->tid, NULL, &in->regs) < 0)
		return;
	while (flights_take(&e->region, t->tid, &c)) {
		if (seen)
			continue;
		seen = true;
		pending_set(&t->call, &c.flight.record);
		t->call.nr = in->regs.orig_rax;
		t->call.ip = in->regs.rip;
		t->call.sp = in->regs.rsp;
		calls_hold(tr, t);
	}
}

static bool
was_interrupted(const struct inside *in)
{
	int64_t rax = (int64_t)in->regs.rax;

	return (int64_t)in->regs.orig_rax >= 0 && rax <= -ERESTARTSYS &&
	       rax >= -ERESTART_RESTARTBLOCK;
}

/* At the instruction behind the recorder's call. */
static void
at_return(struct workshop *e, struct tracing *tr, struct inside *in, int signal)
{
	if (!was_interrupted(in))
		finish(e, tr, in, in->regs.rax);
	else if (proc_catches(in->t->tid, signal))
		interrupt(e, tr, in);
	/* else no handler runs: the kernel makes the call again, or ends the process */
}

/* The start-up code gave up. */
static bool
is_boot_failure(const struct tracee *t, const struct user_regs_struct *regs, int signal)
{
	return signal == SIGTRAP && t->space->booting && regs->rip == t->space->failed_at;
}

/* The recorder, or what it reads of the process, is not there. */
static bool
is_fault(int signal)
{
	return signal == SIGSEGV || signal == SIGBUS;
}

/* Where in its work the recorder is. */
enum phase {
	PHASE_NONE,	/* it has nothing, and leaves everything as it is */
	PHASE_BEFORE,	/* the call is not begun */
	PHASE_RETURNED, /* at the instruction behind it */
	PHASE_AFTER,	/* its result is in the frame */
};

static enum phase
phase_at(const struct recorder_map *m, uint64_t ip)
{
	if ((ip >= m->framed && ip <= m->trusted) ||
	    (ip >= m->before && ip < m->before_end))
		return PHASE_BEFORE;
	if (ip == m->returned)
		return PHASE_RETURNED;
	if ((ip > m->returned && ip < m->finish) ||
	    (ip >= m->after && ip < m->after_end) || (ip >= m->put && ip < m->put_end))
		return PHASE_AFTER;
	return PHASE_NONE;
}

static enum phase
phase_of(const struct workshop *e, const struct inside *in)
{
	const struct recorder_map *m = &e->region.map;
	uint64_t ip = in->regs.rip;

	/* whoever made a call of the recorder's own is next on the stack */
	if (ip >= m->own && ip <= m->own_returned &&
	    remote_read(in->t->tid, in->regs.rsp, &ip, sizeof(ip)) != sizeof(ip))
		return PHASE_NONE;
	return phase_at(m, ip);
}

/*
 * A jump by way of memory that the process has unmapped or protected: the jumps come
 * out, and what stood there before is executed.
 */
static bool
recover(struct workshop *e, struct tracee *t, uint64_t ip)
{
	struct mapping m;

	if (!workshop_patched_at(e, t->space, ip) ||
	    (maps_find(t->tid, LAYOUT_SLOTS, &m) == 0 && m.executable))
		return false;
	workshop_evict(e, t, REASON_LOST);
	return true;
}

/*
 * A handler that runs now may return to where the thread stands.  That matters only
 * next to a syscall instruction, at most as far behind it as a window is long.
 */
static void
note_place(const struct inside *in)
{
	uint64_t ip = in->regs.rip;
	uint8_t bytes[SITE_MAX + 2];
	ssize_t n;

	if (region_has(ip))
		return;
	n = remote_read(in->t->tid, ip - SITE_MAX, bytes, sizeof(bytes));
	for (ssize_t i = 0; i + 2 <= n; i++)
		if (bytes[i] == 0x0f && bytes[i + 1] == 0x05) {
			space_note_fragile(in->t->space, ip);
			return;
		}
}

bool
rescue(struct workshop *e, struct tracing *tr, struct tracee *t, int signal)
{
	struct inside in = { .t = t };
	enum phase phase;

	if (ptrace(PTRACE_GETREGS, t->tid, NULL, &in.regs) < 0)
		return false;
	if (is_boot_failure(t, &in.regs, signal)) {
		plant_failed(e, t, (int)in.regs.rax);
		return true;
	}
	if (is_fault(signal) && recover(e, t, in.regs.rip))
		return true;
	phase = phase_of(e, &in);
	if (phase == PHASE_NONE || !find_frame(e, &in)) {
		note_place(&in);
		return false;
	}
	if (phase == PHASE_BEFORE)
		decline(e, &in);
	else if (phase == PHASE_RETURNED)
		at_return(e, tr, &in, signal);
	else
		finish(e, tr, &in, in.frame.rax);
	note_place(&in);
	/* only reading a name can fail in there; what that means the kernel has to say */
	return phase != PHASE_RETURNED && is_fault(signal);
}
