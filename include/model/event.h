/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Events: what happened, as a sink or a check sees it
 *
 * Everything here is borrowed for the time of the call; interned names live as
 * long as the run.  Times are nanoseconds since the run began.
 */

#include "model/syscalls.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct interned;

/* Which part of us saw a call. */
enum engine {
	ENGINE_STRICT, /* a ptrace stop */
	ENGINE_FAST,   /* the recorder inside the job */
	ENGINE_COUNT,
};

/* Bytes of somebody else. */
struct span {
	const char *bytes;
	size_t len;
};

/* Which file it was, whatever name led there. */
struct file_id {
	bool known;
	bool deleted; /* it has no name any more */
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	const struct interned *path; /* what the kernel calls it; NULL when not known */
};

/* A process as sinks may see it.  Its serial number is never used again, its pid may be. */
struct process {
	uint64_t serial;
	uint64_t parent; /* serial, 0 for the first */
	pid_t pid;	 /* the thread group's id, in our pid namespace */
	pid_t ppid;
	pid_t ns_pid;		     /* its own pid namespace's, 0 where that is ours */
	const struct interned *name; /* last part of what it executes */
	const struct interned *exe;  /* what it executes, absolute; NULL when not known */
	bool left_out;		     /* what it does is not told (detach.h) */
	bool untold; /* nor that it is there: below one that is left out */
};

/* One run of whatfiles; handed to each sink before anything else. */
struct run {
	const char *version;
	char *const *argv; /* the command, NULL-terminated */
	struct span cwd;
	uint64_t wall_ns;  /* CLOCK_REALTIME at time 0 of the events */
	pid_t pid;	   /* ours */
	const pid_t *pids; /* what we attached to, instead of a command; or NULL */
	size_t pid_count;
	const char *engine;
	unsigned classes;
	bool all;		 /* every call, not only first occurrences */
	bool selected;		 /* not all accesses are told */
	char *const *detach;	 /* programs to leave out (detach.h) */
	bool failed;		 /* text: failed look-ups too */
	bool probes;		 /* text: the probe class was asked for by name */
	char *const *targets;	 /* dependency files: NULL-terminated, or NULL */
	struct span depend_base; /* names are relative to this; empty: absolute */
	bool depend_system;	 /* system files too */
};

enum process_event_kind {
	PROCESS_START, /* the command itself */
	PROCESS_FORK,
	PROCESS_EXEC,
	PROCESS_EXIT,
	PROCESS_INHERITED, /* the command was started with an open descriptor */
	PROCESS_ATTACH,	   /* it ran before we came */
	PROCESS_DETACH,	   /* it goes on without us */
};

struct process_event {
	enum process_event_kind kind;
	uint64_t time;
	const struct process *process;
	struct span cwd;    /* START, FORK, EXEC, ATTACH */
	struct span root;   /* likewise, where that is not our own root */
	uint64_t mnt_ns;    /* likewise the mount namespace; 0 for ours */
	struct span argv;   /* EXEC, ATTACH: arguments, each ended by NUL */
	bool argv_cut;	    /* likewise: argv was too long to keep whole */
	int status;	    /* EXIT: as wait(2) gives it */
	bool status_known;  /* EXIT: false when the end was seen but not the status */
	bool threads_share; /* FORK: made with CLONE_VM, as vfork does */
	bool attached;	    /* INHERITED: not by a command, it was open when we came */
	int fd;		    /* INHERITED */
	struct span file;   /* INHERITED: what it is, as /proc/PID/fd tells */
	uint64_t flags;	    /* INHERITED: O_* */
	unsigned mode;	    /* INHERITED: of the file, as in stat(2); 0 when not known */
};

struct access {
	uint64_t time;
	const struct process *process;
	pid_t tid;
	enum op op;
	enum engine engine;
	enum abi abi;
	const struct syscall_row *row;
	const struct interned *path; /* absolute; never NULL */
	const struct interned *to;   /* the second name, or NULL */
	struct span name;	     /* as passed, before it was made absolute */
	struct span to_name;
	int64_t result;	   /* as the kernel returned it, >= 0, or 0 when error is set;
			      of a descriptor that was received its number */
	int error;	   /* positive errno, 0 for success */
	bool unfinished;   /* the process was killed inside the call: no result */
	bool left;	   /* unfinished because we went away: the call goes on */
	bool path_unknown; /* the name could not be read from the process, path is "" */
	int path_error;	   /* why: a positive errno */
	bool truncated;	   /* a name that is too long for any call: only its beginning */
	bool deleted;	   /* path is a descriptor's file, and was its name */
	bool own;	   /* passed as /proc/self or the like: path says whose */
	/*
	 * Memory can change while a call is on its way.  What was really opened,
	 * where path does not lead there, or what the names were when the call
	 * returned; else NULL.
	 */
	bool raced;
	const struct interned *opened, *path_after, *to_after;
	struct file_id file, replaced;
	const struct interned *root; /* of the process, absolute; NULL for ours */
	uint64_t mnt_ns;	     /* 0 for ours */
	bool has_flags;
	uint64_t flags; /* O_* */
	bool by_kernel; /* opened by the kernel itself, for an exec: there is no result */
	bool first;	/* first of this process, operation, names and outcome */
};

/* Why a record may not hold everything. */
enum gap {
#define GAP(id, word, what) GAP_##id,
#include "model/gaps.def"
#undef GAP
	GAP_COUNT,
};

const char *gap_word(enum gap g);
const char *gap_what(enum gap g);

/* What is worth a word although nothing is missing. */
enum note {
#define NOTE(id, word, what) NOTE_##id,
#include "model/notes.def"
#undef NOTE
	NOTE_COUNT,
};

const char *note_word(enum note n);
const char *note_what(enum note n);

/* Gaps or notes of one kind. */
struct gap_count {
	uint64_t count;
	char example[160]; /* of the first one */
};

/* Why calls were seen by a stop although there is a faster way; the fast engine counts. */
struct stop_count {
	const char *word;
	uint64_t calls;	 /* that stopped */
	uint64_t images; /* programs executed that could not have the recorder at all */
};

/* How the run ended; handed to each sink last. */
struct outcome {
	uint64_t time;
	int status;	   /* of the command, as wait(2) gives it */
	bool status_known; /* false when it did not come to an end that we saw */
	bool attached;	   /* there was no command, so there is no status */
	uint64_t processes, threads, execs;
	uint64_t stops;			  /* ptrace stops of any kind */
	uint64_t calls[ENGINE_COUNT];	  /* file syscalls recorded */
	const struct stop_count *stopped; /* by reason */
	size_t stopped_count;
	uint64_t accesses; /* of them, those that named or changed a file */
	uint64_t written;  /* of those, passed to the sinks */
	struct gap_count gaps[GAP_COUNT];
	struct gap_count notes[NOTE_COUNT];
};

/* Nothing may be missing. */
bool outcome_complete(const struct outcome *o);
