/* SPDX-License-Identifier: MIT */
#include "recorder/stub.h"

#include "base/compiler.h"
#include "recorder/sites.h"

#define SYSCALL_LEN 2

/* A stub in the course of being written. */
struct writing {
	uint8_t *out;
	size_t len;
};

static void
put(struct writing *w, const void *bytes, size_t len)
{
	memcpy(w->out + w->len, bytes, len);
	w->len += len;
}

#define PUT(w, literal) put(w, literal, sizeof(literal) - 1)

static void
put32(struct writing *w, uint32_t value)
{
	put(w, &value, sizeof(value));
}

static void
put_call(struct writing *w, const struct stub_env *e)
{
	PUT(w, "\x48\x8d\x64\x24\x80"); /* lea -128(%rsp),%rsp */
	PUT(w, "\xe8");
	put32(w, e->entry_addr - (e->stub_addr + (uint32_t)w->len + 4));
	PUT(w, "\x48\x8d\xa4\x24\x80\x00\x00\x00"); /* lea 128(%rsp),%rsp */
}

/* The way back, by rcx or r11. */
static void
put_return(struct writing *w, const struct stub_env *e, bool by_r11, uint32_t end)
{
	if (by_r11)
		PUT(w, "\x4c\x8b\x1c\x25"); /* mov base,%r11 */
	else
		PUT(w, "\x48\x8b\x0c\x25"); /* mov base,%rcx */
	put32(w, e->base_addr);
	if (by_r11)
		PUT(w, "\x4d\x8d\x9b"); /* lea end(%r11),%r11 */
	else
		PUT(w, "\x48\x8d\x89");
	put32(w, end);
	if (by_r11)
		PUT(w, "\x41\xff\xe3"); /* jmp *%r11 */
	else
		PUT(w, "\xff\xe1");
}

static bool
is_possible(const struct site *s, const struct stub_env *e, uint64_t offset)
{
	return s->len >= SITE_MIN && s->len <= SITE_MAX &&
	       s->syscall_at + SYSCALL_LEN <= s->len && offset <= INT32_MAX - SITE_MAX &&
	       e->stub_addr <= INT32_MAX - STUB_MAX && e->entry_addr <= INT32_MAX &&
	       e->base_addr <= INT32_MAX - 8;
}

size_t
stub_emit(const struct site *s, const struct stub_env *e, uint64_t site_offset,
	  uint8_t out[STUB_MAX], uint8_t *ret_syscall_at)
{
	struct writing w = { .out = out };
	size_t behind = s->syscall_at + SYSCALL_LEN;

	if (!is_possible(s, e, site_offset))
		return 0;
	put(&w, s->bytes, s->syscall_at);
	put_call(&w, e);
	PUT(&w, "\xe3\x02"); /* jrcxz */
	*ret_syscall_at = (uint8_t)w.len;
	PUT(&w, "\x0f\x05");
	put(&w, s->bytes + behind, s->len - behind);
	put_return(&w, e, s->rcx_taken, (uint32_t)site_offset + s->len);
	return w.len;
}

void
stub_jump(const struct site *s, uint32_t slot_addr, uint8_t out[16])
{
	struct writing w = { .out = out };

	PUT(&w, "\xff\x24\x25");
	put32(&w, slot_addr);
	while (w.len < s->len)
		PUT(&w, "\x90");
}
