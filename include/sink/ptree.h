/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The tree of processes, and one process alone
 *
 * Each is the print() of a struct view.
 */

struct buf;
struct view_in;

int ptree_print(const struct view_in *in, struct buf *out);
int ptree_one(const struct view_in *in, struct buf *out);
