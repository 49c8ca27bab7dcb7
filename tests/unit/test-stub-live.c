/* SPDX-License-Identifier: MIT */

/*
 * Displaced instructions, run: windows of libc's own code and made-up ones are run
 * as they are and by way of jump and stub, from the same random state, and must
 * leave the same registers, flags and memory.
 */

#include "unit.h"

#include "base/compiler.h"
#include "recorder/insn.h"
#include "recorder/sites.h"
#include "recorder/stub.h"

#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum {
	RAX,
	RBX,
	RCX,
	RDX,
	RSI,
	RDI,
	RBP,
	RSP,
	R8,
	R9,
	R10,
	R11,
	R12,
	R13,
	R14,
	R15,
	FLAGS,
	COUNT
};

#define FLAGS_SEEN 0x8d5 /* CF PF AF ZF SF OF */
#define RANGE (UINT64_C(5) << 30)
#define ARENA_ADDR UINT64_C(0x200000000000) /* eight times that is no address */
#define ARENA_LEN 65536

/* State to load and where to go; the state left. */
uint64_t live_in[COUNT], live_out[COUNT], live_code, live_home;
uint8_t live_fp[512] __attribute__((aligned(16)));

void live_run(void);
extern const char live_end[];

__asm__(".pushsection .text\n"
	".globl live_run, live_end\n"
	"live_run:\n"
	"	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"	mov %rsp,live_home(%rip)\n"
	"	fxrstor64 live_fp(%rip)\n"
	"	pushq live_in+128(%rip); popfq\n"
	"	mov live_in+0(%rip),%rax;   mov live_in+8(%rip),%rbx\n"
	"	mov live_in+16(%rip),%rcx;  mov live_in+24(%rip),%rdx\n"
	"	mov live_in+32(%rip),%rsi;  mov live_in+40(%rip),%rdi\n"
	"	mov live_in+48(%rip),%rbp;  mov live_in+56(%rip),%rsp\n"
	"	mov live_in+64(%rip),%r8;   mov live_in+72(%rip),%r9\n"
	"	mov live_in+80(%rip),%r10;  mov live_in+88(%rip),%r11\n"
	"	mov live_in+96(%rip),%r12;  mov live_in+104(%rip),%r13\n"
	"	mov live_in+112(%rip),%r14; mov live_in+120(%rip),%r15\n"
	"	jmp *live_code(%rip)\n"
	"live_end:\n"
	"	mov %rax,live_out+0(%rip);   mov %rbx,live_out+8(%rip)\n"
	"	mov %rcx,live_out+16(%rip);  mov %rdx,live_out+24(%rip)\n"
	"	mov %rsi,live_out+32(%rip);  mov %rdi,live_out+40(%rip)\n"
	"	mov %rbp,live_out+48(%rip);  mov %rsp,live_out+56(%rip)\n"
	"	mov %r8,live_out+64(%rip);   mov %r9,live_out+72(%rip)\n"
	"	mov %r10,live_out+80(%rip);  mov %r11,live_out+88(%rip)\n"
	"	mov %r12,live_out+96(%rip);  mov %r13,live_out+104(%rip)\n"
	"	mov %r14,live_out+112(%rip); mov %r15,live_out+120(%rip)\n"
	"	mov live_home(%rip),%rsp\n"
	"	pushfq; popq live_out+128(%rip); cld\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"	ret\n"
	".popsection\n");

/* Code and words in one page below 2^31. */
struct page {
	uint8_t original[128], patched[64], stub[STUB_MAX], entry[48];
	uint64_t base, slot;
};

static struct page *page;
static uint8_t *arena, snapshot[ARENA_LEN], left[ARENA_LEN];
static uint64_t seed = 1;
static sigjmp_buf fault;
static uint8_t fault_stack[65536];

static void
on_fault(int sig)
{
	siglongjmp(fault, sig);
}

/* False where there is no memory below 2^31 that may be written and run. */
static bool
set_up(void)
{
	struct sigaction sa = { .sa_handler = on_fault, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_sp = fault_stack, .ss_size = sizeof(fault_stack) };
	uint8_t *range;

	if (page)
		return true;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	/* nothing else is within a displacement's reach */
	range = mmap((void *)ARENA_ADDR, RANGE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
		     -1, 0);
	if (page == MAP_FAILED || range == MAP_FAILED) {
		page = NULL;
		return false;
	}
	arena = range + RANGE / 2;
	mprotect(arena, ARENA_LEN, PROT_READ | PROT_WRITE);
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	sigaction(SIGILL, &sa, NULL); /* a random place may hold none */
	return true;
}

static void
randomise(const struct site *s)
{
	for (size_t i = 0; i < ARENA_LEN; i++)
		snapshot[i] = (uint8_t)unit_random(&seed);
	for (size_t i = 0; i < RSP; i++)
		live_in[i] = (uintptr_t)arena + ARENA_LEN / 4 +
			     unit_random(&seed) % (ARENA_LEN / 2);
	for (size_t i = RSP; i < FLAGS; i++)
		live_in[i] = (uintptr_t)arena + ARENA_LEN / 4 +
			     unit_random(&seed) % (ARENA_LEN / 2);
	live_in[RSP] &= ~UINT64_C(7);
	live_in[FLAGS] = 0x202 | (unit_random(&seed) & FLAGS_SEEN);
	live_in[RAX] = s->syscall_at ? unit_random(&seed) : SYS_getppid;
	__asm__("fxsave64 %0" : "=m"(live_fp));
	for (size_t i = 160; i < 416; i++) /* xmm0 to xmm15 */
		live_fp[i] = (uint8_t)unit_random(&seed);
}

static uint8_t *
put(uint8_t *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static void
put_end(uint8_t *to)
{
	const char *end = live_end;

	to = PUT(to, "\xff\x25\x00\x00\x00\x00"); /* jmp *0(%rip) */
	put(to, &end, sizeof(end));
}

/* What rcx and r11 hold behind a syscall nobody may rely on: 0 in both runs. */
#define CLEAR "\xb9\x00\x00\x00\x00\x41\xbb\x00\x00\x00\x00"
#define DECLINE "\xb9\x01\x00\x00\x00"
#define RET "\xc3"

/* The window with the number getppid has, as it is. */
static void
write_original(const struct site *s, bool clear)
{
	size_t behind = s->syscall_at + 2;
	uint8_t *to = put(page->original, s->bytes, behind);

	if (clear)
		to = PUT(to, CLEAR);
	put_end(put(to, s->bytes + behind, s->len - behind));
}

static bool
write_patched(const struct site *s, bool declined)
{
	struct stub_env env = { .stub_addr = (uint32_t)(uintptr_t)page->stub,
				.entry_addr = (uint32_t)(uintptr_t)page->entry,
				.base_addr = (uint32_t)(uintptr_t)&page->base };
	uint8_t at;

	page->base = (uintptr_t)page->patched - 0x1000;
	page->slot = (uintptr_t)page->stub;
	if (declined)
		PUT(page->entry, DECLINE RET);
	else
		PUT(page->entry, "\x0f\x05" CLEAR RET);
	if (!stub_emit(s, &env, 0x1000, page->stub, &at))
		return false;
	stub_jump(s, (uint32_t)(uintptr_t)&page->slot, page->patched);
	put_end(page->patched + s->len);
	return CHECK_MEM(page->stub + at, 2, "\x0f\x05", 2);
}

/* False when it faults, which is no fault of the window. */
static bool
run(const uint8_t *code, const struct site *s, uint64_t out[COUNT])
{
	uint64_t call = (uintptr_t)page->stub + s->syscall_at + 10;

	memcpy(arena, snapshot, ARENA_LEN);
	/* the call's own trace below the red zone, so that both runs have it */
	memcpy((void *)(live_in[RSP] - 136), &call, sizeof(call));
	live_code = (uintptr_t)code;
	if (sigsetjmp(fault, 1))
		return false;
	live_run();
	memcpy(out, live_out, sizeof(live_out));
	return true;
}

static bool
same(const struct site *s, const uint64_t want[COUNT], const uint64_t got[COUNT],
     bool declined)
{
	bool ok = true;

	for (size_t i = 0; i < FLAGS; i++) {
		bool is_free = i == (s->rcx_taken ? R11 : RCX) ||
			       (declined && (i == RCX || i == R11));

		if (!is_free && want[i] != got[i])
			ok = CHECK_INT(got[i], want[i]);
	}
	ok &= CHECK_INT(got[FLAGS] & FLAGS_SEEN, want[FLAGS] & FLAGS_SEEN);
	ok &= CHECK_INT(got[s->rcx_taken ? R11 : RCX], (uintptr_t)page->patched + s->len);
	ok &= CHECK(memcmp(left, arena, ARENA_LEN) == 0);
	return ok;
}

/* True when both ran. */
static bool
compare(const struct site *s, bool declined)
{
	uint64_t want[COUNT], got[COUNT];

	randomise(s);
	if (!write_patched(s, declined))
		return false;
	write_original(s, !declined);
	if (!run(page->original, s, want))
		return false;
	memcpy(left, arena, ARENA_LEN);
	if (!CHECK(run(page->patched, s, got)))
		return false;
	if (!same(s, want, got, declined))
		CHECK_MEM(s->bytes, s->len, "", 0); /* to tell which it was */
	return true;
}

struct code {
	const uint8_t *bytes;
	size_t len;
};

static int
find_libc(struct dl_phdr_info *info, size_t size, void *data)
{
	struct code *c = data;

	(void)size;
	if (!strstr(info->dlpi_name, "libc.so"))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    (info->dlpi_phdr[i].p_flags & PF_X))
			*c = (struct code){
				(const uint8_t *)info->dlpi_addr +
					info->dlpi_phdr[i].p_vaddr,
				info->dlpi_phdr[i].p_memsz,
			};
	return 1;
}

/* fs: would write to this thread's own memory. */
static bool
is_local(const uint8_t *bytes, size_t len)
{
	return !memchr(bytes, 0x64, len) && !memchr(bytes, 0x65, len);
}

static bool
begin(struct code *libc)
{
	dl_iterate_phdr(find_libc, libc);
	if (libc->len && set_up())
		return true;
	unit_skip("no libc found, or no memory to run code in");
	return false;
}

TEST(windows_of_libc)
{
	_cleanup_free_ struct site *v = NULL;
	static const int32_t nr = SYS_getppid;
	struct code libc = { 0 };
	size_t n, ran = 0;

	if (!begin(&libc))
		return;
	n = sites_scan(libc.bytes, libc.len, NULL, NULL, &v);
	for (size_t i = 0; i < n; i++) {
		if (v[i].syscall_at)
			memcpy(v[i].bytes + 1, &nr, sizeof(nr));
		if (is_local(v[i].bytes, v[i].len))
			ran += compare(&v[i], false);
		if (memcmp(v[i].bytes + 2, "\x48\x3d", 2) == 0 || v[i].syscall_at)
			ran += compare(&v[i], true);
	}
	printf("# %zu windows, %zu runs\n", n, ran);
	CHECK(ran >= n);
}

/* `syscall` and what stands at a random place of libc. */
static bool
make_site(const struct code *libc, struct site *ret)
{
	uint8_t text[64] = { 0x0f, 0x05 };
	size_t len = 2;

	while (len < SITE_MIN) {
		const uint8_t *at =
			libc->bytes + unit_random(&seed) % (libc->len - INSN_MAX);
		struct insn insn;

		if (!insn_decode(at, INSN_MAX, &insn) || !insn.movable ||
		    !is_local(at, insn.len))
			continue;
		memcpy(text + len, at, insn.len);
		len += insn.len;
	}
	return site_plan(text, len, 0, ret);
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

TEST(random_windows)
{
	struct code libc = { 0 };
	size_t made = 0, ran = 0, r11 = 0;

#ifdef __SANITIZE_ADDRESS__
	unit_skip("what is written at random may be the sanitizer's own memory");
	return;
#endif
	if (!begin(&libc))
		return;
	for (size_t i = 0; i < 5000; i++) {
		struct site s;

		if (!make_site(&libc, &s))
			continue;
		made++;
		r11 += s.rcx_taken;
		ran += compare(&s, false);
	}
	printf("# %zu windows, %zu of them by r11, %zu ran\n", made, r11, ran);
	CHECK(ran > 1000 && r11 > 500);
}
