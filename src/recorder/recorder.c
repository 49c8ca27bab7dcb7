/* SPDX-License-Identifier: MIT */
/*
 * The recorder: runs inside the job
 *
 * Makes a call in the place of a patched site and puts its record into the ring.
 * No library, no relocation, no table of the compiler's: the section is copied
 * to another address and must run there.  It allocates nothing, takes no lock
 * and waits only for room in the ring.
 *
 * The kernel's word on a call and ours must be the same whatever happens: before
 * the call everything that is known is in a struct flight, which whatfiles reads
 * when the thread is killed, and the ring is touched only when the result is known,
 * so a call that blocks for ever holds up nobody.  A signal never finds a thread
 * in here: whatfiles takes it out first (recorder/rescue.h).
 *
 * Memory that others can write is only written, never believed: what decides how
 * this code runs comes from registers, the own stack, struct control and struct
 * space_page.
 */
#include "recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/stat.h>
#include <stdbool.h>
#include <sys/syscall.h>

#define IN_RECORDER __attribute__((section("wf_recorder"), used, noinline))
#define INLINE static inline __attribute__((always_inline))

/* A constant that stays in the code: the compiler must not put it into a table. */
#define IMMEDIATE(x)                        \
	({                                  \
		uint64_t value_ = (x);      \
		__asm__("" : "+r"(value_)); \
		value_;                     \
	})

#define CONTROL ((const struct control *)LAYOUT_CODE)
#define SPACE ((const struct space_page *)LAYOUT_SPACE)
#define SHARED ((struct shared *)LAYOUT_SHARED)

#define ENGINE_FAST_MARK 1 /* ENGINE_FAST; a test compares */

/* How many flights are looked at before the call is left to a stop. */
#define FLIGHT_TRIES 8

/* Nothing is mapped in the first page or beyond what a process can have. */
#define LOWEST_ADDRESS 4096
#define ADDRESS_BITS 47

#define FULL_WAIT_NS (2 * 1000 * 1000)
#define STAT_SIZE 144 /* struct stat (asm/stat.h) */
#define STAT_MODE_AT 24

long recorder_own(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
int recorder_before(struct frame *f);
void recorder_after(struct frame *f);
uint64_t recorder_put(struct flight *flight, uint32_t size, uint32_t tid);

/* A record being written into a flight. */
struct writer {
	struct flight *flight;
	char *at, *end;
};

INLINE uint64_t
arg(const struct frame *f, unsigned index)
{
	/* rdi, rsi, rdx, r10, r8, r9 stand behind rax in that order */
	return index ? (&f->rax)[index] : 0;
}

INLINE struct flight *
take_flight(uint32_t tid)
{
	for (unsigned i = 0; i < FLIGHT_TRIES; i++) {
		unsigned at = (tid * 5 + i * 31) % FLIGHT_COUNT;
		uint32_t nobody = 0;

		if (atomic_compare_exchange_strong(&SHARED->owner[at], &nobody, tid))
			return &SHARED->flights[at];
	}
	return NULL;
}

INLINE void
land(struct flight *flight)
{
	size_t at = (size_t)(flight - SHARED->flights) % FLIGHT_COUNT;

	atomic_store_explicit(&flight->state, FLIGHT_IDLE, memory_order_relaxed);
	atomic_store_explicit(&SHARED->owner[at], 0, memory_order_release);
}

INLINE void
close_field(struct writer *w, unsigned kind, char *bytes, size_t len)
{
	struct field *field = (struct field *)(bytes - sizeof(*field));

	field->kind = (uint16_t)kind;
	field->len = (uint16_t)len;
	w->at = bytes + len;
	while ((uint64_t)w->at % 4)
		*w->at++ = 0;
}

/* Copies a string with its NUL; its length, or -1 when there is no room for it. */
INLINE long
copy_string(const char *from, char *to, const char *end)
{
	const uint64_t ones = 0x0101010101010101u, highs = 0x8080808080808080u;
	char *at = to;
	uint64_t word;

	while (end - at >= 8) {
		/* never across a page for more than the string needs */
		if (((uint64_t)from & 4095) > 4088) {
			if (!(*at = *from++))
				return at - to;
			at++;
			continue;
		}
		__builtin_memcpy(&word, from, 8);
		__builtin_memcpy(at, &word, 8);
		word = (word - ones) & ~word & highs;
		if (word)
			return at - to + __builtin_ctzll(word) / 8;
		from += 8;
		at += 8;
	}
	return -1;
}

/* The string at @addr as a field; its length, -1 when it does not fit. */
INLINE long
add_name(struct writer *w, unsigned kind, uint64_t addr)
{
	char *bytes = w->at + sizeof(struct field);
	long len = copy_string((const char *)addr, bytes, w->end);

	if (len >= 0)
		close_field(w, kind, bytes, (size_t)len);
	return len;
}

/* Writes "/proc/thread-self/fd/" and the number; threads can have tables of their own. */
INLINE void
write_fd_path(char *to, uint32_t fd)
{
	/* "/proc/th" "read-sel" "f/fd/" */
	uint64_t one = IMMEDIATE(0x68742f636f72702fu);
	uint64_t two = IMMEDIATE(0x6c65732d64616572u);
	uint64_t three = IMMEDIATE(0x2f64662f66u);
	unsigned digits = 1;

	__builtin_memcpy(to, &one, 8);
	__builtin_memcpy(to + 8, &two, 8);
	__builtin_memcpy(to + 16, &three, 8);
	to += 21;
	for (uint32_t rest = fd; rest >= 10; rest /= 10)
		digits++;
	to[digits] = '\0';
	do {
		to[--digits] = (char)('0' + fd % 10);
		fd /= 10;
	} while (digits);
}

/*
 * Whether a link ends like that of a file without a name, or begins like one that
 * cannot be reached: to tell these from files so named takes a closer look.
 */
INLINE bool
is_odd_link(const char *bytes, long len)
{
	uint64_t end;

	if (bytes[0] == '(')
		return true;
	if (len < 8)
		return false;
	__builtin_memcpy(&end, bytes + len - 8, 8);
	return end == IMMEDIATE(0x29646574656c6564u); /* "deleted)" */
}

/* What a descriptor is, as a field; false when nobody tells, or it is too long. */
INLINE bool
add_link(struct writer *w, unsigned kind, uint64_t fd)
{
	char *bytes = w->at + sizeof(struct field), *path = w->end - 40;
	long room = path - bytes, len;

	if (SPACE->no_dirs || room <= 0 || (int32_t)fd < 0)
		return false;
	write_fd_path(path, (uint32_t)fd);
	len = recorder_own(SYS_readlinkat, (uint64_t)AT_FDCWD, (uint64_t)path,
			   (uint64_t)bytes, (uint64_t)room);
	if (len <= 0 || len >= room || is_odd_link(bytes, len))
		return false;
	close_field(w, kind, bytes, (size_t)len);
	return true;
}

/* A name and, where it starts there, the directory behind the descriptor. */
INLINE bool
add_name_at(struct writer *w, const struct frame *f, unsigned dir, unsigned path,
	    unsigned kind, unsigned dir_kind)
{
	uint64_t addr = arg(f, path);
	const char *name = w->at + sizeof(struct field);
	long len = 0;
	bool absolute;

	/*
	 * What cannot be an address is the kernel's to refuse: a fault of ours would undo
	 * a process's decision to block or ignore SIGSEGV (force_sig(), kernel/signal.c).
	 */
	if (addr && (addr < LOWEST_ADDRESS || addr >> ADDRESS_BITS))
		return false;
	if (addr)
		len = add_name(w, kind, addr);
	if (len < 0)
		return false;
	absolute = len && *name == '/';
	if (!dir || absolute || (int32_t)arg(f, dir) == AT_FDCWD)
		return true;
	return add_link(w, dir_kind, arg(f, dir));
}

INLINE bool
add_names(struct writer *w, const struct frame *f, const struct call_row *row)
{
	if (row->fd && !add_link(w, FIELD_DIR, arg(f, row->fd)))
		return false;
	if (row->path2 && !add_name_at(w, f, row->target ? 0 : row->dir2, row->path2,
				       FIELD_PATH2, FIELD_DIR2))
		return false;
	return !row->path ||
	       add_name_at(w, f, row->dir, row->path, FIELD_PATH, FIELD_DIR);
}

/* st_mode of a file; the struct lies where the writer has no use for the room. */
INLINE long
mode_of(const struct writer *w, long nr, uint64_t a, uint64_t b)
{
	char *stat = w->end - STAT_SIZE;
	uint32_t mode;
	long r;

	if (nr == SYS_fstat)
		r = recorder_own(nr, a, (uint64_t)stat, 0, 0);
	else
		r = recorder_own(nr, a, b, (uint64_t)stat, AT_NO_AUTOMOUNT);
	if (r < 0)
		return r;
	__builtin_memcpy(&mode, stat + STAT_MODE_AT, 4);
	return mode & S_IFMT;
}

/* Looks, before the call, whether the file that O_CREAT names is there. */
INLINE bool
look_before_create(struct writer *w, const struct frame *f, const struct call_row *row)
{
	uint64_t dir = row->dir ? arg(f, row->dir) : (uint64_t)AT_FDCWD;
	struct record *r = &w->flight->record;
	long mode;

	if (w->end - w->at < STAT_SIZE)
		return false;
	mode = mode_of(w, SYS_newfstatat, dir, arg(f, row->path));
	if (mode == S_IFREG)
		r->flags |= CALL_EXISTED;
	else if (mode >= 0)
		r->flags |= CALL_EXISTED | CALL_SPECIAL;
	else if (mode == -ENOENT)
		r->flags |= CALL_ABSENT;
	return true;
}

/* The flags of an open, O_EXCL and all; 0 for every other call. */
INLINE uint32_t
open_flags(const struct frame *f, const struct call_row *row)
{
	if (row->creat)
		return O_CREAT | O_WRONLY | O_TRUNC;
	return row->open_flags ? (uint32_t)arg(f, row->open_flags) : 0;
}

/* Whether the filter would stop an open with these flags. */
INLINE bool
is_chosen(const struct call_row *row, uint32_t flags)
{
	if (!row->open_flags || !CONTROL->test_count)
		return true;
	for (unsigned i = 0; i < CONTROL->test_count && i < LAYOUT_TESTS; i++)
		if ((flags & CONTROL->tests[i].mask) == CONTROL->tests[i].value)
			return true;
	return false;
}

INLINE void
begin_record(struct writer *w, const struct frame *f, const struct call_row *row,
	     uint32_t tid)
{
	struct record *r = &w->flight->record;

	w->flight->at = 0;
	r->kind = RECORD_CALL;
	r->engine = ENGINE_FAST_MARK;
	r->abi = 0;
	r->name_error = 0;
	r->row = row->row;
	r->flags = RECORD_TSC;
	r->tid = (int32_t)tid;
	r->former = 0;
	r->seal = 0;
	r->time = 0;
	r->result = 0;
	for (unsigned i = 0; i < 6; i++)
		r->args[i] = arg(f, i + 1);
	w->at = (char *)(r + 1);
	w->end = (char *)w->flight + FLIGHT_SIZE;
}

/* 0: the call is to be made and recorded; else it is left to the plain instruction. */
IN_RECORDER int
recorder_before(struct frame *f)
{
	const struct call_row *row;
	struct writer w;
	uint32_t flags, tid;

	if (f->rax >= LAYOUT_CALLS)
		return 1;
	row = &CONTROL->rows[f->rax];
	if (row->kind == CALL_KIND_PLAIN || SPACE->silent || CONTROL->closed)
		return 1;
	flags = open_flags(f, row);
	if (!is_chosen(row, flags))
		return 1;
	tid = SPACE->tid;
	/* in another pid namespace the kernel would tell another number */
	if (!tid && SPACE->no_dirs)
		return 1;
	if (!tid)
		tid = (uint32_t)recorder_own(SYS_gettid, 0, 0, 0, 0);
	w.flight = take_flight(tid);
	if (!w.flight)
		return 1;
	begin_record(&w, f, row, tid);
	if (!add_names(&w, f, row) || ((flags & (O_CREAT | O_EXCL)) == O_CREAT &&
				       !look_before_create(&w, f, row))) {
		land(w.flight);
		return 1;
	}
	f->nr = (uint16_t)f->rax;
	f->flight = (uint32_t)(uint64_t)w.flight;
	f->size = (uint16_t)(w.at - (char *)&w.flight->record);
	w.flight->record.size = f->size;
	atomic_store_explicit(&w.flight->state, FLIGHT_BEGUN, memory_order_release);
	return 0;
}

/*
 * Claims room, copies, commits: the only time when others wait for this thread.
 * The position plus one, 0 when there is no room.
 */
IN_RECORDER uint64_t
recorder_put(struct flight *flight, uint32_t size, uint32_t tid)
{
	const struct ring_view v = {
		.shared = (struct ring_shared *)LAYOUT_RING,
		.data = (char *)LAYOUT_RING + sizeof(struct ring_shared) +
			(sizeof(uint64_t) << CONTROL->unit_bits),
		.unit_bits = CONTROL->unit_bits,
	};
	uint64_t units = (size + RING_UNIT - 1) / RING_UNIT, at, claimed;
	const uint64_t *from = (const uint64_t *)&flight->record;
	volatile uint64_t *to;

	if (ring_claim_units(&v, units, tid, &at) != RING_CLAIMED)
		return 0;
	flight->at = at + 1;
	to = (volatile uint64_t *)ring_data_at(&v, at);
	for (uint32_t i = 0; i < size; i += 8)
		*to++ = *from++;
	claimed = ring_word(ring_lap(&v, at), tid, units, RING_STATE_CLAIMED);
	atomic_compare_exchange_strong(ring_word_at(&v, at), &claimed,
				       claimed ^ RING_STATE_CLAIMED ^
					       RING_STATE_COMMITTED);
	flight->state = FLIGHT_PUT;
	return at + 1;
}

INLINE void
wait_for_room(void)
{
	struct ring_shared *ring = (struct ring_shared *)LAYOUT_RING;
	const uint64_t timeout[2] = { 0, IMMEDIATE(FULL_WAIT_NS) };
	uint32_t seen = atomic_load(&ring->space);

	atomic_store(&ring->sleeping, RING_AWAKE);
	recorder_own(SYS_futex, (uint64_t)&ring->sleeping, FUTEX_WAKE, 1, 0);
	atomic_fetch_add(&ring->waiting, 1);
	recorder_own(SYS_futex, (uint64_t)&ring->space, FUTEX_WAIT, seen,
		     (uint64_t)timeout);
	atomic_fetch_sub(&ring->waiting, 1);
}

INLINE void
wake_reader(uint64_t at)
{
	struct ring_view v = { .shared = (struct ring_shared *)LAYOUT_RING,
			       .unit_bits = CONTROL->unit_bits };

	if (!ring_wants_wake(&v, at) || SPACE->silent)
		return;
	/* of many writers one is enough */
	if (atomic_exchange(&v.shared->sleeping, RING_AWAKE) != RING_AWAKE)
		recorder_own(SYS_futex, (uint64_t)&v.shared->sleeping, FUTEX_WAKE, 1, 0);
}

INLINE bool
is_same_name(const struct field *field, const char *name)
{
	for (unsigned i = 0; i < field->len; i++)
		if (name[i] != field->bytes[i])
			return false;
	return !name[field->len];
}

/*
 * Whether somebody who shares the memory has changed the name since it was copied: then
 * nobody knows which one the kernel read.
 */
INLINE bool
is_raced(const struct frame *f, const struct flight *flight)
{
	const struct call_row *row = &CONTROL->rows[f->nr % LAYOUT_CALLS];
	const char *at = (const char *)(&flight->record + 1);
	const char *end = (const char *)&flight->record + f->size;

	while (end - at >= (long)sizeof(struct field)) {
		const struct field *field = (const struct field *)at;
		unsigned index = field->kind == FIELD_PATH    ? row->path
				 : field->kind == FIELD_PATH2 ? row->path2
							      : 0;

		at += (sizeof(*field) + field->len + 3) & ~3ul;
		if (index && at <= end && arg(f, index) &&
		    !is_same_name(field, (const char *)arg(f, index)))
			return true;
	}
	return false;
}

/* The call has returned: completes the record and puts it into the ring. */
IN_RECORDER void
recorder_after(struct frame *f)
{
	struct flight *flight = (struct flight *)(uint64_t)f->flight;
	struct writer w = { .flight = flight, .end = (char *)flight + FLIGHT_SIZE };
	struct record *r = &flight->record;
	uint32_t low, high, tid = (uint32_t)r->tid;
	uint64_t at = 0;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	r->time = (uint64_t)high << 32 | low;
	r->result = (int64_t)f->rax;
	/* O_CREAT makes regular files only: the look was at something else */
	if (r->flags & CALL_ABSENT && r->result >= 0 && !SPACE->silent &&
	    mode_of(&w, SYS_fstat, f->rax, 0) != S_IFREG)
		r->flags = (uint16_t)((r->flags & ~CALL_ABSENT) | CALL_EXISTED);
	if (!SPACE->tid && is_raced(f, flight))
		r->flags |= CALL_RACED;
	r->size = f->size;
	r->seal = 0;
	r->seal = record_seal(r, f->size, CONTROL->secret);
	atomic_store_explicit(&flight->state, FLIGHT_RETURNED, memory_order_release);
	while (!at && !CONTROL->closed) {
		at = recorder_put(flight, f->size, tid);
		if (!at)
			wait_for_room();
	}
	land(flight);
	if (at)
		wake_reader(at - 1);
}
