/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Rescue: takes a stopped thread out of the recorder
 *
 * A signal handler may never return, may throw an exception through the frames
 * below it, or may look at them; so none ever runs on top of the recorder.  Before
 * a signal is delivered, a thread that stands in there is taken out: a call that was
 * not begun is left to the plain instruction of its stub, one that has returned is
 * recorded from here and returns, and one that the signal interrupted becomes a call
 * of the stub's plain instruction, to be restarted or ended there by the kernel.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct workshop;
struct tracee;
struct tracing;

/*
 * @t stands at the delivery of @signal, or for another reason (0) for which it may stand
 * still for long, or go on under a filter of its own.  True when the signal is our own affair, a
 * name that cannot be read, and is not to be delivered.
 */
bool rescue(struct workshop *e, struct tracing *tr, struct tracee *t, int signal);
