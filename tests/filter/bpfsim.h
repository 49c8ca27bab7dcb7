/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the kernel does with a seccomp filter, in user space
 *
 * Runs the instructions that seccomp_check_filter() accepts, and refuses all
 * others, jumps out of the program and division by zero.
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/* The bits of bpfsim_result.loaded: one per 32-bit word of struct seccomp_data. */
#define BPFSIM_WORD(field) (1U << (offsetof(struct seccomp_data, field) / 4))

struct bpfsim_result {
	uint32_t action; /* what the program returned */
	uint32_t loaded; /* which words of the data it looked at */
	unsigned steps;	 /* how many instructions it ran */
};

/* False when the kernel would not take the program, as far as this run shows. */
bool bpfsim_run(const struct sock_filter *code, unsigned len,
		const struct seccomp_data *data, struct bpfsim_result *ret);

/*
 * Whether the kernel's bitmap would let @nr of @arch pass without running the
 * program: seccomp_is_const_allow() in kernel/seccomp.c, instruction by instruction.
 */
bool bpfsim_const_allow(const struct sock_filter *code, unsigned len, uint32_t nr,
			uint32_t arch);
