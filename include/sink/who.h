/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who touched a file, and how
 *
 * Each is the print() of a struct view.
 */

struct buf;
struct view_in;

int who_print(const struct view_in *in, struct buf *out);
