/* SPDX-License-Identifier: MIT */
#include "recorder/sites.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "recorder/insn.h"

#define SYSCALL_LEN 2
#define MOV_LEN 5	/* of mov $imm32,%eax */
#define CHOICES 3	/* windows that one syscall may have */
#define NR_MAX 1024	/* more is no number */
#define LEAD 64		/* bytes from which reading finds its way to the instructions */
#define SHORT_REACH 160 /* from a syscall to what may branch into its windows */

/* x86-64's numbers of what must not be made by another's stack, or does not return. */
enum {
	NR_RT_SIGRETURN = 15,
	NR_CLONE = 56,
	NR_FORK = 57,
	NR_VFORK = 58,
	NR_EXIT = 60,
	NR_EXIT_GROUP = 231,
	NR_CLONE3 = 435,
};

struct text {
	const uint8_t *bytes;
	size_t len;
};

/* A growing array of windows, those of one syscall together and the best first. */
struct windows {
	struct site *v;
	size_t n, cap;
};

enum {
	INSIDE = 1, /* in a window, behind its first byte */
	BEGINS = 2, /* and an instruction begins there */
	STRUCK = 4, /* and something branches there */
};

/* What is known of each offset from @first. */
struct interior {
	uint8_t *marks;
	size_t first, span;
};

static int32_t
read32(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

static bool
starts_with(const struct text *t, size_t at, const char *bytes, size_t len)
{
	return at <= t->len && t->len - at >= len &&
	       memcmp(t->bytes + at, bytes, len) == 0;
}

#define HAS(t, at, literal) starts_with(t, at, literal, sizeof(literal) - 1)

/* `cmp $-4095,%rax` or -4096, of 4 or 8 bytes: only a syscall's result is compared so. */
static bool
has_error_check(const struct text *t, size_t at)
{
	return HAS(t, at, "\x48\x3d\x01\xf0\xff\xff") ||
	       HAS(t, at, "\x48\x3d\x00\xf0\xff\xff") ||
	       HAS(t, at, "\x3d\x01\xf0\xff\xff") || HAS(t, at, "\x3d\x00\xf0\xff\xff");
}

static size_t
step(const struct text *t, size_t at)
{
	struct insn insn;
	size_t len = insn_decode(t->bytes + at, t->len - at, &insn);

	return len ? len : 1;
}

/*
 * Whether an instruction begins at @at.  Reading from any 15 bytes in a row before
 * it, one of which begins an instruction, must come to @at: instructions read
 * from a wrong start soon fall in with the right ones.
 */
static bool
is_boundary(const struct text *t, size_t at)
{
	bool comes[LEAD + 1] = { 0 };
	size_t lead = MIN(at, LEAD);
	size_t starts = at > LEAD ? INSN_MAX : 1; /* the text's own start is one */

	comes[lead] = true;
	for (size_t i = lead; i-- > 0;) {
		size_t next = i + step(t, at - lead + i);

		comes[i] = next <= lead && comes[next];
	}
	for (size_t i = 0; i < starts; i++)
		if (!comes[i])
			return false;
	return true;
}

/* A prefix would change what follows. */
static bool
is_prefix(uint8_t byte)
{
	return (byte & 0xf0) == 0x40 || (byte >= 0x64 && byte <= 0x67) || byte == 0x26 ||
	       byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0xf0 ||
	       byte == 0xf2 || byte == 0xf3;
}

static bool
behind_prefix(const struct text *t, size_t at)
{
	return at > 0 && is_prefix(t->bytes[at - 1]);
}

static int
plausible(int32_t nr)
{
	return nr >= 0 && nr < NR_MAX ? nr : -1;
}

/* The number that `mov $nr,%eax` right before the syscall gives it, -1 without one. */
static int
number_of_mov(const struct text *t, size_t at)
{
	if (at < MOV_LEN || t->bytes[at - MOV_LEN] != 0xb8 ||
	    behind_prefix(t, at - MOV_LEN))
		return -1;
	return plausible(read32(t->bytes + at - 4));
}

static int
number_of_long_mov(const struct text *t, size_t at)
{
	return at >= 7 && HAS(t, at - 7, "\x48\xc7\xc0")
		       ? plausible(read32(t->bytes + at - 4))
		       : -1;
}

/* What else gives rax a small number: bytes too few to prove anything. */
static int
number_of_others(const struct text *t, size_t at)
{
	const uint8_t *b = t->bytes + at;

	if (at >= 2 && b[-2] == 0xb0 && !behind_prefix(t, at - 2)) /* mov to al */
		return b[-1];
	if (at >= 3 && b[-3] == 0x6a && b[-2] < 128 && b[-1] == 0x58) /* push, pop */
		return b[-2];
	if (at >= 2 && (b[-2] == 0x31 || b[-2] == 0x33) && b[-1] == 0xc0 && /* xor */
	    !behind_prefix(t, at - 2))
		return 0;
	return -1;
}

static bool
is_refused(int nr)
{
	return nr == NR_RT_SIGRETURN || nr == NR_CLONE || nr == NR_FORK ||
	       nr == NR_VFORK || nr == NR_EXIT || nr == NR_EXIT_GROUP || nr == NR_CLONE3;
}

static void
fill_window(const struct text *t, size_t offset, size_t len, struct site *s)
{
	s->offset = offset;
	s->len = (uint8_t)len;
	memset(s->bytes, 0, sizeof(s->bytes));
	memcpy(s->bytes, t->bytes + offset, len);
}

/* `syscall` and whole instructions that can be moved, until a jump fits. */
static bool
window_behind(const struct text *t, size_t at, struct site *s)
{
	bool rcx = false, r11 = false;
	size_t end = at + SYSCALL_LEN;

	while (end - at < SITE_MIN) {
		struct insn insn;

		if (!insn_decode(t->bytes + end, t->len - end, &insn) || !insn.movable)
			return false;
		rcx |= insn.writes_rcx;
		r11 |= insn.writes_r11;
		end += insn.len;
	}
	if (end - at > SITE_MAX || (rcx && r11))
		return false;
	fill_window(t, at, end - at, s);
	s->syscall_at = 0;
	s->rcx_taken = rcx;
	return true;
}

/* `mov $nr,%eax; syscall`: just as long as the jump. */
static bool
window_before(const struct text *t, size_t at, struct site *s)
{
	if (number_of_mov(t, at) < 0 || !is_boundary(t, at - MOV_LEN))
		return false;
	fill_window(t, at - MOV_LEN, MOV_LEN + SYSCALL_LEN, s);
	s->syscall_at = MOV_LEN;
	s->rcx_taken = false;
	return true;
}

/* How far from a call what changes the signal mask around it can be. */
#define AROUND 96

/* Whether a call of rt_sigprocmask is made in @from to @to. */
static bool
changes_mask(const struct text *t, size_t from, size_t to)
{
	for (size_t i = from + 1; i + 5 <= MIN(to, t->len); i++)
		if ((t->bytes[i - 1] == 0xb8 || t->bytes[i - 1] == 0xc0) &&
		    HAS(t, i, "\x0e\x00\x00\x00"))
			return true;
	return false;
}

/*
 * Signals are let in for this one call, as valgrind does: whoever takes that trouble
 * looks at where in the code a signal found it, and must not find it in a stub.
 */
static bool
is_watched(const struct text *t, size_t at, int nr)
{
	size_t from = at > AROUND ? at - AROUND : 0;

	return nr < 0 && changes_mask(t, from, at) &&
	       changes_mask(t, at + SYSCALL_LEN, at + AROUND);
}

/*
 * The windows for a syscall, the best first: the check of its result is never
 * reached in another way, which cannot be said of any other instruction behind it
 * (a jump table may lead there), so those come after the mov.
 */
static size_t
propose(const struct text *t, size_t at, struct site out[CHOICES])
{
	struct site s = { .nr = -1 };
	int told = MAX(number_of_mov(t, at), number_of_long_mov(t, at));
	bool begins = is_boundary(t, at);
	bool checked = has_error_check(t, at + SYSCALL_LEN);
	size_t n = 0;

	s.nr = (int16_t)(told >= 0 ? told : number_of_others(t, at));
	s.sure = begins && (checked || told >= 0);
	if (is_refused(s.nr) || (!begins && behind_prefix(t, at)) ||
	    is_watched(t, at, s.nr))
		return 0;
	if (checked && window_behind(t, at, &s))
		out[n++] = s;
	if (window_before(t, at, &s))
		out[n++] = s;
	if (!checked && window_behind(t, at, &s))
		out[n++] = s;
	return n;
}

static void
add_windows(struct windows *w, const struct site *s, size_t n)
{
	if (w->n + n > w->cap) {
		w->cap = w->cap ? 2 * w->cap : 64;
		w->v = mem_resize(w->v, w->cap, sizeof(*w->v));
	}
	memcpy(w->v + w->n, s, n * sizeof(*s));
	w->n += n;
}

static size_t
site_end(const struct site *s)
{
	return s->offset + s->len;
}

static size_t
site_syscall(const struct site *s)
{
	return s->offset + s->syscall_at;
}

static void
mark_window(const struct text *t, struct interior *in, const struct site *s)
{
	size_t begin = s->offset + step(t, s->offset);

	for (size_t k = s->offset + 1; k < site_end(s); k++)
		in->marks[k - in->first] |= INSIDE;
	for (; begin < site_end(s); begin += step(t, begin))
		in->marks[begin - in->first] |= BEGINS;
}

static void
open_interior(const struct text *t, struct interior *in, const struct windows *w)
{
	size_t last = 0;

	*in = (struct interior){ .first = SIZE_MAX };
	for (size_t i = 0; i < w->n; i++) {
		in->first = MIN(in->first, w->v[i].offset);
		last = MAX(last, site_end(&w->v[i]));
	}
	in->span = last - in->first;
	in->marks = mem_zero(in->span, sizeof(*in->marks));
	for (size_t i = 0; i < w->n; i++)
		mark_window(t, in, &w->v[i]);
}

/* Whether an instruction whose opcode ends at @at may begin there or before it. */
static bool
may_begin(const struct text *t, size_t at)
{
	while (!is_boundary(t, at)) {
		if (!behind_prefix(t, at) && (at == 0 || t->bytes[at - 1] != 0x0f))
			return false;
		at--;
	}
	return true;
}

/*
 * The bytes at @source look like a branch to @target, which may be anywhere.  Into
 * the middle of an instruction only what is one for sure would branch.
 */
static void
strike(const struct text *t, struct interior *in, size_t source, size_t target)
{
	size_t i = target - in->first;

	if (i >= in->span || !(in->marks[i] & INSIDE) || (in->marks[i] & STRUCK))
		return;
	if ((in->marks[i] & BEGINS) || may_begin(t, source))
		in->marks[i] |= STRUCK;
}

static bool
is_clean(const struct interior *in, const struct site *s)
{
	for (size_t k = s->offset + 1; k < site_end(s); k++)
		if (in->marks[k - in->first] & STRUCK)
			return false;
	return true;
}

/*
 * Whether bytes[@i] may end the opcode of a near branch, of a `lea` of a place in
 * the code or of xbegin.  Without branches, which would be mispredicted all the time.
 */
static bool
is_near(const uint8_t *bytes, size_t i)
{
	unsigned op = bytes[i], next = bytes[i + 1];

	return ((op & 0xfe) == 0xe8) | ((bytes[i - 1] == 0x0f) & ((op & 0xf0) == 0x80)) |
	       ((op == 0x8d) & ((next & 0xc7) == 0x05)) | ((op == 0xc7) & (next == 0xf8));
}

/* The four bytes of distance end @len behind @i, and so does the instruction. */
static void
strike_from(const struct text *t, struct interior *in, size_t i, size_t len)
{
	if (t->len - i >= len)
		strike(t, in, i,
		       i + len + (size_t)(int64_t)read32(t->bytes + i + len - 4));
}

static void
strike_near_at(const struct text *t, struct interior *in, size_t i)
{
	uint8_t op = t->bytes[i];

	if ((op & 0xfe) == 0xe8 || (i > 0 && t->bytes[i - 1] == 0x0f))
		strike_from(t, in, i, 5);
	if (op == 0x8d || op == 0xc7)
		strike_from(t, in, i, 6);
}

/* At every offset, for no one knows where instructions begin. */
static void
strike_near(const struct text *t, struct interior *in)
{
	if (t->len)
		strike_near_at(t, in, 0);
	for (size_t i = 1; i + 5 <= t->len; i++)
		if (is_near(t->bytes, i))
			strike_near_at(t, in, i);
}

static bool
is_short_branch(uint8_t opcode)
{
	return (opcode & 0xf0) == 0x70 || opcode == 0xeb || (opcode & 0xfc) == 0xe0;
}

static void
strike_short(const struct text *t, struct interior *in, size_t at)
{
	size_t i = at > SHORT_REACH ? at - SHORT_REACH : 0;
	size_t end = MIN(t->len, at + SHORT_REACH);

	for (; i + 2 <= end; i++)
		if (is_short_branch(t->bytes[i]))
			strike(t, in, i, i + 2 + (size_t)(int8_t)t->bytes[i + 1]);
}

/* Keeps for each syscall the first window that nothing leads into. */
static void
choose(struct windows *w, const struct interior *in)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		const struct site *before = kept ? &w->v[kept - 1] : NULL;

		/* also refuses the next choice for the same syscall */
		if (before && w->v[i].offset < site_end(before))
			continue;
		if (before && site_syscall(&w->v[i]) == site_syscall(before))
			continue;
		if (is_clean(in, &w->v[i]))
			w->v[kept++] = w->v[i];
	}
	w->n = kept;
}

static void
settle(const struct text *t, struct windows *w)
{
	struct interior in;

	if (!w->n)
		return;
	open_interior(t, &in, w);
	strike_near(t, &in);
	for (size_t i = 0; i < w->n; i++)
		if (i == 0 || site_syscall(&w->v[i]) != site_syscall(&w->v[i - 1]))
			strike_short(t, &in, site_syscall(&w->v[i]));
	choose(w, &in);
	free(in.marks);
}

bool
site_plan(const uint8_t *text, size_t len, size_t at, struct site *ret)
{
	struct text t = { text, len };
	struct site v[CHOICES];
	struct windows w = { .v = v };

	if (!HAS(&t, at, "\x0f\x05"))
		return false;
	w.n = propose(&t, at, v);
	settle(&t, &w);
	if (w.n)
		*ret = v[0];
	return w.n;
}

size_t
sites_scan(const uint8_t *text, size_t len, bool (*wanted)(int nr, void *data),
	   void *data, struct site **ret)
{
	struct text t = { text, len };
	struct windows w = { 0 };
	const uint8_t *found = text;

	while ((found = memmem(found, len - (size_t)(found - text), "\x0f\x05", 2))) {
		struct site v[CHOICES];
		size_t n = propose(&t, (size_t)(found - text), v);

		if (n && v[0].sure && (v[0].nr < 0 || !wanted || wanted(v[0].nr, data)))
			add_windows(&w, v, n);
		found += SYSCALL_LEN;
	}
	settle(&t, &w);
	*ret = w.v;
	return w.n;
}
