/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lists of files, sorted by name, one on each line
 *
 * Each is the print() of a struct view.
 */

struct buf;
struct view_in;

int listing_files(const struct view_in *in, struct buf *out);
int listing_inputs(const struct view_in *in, struct buf *out);
int listing_outputs(const struct view_in *in, struct buf *out);
int listing_temporaries(const struct view_in *in, struct buf *out);
int listing_missing(const struct view_in *in, struct buf *out);
int listing_denied(const struct view_in *in, struct buf *out);
