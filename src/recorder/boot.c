/* SPDX-License-Identifier: MIT */
#include "recorder/boot.h"

#include "base/compiler.h"
#include "recorder/region.h"
#include "trace/maps.h"
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* What /proc/PID/maps calls the private page, on kernels that keep such names. */
static const char name[] = "whatfiles";

struct code {
	uint8_t *bytes;
	size_t len;
};

static void
put(struct code *c, const void *bytes, size_t len)
{
	if (c->len + len <= BOOT_MAX)
		memcpy(c->bytes + c->len, bytes, len);
	c->len += len;
}

static void
put_bytes(struct code *c, const char *bytes, size_t len)
{
	put(c, bytes, len);
}

#define PUT(c, literal) put_bytes(c, literal, sizeof(literal) - 1)

static void
put32(struct code *c, uint32_t value)
{
	put(c, &value, sizeof(value));
}

static void
put64(struct code *c, uint64_t value)
{
	put(c, &value, sizeof(value));
}

/* Loads the arguments in their order: rdi, rsi, rdx, r10, r8, r9. */
static void
put_call(struct code *c, uint32_t nr, const uint64_t args[6])
{
	static const char loads[6][2] = { "\x48\xbf", "\x48\xbe", "\x48\xba",
					  "\x49\xba", "\x49\xb8", "\x49\xb9" };

	for (size_t i = 0; i < 6; i++) {
		put(c, loads[i], 2);
		put64(c, args[i]);
	}
	PUT(c, "\xb8"); /* mov $nr,%eax */
	put32(c, nr);
	PUT(c, "\x0f\x05");
}

/* Goes on only when rax is @wanted; jumps to be filled in are kept in @jumps. */
static void
put_check(struct code *c, uint32_t wanted, size_t *jump)
{
	PUT(c, "\x48\x3d"); /* cmp $wanted,%rax */
	put32(c, wanted);
	PUT(c, "\x0f\x85"); /* jne */
	*jump = c->len;
	put32(c, 0);
}

static void
put_store32(struct code *c, uint64_t addr, uint32_t value)
{
	PUT(c, "\xc7\x04\x25"); /* movl $value,addr */
	put32(c, (uint32_t)addr);
	put32(c, value);
}

static void
put_store64(struct code *c, uint64_t addr, uint64_t value)
{
	PUT(c, "\x48\xb8"); /* mov $value,%rax */
	put64(c, value);
	PUT(c, "\x48\x89\x04\x25"); /* mov %rax,addr */
	put32(c, (uint32_t)addr);
}

static void
put_space(struct code *c, const struct boot *b)
{
	put_store32(c, LAYOUT_SPACE + offsetof(struct space_page, tid), b->tid);
	if (b->no_dirs)
		put_store32(c, LAYOUT_SPACE + offsetof(struct space_page, no_dirs), 1);
	for (unsigned i = 0; i < b->file_count; i++)
		put_store64(c,
			    LAYOUT_SPACE + offsetof(struct space_page, base) +
				    8 * b->files[i].file,
			    b->files[i].base);
}

/* The registers of a new image are all zero but rsp (ELF_PLAT_INIT, asm/elf.h). */
static void
put_leave(struct code *c, uint64_t entry)
{
	PUT(c, "\x31\xc0\x31\xdb\x31\xc9\x31\xd2\x31\xf6\x31\xff\x31\xed");
	PUT(c, "\x45\x31\xc0\x45\x31\xc9\x45\x31\xd2\x45\x31\xdb");
	PUT(c, "\x45\x31\xe4\x45\x31\xed\x45\x31\xf6\x45\x31\xff");
	/* the flags of a new image, by way of the stack below everything */
	PUT(c, "\x68\x02\x02\x00\x00\x9d"); /* push $0x202; popf */
	PUT(c, "\xff\x25\x00\x00\x00\x00"); /* jmp *0(%rip) */
	put64(c, entry);
}

static void
fill_jump(struct code *c, size_t jump, size_t target)
{
	uint32_t distance = (uint32_t)(target - (jump + 4));

	if (jump + 4 <= BOOT_MAX)
		memcpy(c->bytes + jump, &distance, 4);
}

/* Names the private page; prctl wants the address of a string, which ends the code. */
static void
put_name(struct code *c, size_t *ret_lea)
{
	const uint64_t args[6] = { PR_SET_VMA, PR_SET_VMA_ANON_NAME, LAYOUT_SPACE,
				   LAYOUT_SPACE_SIZE };
	size_t load;

	load = c->len;
	put_call(c, SYS_prctl, args);
	/* the load of r8, "mov $imm64", becomes "lea name(%rip),%r8" and three nops */
	load += 4 * 10;
	if (load + 10 <= BOOT_MAX)
		memcpy(c->bytes + load, "\x4c\x8d\x05\x00\x00\x00\x00\x90\x90\x90", 10);
	*ret_lea = load + 3;
}

size_t
boot_emit(const struct boot *b, uint8_t out[BOOT_MAX], size_t *ret_failed)
{
	const struct region *r = b->region;
	struct code c = { .bytes = out };
	size_t jumps[3], lea;

	put_call(&c, SYS_shmat,
		 (const uint64_t[6]){ (uint64_t)r->code_id, LAYOUT_CODE,
				      SHM_RDONLY | SHM_EXEC });
	put_check(&c, LAYOUT_CODE, &jumps[0]);
	put_call(&c, SYS_shmat,
		 (const uint64_t[6]){ (uint64_t)r->shared_id, LAYOUT_SHARED, 0 });
	put_check(&c, LAYOUT_SHARED, &jumps[1]);
	/* a wish, which the kernel grants where nothing is: fixed ones stop (leave.h) */
	put_call(&c, SYS_mmap,
		 (const uint64_t[6]){ LAYOUT_SPACE, LAYOUT_SPACE_SIZE,
				      PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
				      (uint64_t)-1, 0 });
	put_check(&c, LAYOUT_SPACE, &jumps[2]);
	/* a core file of the job's needs no ring */
	put_call(&c, SYS_madvise,
		 (const uint64_t[6]){ LAYOUT_SHARED, r->shared_size, MADV_DONTDUMP });
	put_name(&c, &lea);
	put_space(&c, b);
	put_leave(&c, b->entry);
	*ret_failed = c.len;
	for (size_t i = 0; i < ARRAY_SIZE(jumps); i++)
		fill_jump(&c, jumps[i], c.len);
	PUT(&c, "\xcc");
	fill_jump(&c, lea, c.len);
	put(&c, name, sizeof(name));
	return c.len <= BOOT_MAX ? c.len : 0;
}

uint64_t
boot_place(void)
{
	struct mapping vdso;
	const uint8_t *start;
	uint64_t size, at;

	if (maps_find(getpid(), getauxval(AT_SYSINFO_EHDR), &vdso) || !vdso.is_vdso ||
	    !vdso.executable)
		return 0;
	start = (const uint8_t *)(uintptr_t)vdso.start;
	at = size = vdso.end - vdso.start;
	while (at && size - at < BOOT_MAX + 16 && !start[at - 1])
		at--;
	return size - at >= BOOT_MAX ? (at + 15) & ~(uint64_t)15 : 0;
}
