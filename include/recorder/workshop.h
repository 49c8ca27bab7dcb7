/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The workshop: the fast engine's side in whatfiles
 *
 * Brings the recorder into each new image, patches the places that calls come from,
 * and answers the loop (trace/fast.h).  What cannot be patched goes on stopping.
 */

#include "model/event.h"
#include "recorder/codefiles.h"
#include "recorder/region.h"
#include "recorder/spaces.h"
#include "trace/fast.h"
#include <stdint.h>

struct workshop {
	struct fast fast; /* first */
	struct region region;
	struct code_files files;
	uint64_t boot_place;			/* behind the vdso's start */
	uint64_t reasons[REASON_COUNT];		/* calls that stopped */
	struct stop_count counts[REASON_COUNT]; /* the same, for whoever reports */
	uint64_t images[REASON_COUNT]; /* images without the recorder; SITE: with it */
};

/*
 * Makes the region and what else is needed; a negative errno when this machine
 * cannot have the fast engine.
 */
int workshop_open(struct workshop *e, size_t ring_bytes, unsigned classes);
void workshop_close(struct workshop *e);

/* Fills in counts, which are valid as long as @e. */
void workshop_count(struct workshop *e);

/* Tells what still stopped, and why, to whoever asked for it (-d). */
void workshop_debug(const struct workshop *e);

/* Whether a jump stands at @ip in the space. */
bool workshop_patched_at(const struct workshop *e, const struct space *s, uint64_t ip);

/* The site that jumps to the stub which @ip is in, and where its file is mapped; or NULL. */
const struct code_site *workshop_site_of(const struct workshop *e, const struct space *s,
					 uint64_t ip, uint64_t *ret_base);

/* @t's space goes on by stops: its jumps are taken out.  At a stop of @t only. */
void workshop_evict(struct workshop *e, struct tracee *t, enum stop_reason why);
