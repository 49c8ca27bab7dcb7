/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What kind of stop a status from wait(2) tells of
 */

enum stop_kind {
	STOP_END,     /* the task is gone: nothing may be done with it */
	STOP_SECCOMP, /* entry of a call of the table */
	STOP_SYSCALL, /* return of a call that we asked to follow */
	STOP_FORK,    /* it made a task, whose id is the event's message */
	STOP_EXEC,    /* a new program, before its first instruction */
	STOP_GROUP,   /* stopped with its whole process: stays so until SIGCONT */
	STOP_BIRTH,   /* a new task's first stop, or the end of a group-stop */
	STOP_SIGNAL,  /* a signal is about to be delivered: it must be handed on */
	STOP_OTHER,   /* an event that we did not ask for */
};

/* Pure; see ptrace(2), "Stopped states", for tracees that were seized. */
enum stop_kind stop_kind(int status);

/* The signal that a STOP_SIGNAL or STOP_GROUP tells of. */
int stop_signal(int status);
