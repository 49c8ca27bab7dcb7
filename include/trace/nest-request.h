/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a tracer of the job asks of a task that stands still for it
 */

#include "trace/kernel.h"
#include <stdint.h>
#include <sys/types.h>

struct nested;

/*
 * Makes the request of @stop, a call of ptrace(2), on the task of @n, with what it reads
 * and writes in the tracer's memory.  Its result, as of the raw call.
 */
int64_t nest_request(const struct kernel *kernel, const struct nested *n,
		     const struct syscall_stop *stop);

/* The id of @tid in the pid namespace of @viewer, 0 where it has none. */
pid_t nest_id(pid_t viewer, pid_t tid);
