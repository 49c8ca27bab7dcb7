/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Calls of ptrace(2) between tasks of ours
 */

#include "trace/kernel.h"
#include <stdint.h>

struct tracee;
struct tracing;

/*
 * At the entry of ptrace(2), where calls can be answered, which this does for all that
 * concerns tasks of ours.
 */
void nest_on_call(struct tracing *tr, struct tracee *t, const struct syscall_stop *stop);

/* That call has returned @result; what it really means. */
int64_t nest_on_return(struct tracing *tr, struct tracee *t, int64_t result);
