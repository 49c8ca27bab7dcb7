/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The filter
 *
 * The program that the kernel runs at each syscall of the job: RET_TRACE for the
 * calls of the chosen classes on each ABI and for numbers that belong to no call
 * yet (unknown.def), RET_ALLOW for everything else, also
 * for an architecture that it does not know.  It never refuses a call.
 */

#include <stddef.h>
#include <stdint.h>

struct sock_filter;

/*
 * What a traced call carries as event message.  Calls are told by their number; this only
 * tells our stops from those that others' filters ask for.
 */
#define FILTER_TRACE_DATA 0x7766

struct filter {
	struct sock_filter *code; /* owned */
	unsigned short len;	  /* in instructions, as struct sock_fprog has it */
};

/*
 * Builds the program for these class bits; process is always among them.  Calls of
 * x86-64 that end at one of the @count addresses of @trusted are let through: their
 * maker records them.  Only calls that would be traced are asked where they come from,
 * so that the kernel can go on letting the others pass without running the program
 * (seccomp_cache_prepare(), kernel/seccomp.c).
 */
int filter_build(unsigned classes, const uint64_t *trusted, size_t count,
		 struct filter *ret);

/* Its traced calls carry @data as event message from now on. */
void filter_mark(struct filter *f, uint16_t data);

/* Frees the program; a filter that was never built is fine when zeroed. */
void filter_done(struct filter *f);
