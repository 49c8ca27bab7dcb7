/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the program writes down about itself
 *
 * A file mapped shared and at one address by every process of the tree, so that
 * telling costs no call, survives exec and needs no memory of one's own.  It is
 * below 4 GiB: names stand in it where the call takes them, and an i386 call has
 * 32 bits for their address.  trees.py reads it.
 */

#include "raw.h"

#define ACCOUNT ((struct account *)0x20000000ul)
#define ACCOUNT_FD 900 /* these three are inherited by everybody */
#define PROGRAM_FD 901
#define MAIL_FD 902 /* and 903: a pair of sockets */

#define TASKS_MAX 20
#define FDS_MAX 8
#define CHANGES_MAX 32
#define PLACES_MAX (2 * TASKS_MAX)
#define PATH_ROOM 320

enum record_kind {
	RECORD_CALL = 1,
	RECORD_BORN,	 /* result: tid of the task that made it, nr: whether a thread */
	RECORD_MADE,	 /* nr: the task that this one made */
	RECORD_EXECUTED, /* names: the arguments */
	RECORD_WAITED,	 /* nr: pid, result: status */
	RECORD_SEED,	 /* result: 1 where it took too long */
};

/* Of each of both names. */
enum name_flag {
	NAME_GIVEN = 1,	   /* the call takes one */
	NAME_NULL = 2,	   /* its address was NULL */
	NAME_BAD = 4,	   /* its address was bad */
	NAME_KNOWN = 8,	   /* we know the directory that it starts in */
	NAME_IN_ROOT = 16, /* that directory is its root as well */
	NAME_TEXT = 32,	   /* text and no name: a symbolic link's target */
	NAME_SELF = 64,	   /* no name but the descriptor itself */
};

struct record {
	uint32_t size;
	uint8_t kind;
	uint8_t abi;
	uint8_t flags[2];
	uint32_t seed;
	uint32_t task;
	int32_t pid;
	int32_t tid;
	int32_t nr;
	uint32_t unused;
	int64_t result;
	uint64_t stamp; /* calls returned in this order; 0: it never did */
	uint16_t len[2];
	uint16_t base_len[2];
	uint16_t root_len;
	uint16_t unused2[3];
	char text[]; /* names, their directories, the root; a NUL behind each */
};

/* A directory's path, as it was after the first @changes changes. */
struct where {
	char path[PATH_ROOM];
	uint32_t changes;
	bool known;
};

/* Where names start: what the kernel calls fs_struct, shared with CLONE_FS. */
struct place {
	uint32_t begun; /* calls that change it */
	uint32_t ended;
	struct where root;
	uint32_t roots; /* struct tree's when this was copied from another */
};

/* A descriptor that only the task that has it here closes. */
struct own_fd {
	int fd;
	bool cloexec;
	struct where where;
};

struct task {
	uint32_t index;
	uint32_t creator_tid;
	int pid;
	int tid;
	uint64_t random;
	int budget;
	int depth;
	bool thread;
	bool crowded; /* somebody else of this process could end it */
	bool privileged;
	bool own_place; /* not its creator's */
	bool rooted;	/* in another root */
	struct place *place;
	struct own_fd fds[FDS_MAX];
	int children[8];
	uint32_t child_count;
	/* the call that is being made */
	struct record *current;
	volatile int returned;
	struct proof {
		uint32_t place, names;
		bool sound;
	} proof;
	uint8_t known[2];
	uint32_t uniques;
};

/* A directory got another name, changed names with another or went away. */
struct change {
	char from[PATH_ROOM], to[PATH_ROOM];
	enum { CHANGE_RENAME, CHANGE_EXCHANGE, CHANGE_REMOVE } kind;
};

/* The tree of one seed. */
struct tree {
	uint32_t seed;
	uint32_t born;
	uint32_t places;
	uint32_t lock; /* held by who changes directories */
	uint32_t begun;
	uint32_t ended;
	uint32_t changes;
	uint32_t roots_begun; /* calls of chroot */
	uint32_t roots_ended;
	char home[PATH_ROOM];
	char program[PATH_ROOM];
	struct task task[TASKS_MAX];
	struct place place[PLACES_MAX];
	struct change change[CHANGES_MAX];
};

struct account {
	uint64_t first; /* where the records begin */
	uint64_t next;	/* and where the next one will */
	uint64_t stamp;
	uint64_t size;
	uint64_t full; /* records that found no room */
	uint64_t has_int80;
	struct tree tree;
};

/* A call with its names; @args has its other arguments. */
struct call {
	int nr[ABIS]; /* -1: it has none there */
	enum abi abi;
	long args[6];
	struct {
		int arg; /* which argument the name is, from 1; 0: none, -1: it is set */
		int dir; /* and the descriptor that it starts at; 0: none */
		const char *name; /* NULL: see flags */
		uint8_t flags;
	} name[2];
	bool changes_place;	     /* its success changes where names start */
	bool changes_root;	     /* the working directory is the root then */
	const struct change *change; /* what its success does to directories; lock held */
	bool in_root;		     /* openat2's RESOLVE_IN_ROOT */
	bool sound;		     /* set: nobody else changed where the names start */
};

void account_open(const char *path);
void account_map(void);

struct record *account_note(struct task *t, enum record_kind kind, long nr, long result,
			    const char *text, size_t len);

/* Makes the call and tells of it; returns its result. */
long account_call(struct task *t, struct call *c);

/* The call of @r returned before whatever is told from now on. */
void account_order(struct record *r);

/* The names of the task's call are known, unless somebody changed what they mean. */
void account_prove(struct task *t, struct record *r);

/* The call of @r has returned. */
void account_return(struct record *r, long result);

/* Whether a call is to be an i386 one: one in @n, where the kernel has them. */
bool account_int80(struct task *t, unsigned n);

uint64_t account_random(struct task *t);

/* One of 0 to @n - 1. */
static inline unsigned
pick(struct task *t, unsigned n)
{
	return (unsigned)(account_random(t) % n);
}
