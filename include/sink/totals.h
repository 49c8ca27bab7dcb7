/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a summary counts, in one walk over the fold
 */

#include "base/table.h"
#include "model/fold.h"

#define TOTALS_TOP 4	   /* how many of each kind are remembered */
#define TOTALS_ERRORS 4096 /* the kernel's are below */

/* A directory and what was done in it. */
struct totals_place {
	const struct fold_file *dir;
	uint64_t files, calls;
};

struct totals_places {
	struct table table; /* while counting */
	struct totals_place *top[TOTALS_TOP];
};

/* What is counted in one walk over all files. */
struct totals {
	uint64_t roles[ROLE_COUNT], directories;
	uint64_t failed, errors[TOTALS_ERRORS];
	uint64_t denied_calls, denied_files;
	uint64_t outside_written, outside_read, outside_temporary;
	const struct fold_file *denied[TOTALS_TOP], *outside[TOTALS_TOP];
	struct totals_places read, written;
};

/* @t is zeroed; totals_done() frees what is in it. */
void totals_count(struct totals *t, const struct fold *f, const struct run *run);
void totals_done(struct totals *t);
