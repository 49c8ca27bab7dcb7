/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Signals that reach whatfiles itself while the command runs
 *
 * What the terminal sends (Ctrl-C) reaches the command without us; what somebody
 * sends to us alone is handed to the command, so that it can clean up while we
 * go on recording.  A second signal to end, a second or more after the first,
 * kills every tracee, and so does the end of a time of grace.  From the first one on
 * nobody waits for ever for whoever reads a log.
 */

#include <stdint.h>

enum signals_mode {
	SIGNALS_TO_COMMAND,
	/* There is none: those that ask to end ask us to leave, and others are ignored. */
	SIGNALS_TO_LEAVE,
};

/*
 * Installs the handlers; only after the command was forked.  A log that takes nothing
 * for @patience (in ns) after a signal to end is given up.
 */
void signals_install(enum signals_mode mode, uint64_t patience);

/* Has us leave after so long, as if somebody had asked. */
void signals_leave_after(uint64_t nanoseconds);

/* The first signal that asked to end, 0 for none. */
int signals_received(void);

/* Puts back what was there before, so that the signal can end us. */
void signals_restore(int signal);
