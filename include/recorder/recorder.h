/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the recorder and whatfiles agree on: where everything lies in a process
 *
 *   0x70000000  code      shared, read and execute: struct control, the recorder,
 *                         the jump slots and stubs of patched sites.  Whatfiles
 *                         alone can write it.
 *   0x70040000  space     private to each process, copied by fork
 *   0x70050000  shared    what all processes write: calls in flight, the ring
 *
 * Below 0x7fff8000, where AddressSanitizer's shadow begins, above 0x68000000 and
 * below 0x7f000000, which wine reserves, and far from where programs without
 * position independence are linked.  Everything fits 31 bits, so one instruction
 * can jump there from anywhere.
 *
 * The recorder includes this: nothing here may need a library.
 */

#include "base/ringword.h"
#include "model/record.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define LAYOUT_CODE 0x70000000ul
#define LAYOUT_RECORDER (LAYOUT_CODE + 0x4000ul)
#define LAYOUT_SLOTS (LAYOUT_CODE + 0x8000ul)
#define LAYOUT_STUBS (LAYOUT_CODE + 0xc000ul)
#define LAYOUT_CODE_SIZE 0x40000ul

#define LAYOUT_SPACE 0x70040000ul
#define LAYOUT_SPACE_SIZE 0x1000ul

#define LAYOUT_SHARED 0x70050000ul
#define LAYOUT_END 0x7f000000ul

#define LAYOUT_STUB_SIZE 80ul
#define LAYOUT_SITES 2048u
#define LAYOUT_FILES 256u

/* Numbers that the recorder knows; higher ones are left to a stop. */
#define LAYOUT_CALLS 512u

/* What the recorder does about a call. */
enum call_kind {
	CALL_KIND_PLAIN,  /* nothing: the plain instruction makes it */
	CALL_KIND_RECORD, /* makes and records it */
	CALL_KIND_EXEC,	  /* likewise, and does not come back if all goes well */
};

/* A row of the syscall table, as the recorder wants it; arguments count from one. */
struct call_row {
	uint16_t row;
	uint8_t kind; /* enum call_kind */
	uint8_t dir, path, dir2, path2;
	uint8_t fd;
	uint8_t open_flags; /* the argument with O_*, 0: no open */
	uint8_t target;	    /* path2 is a text, no name */
	uint8_t attr;	    /* a NULL path means the descriptor itself */
	uint8_t creat;	    /* creat(2): flags go without saying */
};

/* One way for an open to be recorded: see struct syscall_test. */
struct call_test {
	uint32_t mask, value;
};

#define LAYOUT_TESTS 8

/* Read-only for the job. */
struct control {
	_Atomic uint32_t closed; /* the ring is broken: whoever can leaves it alone */
	uint32_t unit_bits;
	uint64_t secret; /* of the seals */
	uint32_t test_count;
	struct call_test tests[LAYOUT_TESTS]; /* of opens, any of which; none: all */
	struct call_row rows[LAYOUT_CALLS];
};

_Static_assert(sizeof(struct control) <= LAYOUT_RECORDER - LAYOUT_CODE, "control fits");
_Static_assert(LAYOUT_SLOTS + 8 * LAYOUT_SITES <= LAYOUT_STUBS, "slots fit");
_Static_assert(LAYOUT_STUBS + LAYOUT_STUB_SIZE * LAYOUT_SITES <=
		       LAYOUT_CODE + LAYOUT_CODE_SIZE,
	       "stubs fit");

/* One address space's own; whatfiles writes it while the process stands still. */
struct space_page {
	_Atomic uint32_t tid;	  /* of its only task; 0 when there are several */
	_Atomic uint32_t silent;  /* record nothing, make no call of one's own */
	_Atomic uint32_t no_dirs; /* /proc would tell other names than whatfiles sees */
	uint32_t reserved;
	uint64_t base[LAYOUT_FILES]; /* where patched files are mapped */
};

_Static_assert(sizeof(struct space_page) <= LAYOUT_SPACE_SIZE, "the space fits");

/*
 * Calls in flight.  Whoever is killed inside a call cannot record it any more;
 * what it wrote here before the kernel began it is found by whatfiles.
 */
#define FLIGHT_COUNT 512u
#define FLIGHT_SIZE 2048u

enum flight_state {
	FLIGHT_IDLE,
	FLIGHT_BEGUN,	 /* the record is whole but for the result */
	FLIGHT_RETURNED, /* the result is there too */
	FLIGHT_PUT,	 /* and it is in the ring */
};

struct flight {
	_Atomic uint32_t state;
	uint32_t reserved;
	uint64_t at; /* where in the ring it was claimed, plus one; 0: it was not */
	struct record record;
	char room[FLIGHT_SIZE - 16 - sizeof(struct record)];
};

_Static_assert(sizeof(struct flight) == FLIGHT_SIZE, "a flight has no padding");

struct shared {
	_Atomic uint32_t owner[FLIGHT_COUNT]; /* tid, 0 for nobody */
	struct flight flights[FLIGHT_COUNT];
	/* a struct ring_shared follows, and its data */
};

#define LAYOUT_RING (LAYOUT_SHARED + sizeof(struct shared))

_Static_assert(sizeof(struct shared) % 64 == 0, "the ring is aligned");

/* What lies on the stack of a thread in the recorder; entry.S makes it. */
struct frame {
	uint64_t rax, rdi, rsi, rdx, r10, r8, r9;
	uint64_t rbx, rbp, r12, r13, r14, r15;
	uint64_t flags;
	uint32_t flight; /* address of the struct flight */
	uint16_t size;	 /* of the record in it */
	uint16_t nr;	 /* of the call, once rax has its result */
	uint64_t mark;	 /* the secret and the frame's own address, by exclusive or */
	uint64_t back;	 /* into the stub */
};

_Static_assert(offsetof(struct frame, mark) == 120, "entry.S knows the mark's place");
_Static_assert(offsetof(struct control, secret) == 8, "entry.S knows the secret's place");
