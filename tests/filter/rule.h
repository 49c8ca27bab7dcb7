/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What must be traced
 *
 * The rule once more, from the rows as they are written down and from the words
 * of bpf-filters/README.md; it asks nothing of the code under test.
 */

#include "model/syscalls.h"
#include <stdbool.h>
#include <stdint.h>

#define NR_END 1024
#define CHOICES (1U << CLASS_INDEX_PROCESS) /* process is the last class, and no choice */

/* A row as it is written: words, so that no other header has a say in them. */
struct row {
	const char *name;
	int nr[ABI_COUNT];
	unsigned classes;
	const char *shape, *rest;
};

extern const struct row rows[];
extern const unsigned row_count;

/* The row of each number, NULL where there is none; filled by rule_init(). */
extern const struct row *by_nr[ABI_COUNT][NR_END];

void rule_init(void);

bool row_has(const struct row *row, const char *what);

/* The argument, from 0, that stands behind @field, which ends in "= A". */
unsigned row_arg(const struct row *row, const char *field);

/* Whether a call of @row is ever traced with these classes, whatever its arguments. */
bool row_is_chosen(const struct row *row, unsigned classes);

/* Whether no kernel had a call of that number. */
bool nr_is_unknown(enum abi abi, unsigned nr);

/* Whether opens with @flags belong to the class. */
bool open_is(unsigned class, uint32_t flags);

/* Whether the call must be traced; @row may be NULL. */
bool must_trace(const struct row *row, unsigned classes, const uint64_t args[6]);
