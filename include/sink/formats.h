/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The formats of a log
 *
 * A new format is a struct sink_ops and its line in the table of formats.c.
 */

#include <stddef.h>

struct sink_ops;

/* The format that --format calls @word, NULL if there is none. */
const struct sink_ops *formats_by_word(const char *word);

/*
 * The format that the ending of @file means, the one before it where the last
 * is of a compression (pack.h); text where it means none.
 */
const struct sink_ops *formats_by_name(const char *file);

/* Number @i in the order of --help, NULL behind the last. */
const struct sink_ops *formats_get(size_t i);
