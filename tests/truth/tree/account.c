/* SPDX-License-Identifier: MIT */
#include "account.h"

#include "place.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#define PROT_RW 3

void
account_map(void)
{
	struct account *a = ACCOUNT;
	long size = RAW(__NR_lseek, ACCOUNT_FD, 0, 2);

	if (RAW(__NR_mmap, a, size, PROT_RW, MAP_SHARED | MAP_FIXED_NOREPLACE, ACCOUNT_FD,
		0) != (long)a)
		RAW(__NR_exit_group, 120);
}

uint64_t
account_random(struct task *t)
{
	/* xorshift64* (Vigna, 2016); zero is no state of it */
	t->random ^= t->random >> 12;
	t->random ^= t->random << 25;
	t->random ^= t->random >> 27;
	return (t->random * 0x2545f4914f6cdd1dull) >> 32;
}

bool
account_int80(struct task *t, unsigned n)
{
	return account_random(t) % n == 0 && ACCOUNT->has_int80;
}

/* Room for a record with @len bytes of text; the last resort is one that nobody reads. */
static struct record *
record_new(struct task *t, enum record_kind kind, size_t len)
{
	struct account *a = ACCOUNT;
	uint64_t size = (sizeof(struct record) + len + 7) / 8 * 8;
	uint64_t at = __atomic_fetch_add(&a->next, size, __ATOMIC_SEQ_CST);
	struct record *r = (struct record *)((char *)a + at);

	if (at + size > a->size) {
		a->full = 1;
		RAW(__NR_exit_group, 121);
	}
	r->size = (uint32_t)size;
	r->kind = (uint8_t)kind;
	r->seed = a->tree.seed;
	r->task = t->index;
	r->pid = t->pid;
	r->tid = t->tid;
	return r;
}

static uint64_t
next_stamp(void)
{
	return __atomic_add_fetch(&ACCOUNT->stamp, 1, __ATOMIC_SEQ_CST);
}

struct record *
account_note(struct task *t, enum record_kind kind, long nr, long result,
	     const char *text, size_t len)
{
	struct record *r = record_new(t, kind, len + 1);

	r->nr = (int32_t)nr;
	r->result = result;
	r->len[0] = (uint16_t)len;
	memcpy(r->text, text, len);
	r->stamp = next_stamp();
	return r;
}

void
account_order(struct record *r)
{
	if (!r->stamp)
		r->stamp = next_stamp();
}

void
account_return(struct record *r, long result)
{
	r->result = result;
	account_order(r);
}

/* The texts of a call before they are in its record. */
struct texts {
	char base[2][PATH_ROOM];
	char root[PATH_ROOM];
	size_t len[2], base_len[2], root_len;
};

static void
find_texts(struct task *t, struct call *c, struct texts *x)
{
	bool root_known = place_root(t, x->root);

	x->root_len = root_known ? strlen(x->root) : 0;
	for (int i = 0; i < 2; i++) {
		const char *name = c->name[i].name;
		int dir = c->name[i].dir ? (int)c->args[c->name[i].dir - 1] : AT_FDCWD;
		bool known;

		x->len[i] = name ? strlen(name) : 0;
		x->base_len[i] = 0;
		if (!(c->name[i].flags & (NAME_GIVEN | NAME_SELF)))
			continue;
		known = place_path(t, dir, x->base[i]);
		if (known)
			x->base_len[i] = strlen(x->base[i]);
		/* an absolute name starts at the root, wherever we are */
		if (name && name[0] == '/' && !c->in_root)
			known = true;
		if (known && root_known)
			c->name[i].flags |= NAME_KNOWN;
	}
}

static char *
add_text(char *at, const char *text, size_t len)
{
	memcpy(at, text, len);
	at[len] = '\0';
	return at + len + 1;
}

/* Puts the call's record into the account, and its names' addresses into its arguments. */
static struct record *
record_call(struct task *t, struct call *c, const struct texts *x)
{
	size_t len =
		x->len[0] + x->len[1] + x->base_len[0] + x->base_len[1] + x->root_len;
	struct record *r = record_new(t, RECORD_CALL, len + 5);
	char *at = r->text;

	r->abi = (uint8_t)c->abi;
	r->nr = c->nr[c->abi];
	for (int i = 0; i < 2; i++) {
		const char *name = c->name[i].name;

		r->len[i] = (uint16_t)x->len[i];
		if (c->name[i].arg > 0 && name)
			c->args[c->name[i].arg - 1] = (long)at;
		at = add_text(at, name ? name : "", x->len[i]);
		r->flags[i] = c->name[i].flags & (uint8_t)~NAME_KNOWN;
		if (c->in_root)
			r->flags[i] |= NAME_IN_ROOT;
		t->known[i] = c->name[i].flags & NAME_KNOWN;
	}
	for (int i = 0; i < 2; i++) {
		r->base_len[i] = (uint16_t)x->base_len[i];
		at = add_text(at, x->base[i], x->base_len[i]);
	}
	r->root_len = (uint16_t)x->root_len;
	add_text(at, x->root, x->root_len);
	return r;
}

void
account_prove(struct task *t, struct record *r)
{
	bool sound = proof_holds(t, &t->proof, 0, 0);

	for (int i = 0; i < 2; i++)
		r->flags[i] |= sound ? t->known[i] : 0;
}

static long
make(struct task *t, const struct call *c, struct record *r)
{
	struct record *outer = t->current;
	long nr = c->nr[c->abi], result;

	t->returned = 0;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	t->current = r;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (c->abi == ABI_I386)
		result = raw_int80(nr, c->args, &t->returned);
	else
		result = raw_call(c->abi == ABI_X32 ? nr | X32_BIT : nr, c->args,
				  &t->returned);
	account_return(r, result);
	t->current = outer;
	return result;
}

long
account_call(struct task *t, struct call *c)
{
	struct tree *tree = &ACCOUNT->tree;
	struct proof proof = proof_begin(t);
	struct place *place = t->place;
	struct where root;
	struct record *r;
	struct texts x;
	long result;

	find_texts(t, c, &x);
	if (c->changes_root) {
		root.changes = tree->changes;
		root.known = place_path(t, AT_FDCWD, root.path);
	}
	r = record_call(t, c, &x);
	t->proof = proof;
	if (c->changes_place)
		__atomic_fetch_add(&place->begun, 1, __ATOMIC_SEQ_CST);
	if (c->change)
		__atomic_fetch_add(&tree->begun, 1, __ATOMIC_SEQ_CST);
	if (c->changes_root)
		__atomic_fetch_add(&tree->roots_begun, 1, __ATOMIC_SEQ_CST);
	result = make(t, c, r);
	c->sound = proof_holds(t, &proof, c->changes_place, c->change != NULL);
	if (result >= 0 && c->changes_root) {
		root.known &= c->sound;
		place->root = root;
	}
	if (c->changes_root)
		__atomic_fetch_add(&tree->roots_ended, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < 2; i++)
		r->flags[i] |= c->sound ? c->name[i].flags & NAME_KNOWN : 0;
	if (result >= 0 && c->change) {
		if (c->sound)
			names_changed(c->change);
		else
			names_lost();
	}
	if (c->change)
		__atomic_fetch_add(&tree->ended, 1, __ATOMIC_SEQ_CST);
	if (c->changes_place)
		__atomic_fetch_add(&place->ended, 1, __ATOMIC_SEQ_CST);
	return result;
}
