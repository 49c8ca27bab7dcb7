/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The logs' files: opened before the command starts, given to the hub
 */

#include <stdbool.h>
#include <stddef.h>

struct hub;
struct options;

struct outputs {
	int *fds;   /* owned, one for each sink of the hub, in its order */
	bool *made; /* owned: which of them were not there before */
	size_t count;
	const char *fresh; /* the default log, which nobody else made; or NULL */
};

/*
 * Opens what the options name, or the default log.  None of the descriptors is
 * inherited by the command.  What cannot be opened is told and ends the process.
 */
void outputs_open(struct outputs *outs, const struct options *o, struct hub *hub);

/* Nothing was recorded: removes the logs that were made for it again. */
void outputs_discard(struct outputs *outs, const struct options *o);
void outputs_close(struct outputs *outs);
