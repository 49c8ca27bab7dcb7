/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is in a database: tables, indexes and views
 *
 * whatfiles-db(5) describes them; a change of meaning raises SCHEMA_VERSION.
 */

#define SCHEMA_VERSION 1

/* In a database's header, where file(1) and we ourselves look: "wfil". */
#define SCHEMA_APPLICATION 0x7766696c

/* All that is there from the start. */
extern const char schema_tables[];

/* Made at the end, when nothing comes any more: that is what makes them cheap. */
extern const char schema_indexes[];
