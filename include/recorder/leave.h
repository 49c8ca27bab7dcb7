/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Leaving: takes the recorder out of a process that would notice it
 *
 * A limit on the address space, or on memory that is locked, counts our mappings
 * too.  At the entry of the call that sets such a limit or locks everything, the jumps
 * come out and a munmap is made in the call's place; then the call itself.
 */

#include <stdbool.h>

struct syscall_stop;
struct tracee;
struct workshop;

/* The numbers of x86-64 that the filter has to stop for it. */
bool leave_is_reason(const struct syscall_stop *stop);

/*
 * @t stands at the entry of such a call.  True when another call is made first: at its
 * return leave_done() is to be called.
 */
bool leave_begin(struct workshop *e, struct tracee *t, const struct syscall_stop *stop);
void leave_done(struct tracee *t);
