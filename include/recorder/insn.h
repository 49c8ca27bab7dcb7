/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How long an x86-64 instruction is, and whether it may be moved
 *
 * Conservative everywhere: what is not known for sure is refused.  A refusal costs
 * a stop in ptrace, a mistake a program.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INSN_MAX 15

struct insn {
	uint8_t len;
	/*
	 * It does the same at another address: no branch, no operand relative to rip,
	 * nothing that enters the kernel, no padding (which ends a function).
	 */
	bool movable;
	bool writes_rcx, writes_r11; /* or may do so */
};

/* Its length; 0 when the @max bytes do not begin with an instruction that we know whole. */
size_t insn_decode(const uint8_t *bytes, size_t max, struct insn *ret);
