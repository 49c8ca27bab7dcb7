/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The run as a trace for ui.perfetto.dev, chrome://tracing and speedscope
 *
 * Chrome's trace event format, as an array: one event on a line, so that it is a
 * log like any other.  Each process has a track of the programs that it was, its
 * accesses are instants on the tracks of its threads.  A trace that was cut short
 * lacks the closing bracket, which the format allows.
 */

#include "model/hub.h"

extern const struct sink_ops perfetto_sink;
