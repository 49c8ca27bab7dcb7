/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The JSONL log: everything, made for programs
 *
 * One JSON object on each line: a header, process events and accesses, an end.
 * whatfiles-log(5) describes the keys; a change of meaning raises JSONL_VERSION.
 */

#include "model/hub.h"

#define JSONL_VERSION 1

extern const struct sink_ops jsonl_sink;
