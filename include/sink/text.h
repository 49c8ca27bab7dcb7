/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The text log: one line for each access, made to be read
 *
 * mode:  read, file: /etc/passwd, syscall: openat(), PID: 8566, process: cat
 *
 * Its last line says how the run ended.  whatfiles-log(5) describes it.
 */

#include "model/hub.h"

extern const struct sink_ops text_sink;
