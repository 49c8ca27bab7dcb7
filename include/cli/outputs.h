/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The logs' files: opened before the command starts, given to the hub
 */

#include <stddef.h>

struct hub;
struct options;

struct outputs {
	int *fds; /* owned, one for each sink of the hub, in its order */
	size_t count;
	const char *fresh; /* the default log, which nobody else made; or NULL */
};

/*
 * Opens what the options name, or the default log, whose name is told on stderr.
 * None of the descriptors is inherited by the command or below 3.  What cannot
 * be opened is told and ends the process.
 */
void outputs_open(struct outputs *outs, const struct options *o, struct hub *hub);

/* Nothing was recorded: removes the default log again. */
void outputs_discard(struct outputs *outs);
void outputs_close(struct outputs *outs);
