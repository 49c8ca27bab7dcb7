/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Places: where every task is after a directory was renamed
 *
 * A working directory keeps its identity and gets another name.  What that is
 * only the kernel can tell, because the rename may have named it by way of
 * symbolic links or "..".
 */

struct record;
struct tracing;

/* After a call: tells everybody's place anew if it renamed a directory. */
void places_after(struct tracing *tr, const struct record *call);
