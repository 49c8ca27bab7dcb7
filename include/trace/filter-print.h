/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The filter in readable form
 *
 * A disassembly of the program itself, whoever made it, with the names that its
 * numbers stand for.
 */

#include <stdio.h>

struct filter;

/* Writes it to @out, line by line; @classes are those that @f was built for. */
void filter_print(const struct filter *f, unsigned classes, FILE *out);
