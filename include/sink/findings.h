/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is known of a run as a whole, at its start and its end, as rows of a database
 */

struct fold;
struct outcome;
struct rows;
struct run;

/* The first row; findings_outcome() adds to it.  0 or -errno, as all of these. */
int findings_start(struct rows *r, const struct run *run);

/* What each name was in the run; its row is there. */
int findings_roles(struct rows *r, const struct fold *f);

/* How the run ended, and what the record may lack. */
int findings_outcome(struct rows *r, const struct outcome *o);
