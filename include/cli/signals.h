/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Signals that reach whatfiles itself while the command runs
 *
 * What the terminal sends (Ctrl-C) reaches the command without us; what somebody
 * sends to us alone is handed to the command, so that it can clean up while we
 * go on recording.  A second signal to end, a second or more after the first,
 * kills every tracee.
 */

/* Installs the handlers; only after the command was forked. */
void signals_install(void);

/* The first signal that asked to end, 0 for none. */
int signals_received(void);

/* Puts back what was there before, so that the signal can end us. */
void signals_restore(int signal);
