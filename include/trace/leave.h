/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Leaving: letting go of what we attached to, as it was
 *
 * Everybody is stopped for a moment, so that the record ends at one point of time for
 * all of them; then each goes on from where it stands: running if it ran, stopped if
 * it was stopped.  A signal that was on its way is delivered, and none is made up.
 */

#include <stdbool.h>

struct record;
struct tracee;
struct tracing;

/* One step after a round of the loop; the first begins it. */
void leave_step(struct tracing *tr);

/* A stop of @t, or its end, after everybody was told to be left. */
void leave_late(struct tracing *tr, struct tracee *t, int status);

/* Whether the program that the exec @r began has such a name, with or without directories. */
bool leave_is_meant(const struct record *r, const char *glob);
