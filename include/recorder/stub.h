/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The code that a site jumps to
 *
 *	mov  $nr,%eax			if the site has it
 *	lea  -128(%rsp),%rsp		the red zone is the interrupted function's
 *	call entry			rcx is 0: made; else rax is untouched
 *	lea  128(%rsp),%rsp
 *	jrcxz 1f
 *	syscall				what the recorder declines
 * 1:	(what stood behind the site's syscall)
 *	mov  base,%rcx			or r11
 *	lea  end of the site(%rcx),%rcx
 *	jmp  *%rcx
 *
 * Only what is displaced changes flags; rcx and r11 are the kernel's to spoil.
 */

#include <stddef.h>
#include <stdint.h>

struct site;

#define STUB_MAX 80

/* Addresses in the recorder's region, all below 2^31. */
struct stub_env {
	uint32_t stub_addr;  /* where the stub will be */
	uint32_t entry_addr; /* of the recorder */
	uint32_t base_addr;  /* of the 8-byte word that holds the file's load address */
};

/*
 * Writes the stub for a site at @site_offset from the load address, and where in
 * it its own `syscall` is.  Returns the length, 0 when it cannot be.
 */
size_t stub_emit(const struct site *s, const struct stub_env *e, uint64_t site_offset,
		 uint8_t out[STUB_MAX], uint8_t *ret_syscall_at);

/* The s->len bytes that replace the site: jmp *@slot_addr, and nops. */
void stub_jump(const struct site *s, uint32_t slot_addr, uint8_t out[16]);
