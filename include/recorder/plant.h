/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Planting: when the recorder goes into an image, and jumps into its code
 */

#include "recorder/spaces.h"
#include <stdbool.h>
#include <stdint.h>

struct workshop;
struct tracee;

/* @t stands at the exec stop of a new image: prepares it, or says in its space why not. */
void plant(struct workshop *e, struct tracee *t);

/*
 * @t stands at the entry of a call that the recorder could have made, which ends before
 * *@ip.  Patches what can be patched, and then sends the call back by way of the stub,
 * because where it would return to may be part of the jump: *@ip is the new place.  The
 * reason why this one stopped.
 */
enum stop_reason plant_at(struct workshop *e, struct tracee *t, uint64_t *ip);

/* Whether @tid's own number is another one for it than for us. */
bool plant_has_other_pids(pid_t tid);

/* Whether it is worth stopping the other threads of @t's process to patch. */
bool plant_wants_freeze(const struct tracee *t);

/*
 * The start-up code of @t's image failed with @error at its int3: tries again where
 * that may help, else lets the image begin without the recorder.
 */
void plant_failed(struct workshop *e, struct tracee *t, int error);
