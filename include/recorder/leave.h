/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Leaving: takes the recorder out of a process that would notice it
 *
 * A limit on the address space, or on memory that is locked, counts our mappings
 * too; and a program may map something else over them, or unmap what it does not know.
 * At the entry of such a call the jumps come out and a munmap of ours is made in the
 * call's place; then the call itself.  Where several tasks share the memory only the
 * jumps come out: another one may be inside of the recorder.
 */

#include "recorder/spaces.h"
#include <stdbool.h>

struct syscall_stop;
struct tracee;
struct workshop;

/* Whether the call is such a one, which the filter stops; why, in @ret. */
bool leave_is_reason(const struct workshop *e, const struct syscall_stop *stop,
		     enum stop_reason *ret);

/*
 * @t stands at the entry of such a call.  True when another call is made first: at its
 * return leave_done() is to be called.
 */
bool leave_begin(struct workshop *e, struct tracee *t, const struct syscall_stop *stop,
		 enum stop_reason why);
void leave_done(struct tracee *t);
