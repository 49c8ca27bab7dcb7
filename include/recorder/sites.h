/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where a file's code makes syscalls that can be made by a jump instead
 *
 * A site is a window of whole instructions, one of them `syscall`, that a 7-byte
 * jump can replace: no branch of the text leads into it behind its first byte.
 * Pure: bytes in, windows out.  x86-64 only.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITE_MIN 7 /* bytes of `jmp *abs32` */
#define SITE_MAX 15

struct site {
	uint64_t offset;    /* of the first replaced byte in the scanned text */
	uint8_t len;	    /* replaced bytes, SITE_MIN to SITE_MAX */
	uint8_t syscall_at; /* where in them `syscall` is: 0, or 5 behind `mov $nr,%eax` */
	int16_t nr; /* told by the instruction before it, -1: whatever rax holds */
	/*
	 * The bytes alone prove that it is code.  Others are good only where a thread
	 * was seen to stop.
	 */
	bool sure;
	bool rcx_taken; /* what is displaced writes rcx: leave by r11 */
	uint8_t bytes
		[16]; /* what the window holds, to be compared before it is replaced */
};

/*
 * The window for the `syscall` at text[@at]; false when there is none.  It reads
 * the whole text for branches: 2 ms for 1 MB.
 */
bool site_plan(const uint8_t *text, size_t len, size_t at, struct site *ret);

/*
 * All sure sites whose number is unknown or one that @wanted (NULL: all) says yes
 * to, sorted and without overlap; *ret is to be freed.
 */
size_t sites_scan(const uint8_t *text, size_t len, bool (*wanted)(int nr, void *data),
		  void *data, struct site **ret);
