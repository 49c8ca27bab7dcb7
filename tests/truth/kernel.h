/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the BPF program tells, as it stands in the observer's file
 *
 * An event is followed by its first name and then its second one; the lengths
 * are in it.  kernel.py reads the same layout.
 */

#define NAME_MAX_LEN 4096u /* with its NUL: no call takes a longer one */
#define NUMBERS 1024u	   /* of syscalls, per ABI */

enum event_type {
	EVENT_ENTER = 1,
	EVENT_EXIT,
	EVENT_SIGNAL, /* a handler is about to run */
	EVENT_GONE,   /* the thread ended */
	EVENT_FORK,   /* of task, with number nr, by the task ret */
	EVENT_END,    /* of the file: exit status nr, tracer pid, lost events ret */
};

enum event_flag {
	FLAG_NULL1 = 1, /* the name's address is NULL */
	FLAG_BAD1 = 2,	/* nothing could be read there */
	FLAG_NULL2 = 4,
	FLAG_BAD2 = 8,
	FLAG_REFUSED = 16, /* an exit without its entry: seccomp let the call not begin */
};

enum row_shape {
	ROW_PLAIN,
	ROW_SOCKADDR,
	ROW_SOCKETCALL,
	ROW_BPF,
	ROW_FSCONFIG,
};

struct event {
	unsigned long long ns; /* CLOCK_MONOTONIC */
	unsigned long long task;
	unsigned int pid;
	unsigned int tid;
	int nr;
	unsigned char type;
	unsigned char abi; /* 0 x86_64, 1 i386, 2 x32 */
	unsigned char flags;
	unsigned char unused;
	long long ret;
	unsigned long long ip;
	unsigned long long sp;
	unsigned short len1;
	unsigned short len2;
	unsigned int unused2;
};

/* Of the syscall table: where a call's names stand, counted from 1. */
struct row {
	unsigned char wanted;
	unsigned char shape;
	unsigned char path;
	unsigned char path2;
};
