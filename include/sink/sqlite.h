/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The run as a database: whatfiles-db(5) describes it
 *
 * Accesses are written when they come first, how often they came when their
 * process ends or a while later; roles, which are known at the end, then.
 */

#include "model/hub.h"

extern const struct sink_ops sqlite_sink;
