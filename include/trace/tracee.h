/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Tracees: what the loop must remember of each task between two stops
 */

#include "base/tidmap.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

struct nested;
struct nester;
struct record;
struct space;

/* One address space, which tasks may share (CLONE_VM). */
struct memory {
	unsigned users;
};

/* A call between its entry and its exit. */
struct pending_call {
	bool active;
	struct record *record; /* what the entry told; memory that is used again */
	size_t room;
	uint64_t ip, sp, nr;
	struct timespec since; /* its entry, where others could change its names */
	/* once it was interrupted */
	bool in_handler;      /* a signal handler was entered and has not come back */
	unsigned calls_since; /* that other calls were made */
};

/* A handler's call may be interrupted too, and so on; nobody has seen three. */
#define HELD_MAX 4

struct tracee {
	pid_t tid;
	pid_t tgid;
	pid_t maker;	   /* the thread that forked it, as far as we saw that */
	bool told;	   /* its birth is in the ring, so it may run */
	bool parked;	   /* stopped at birth until it is told */
	bool every;	   /* stops at every call: a filter of its own could hide some */
	bool entered;	   /* stopped at the entry of the call that it is in */
	bool in_sigreturn; /* between entry and return of sigreturn */
	bool interrupted;  /* asked to stop, and has not yet */
	bool same_place;   /* others have its working directory too, and may change it */
	unsigned
		unknown; /* the number of the call that it is in, where no table has it */
	bool refuse;	 /* the call is to be answered with ENOSYS at its seccomp stop */
	bool waits;	 /* at a call's entry, until its siblings have stopped */
	bool freezing;	 /* was asked to stand still, and does not yet */
	int put_off;	 /* the status that it stopped with since, 0: none */
	bool froze;	 /* takes up its call while all siblings stand still */
	bool thawed;	 /* or because they would not */
	bool swapped;	 /* in a call that the fast engine makes in place of its own */
	int status;	 /* what it stopped with last */
	struct nested *nested; /* another of the job traces it; or NULL */
	struct nester *nester; /* it traced others; or NULL */
	struct memory *memory;
	struct pending_call call;
	/* interrupted by signals, the last one on top: each restarts, or ends in EINTR */
	struct pending_call held[HELD_MAX];
	unsigned held_count;
	struct space *space;	    /* the fast engine's */
	bool fresh;		    /* was forked and has not run */
	struct tracee *next, *prev; /* the threads of one process, a circle */
	bool stays;		    /* stands where we will leave it */
	int stay_signal;	    /* and what for, to be delivered then; or 0 */
	uint64_t parked_round;	    /* when, in rounds of the loop */
	struct tracee *next_parked, **parked_link;
};

struct tracees {
	struct tidmap map;
	struct tracee *parked;
	size_t count;
};

struct tracee *tracees_find(const struct tracees *t, pid_t tid);

/* A new one, in @sibling's process unless that is NULL. */
struct tracee *tracees_add(struct tracees *t, pid_t tid, struct tracee *sibling);

/* Takes it out and frees it with its calls. */
void tracees_remove(struct tracees *t, struct tracee *tracee);

/* Puts it into @sibling's process. */
void tracees_join(struct tracee *tracee, struct tracee *sibling);

void tracees_park(struct tracees *t, struct tracee *tracee, uint64_t round);
void tracees_unpark(struct tracee *tracee);

/* Gives it the id @tid, which nobody else may have. */
void tracees_rename(struct tracees *t, struct tracee *tracee, pid_t tid);

/* Frees everything. */
void tracees_done(struct tracees *t);

/* It has @other's memory now, or one of its own. */
void tracees_share_memory(struct tracee *tracee, struct tracee *other);
void tracees_own_memory(struct tracee *tracee);

/* Whether another task could change what is in its memory. */
bool tracees_has_shared_memory(const struct tracee *tracee);

/* Makes it active with a copy of @record. */
void pending_set(struct pending_call *call, const struct record *record);
