/* SPDX-License-Identifier: MIT */

/*
 * The files that a job executes: "#!" lines and ELF headers on any bytes, against what
 * the kernel does with them (fs/binfmt_script.c, fs/binfmt_elf.c) said in another way.
 */

#include "fuzz.h"

#include "trace/image.h"

#include <elf.h>

/* Byte by byte, as the kernel takes the line: no search, no pointers into it. */
static size_t
reference_shebang(const char *bytes, size_t len, size_t *ret_at)
{
	size_t at = 2, n = 0;

	if (len < 2 || bytes[0] != '#' || bytes[1] != '!')
		return 0;
	while (at < len && (bytes[at] == ' ' || bytes[at] == '\t'))
		at++;
	while (at + n < len && !strchr(" \t\n", bytes[at + n]))
		n++;
	*ret_at = at;
	return n;
}

static void
check_shebang(const char *bytes, size_t len)
{
	const char *name = NULL;
	size_t n = image_shebang(bytes, len, &name), at = 0;

	REQUIRE(n == reference_shebang(bytes, len, &at));
	REQUIRE(!n || name == bytes + at);
}

/* The first PT_INTERP of the table, if all before it are inside of what there is. */
static bool
reference_loader(const uint8_t *bytes, size_t len, uint64_t *ret_offset,
		 uint64_t *ret_size)
{
	const Elf64_Ehdr *e64 = (const void *)bytes;
	const Elf32_Ehdr *e32 = (const void *)bytes;
	bool wide;

	if (len < sizeof(*e64) || memcmp(bytes, "\177ELF", 4) != 0)
		return false;
	wide = bytes[EI_CLASS] == ELFCLASS64;
	for (size_t i = 0; i < (wide ? e64->e_phnum : e32->e_phnum); i++) {
		__uint128_t size = wide ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);
		__uint128_t at = (wide ? e64->e_phoff : e32->e_phoff) + i * size;
		Elf64_Phdr p64;
		Elf32_Phdr p32;

		if (at + size > len)
			return false;
		memcpy(&p64, bytes + (size_t)at, wide ? sizeof(p64) : sizeof(p32));
		memcpy(&p32, &p64, sizeof(p32));
		if ((wide ? p64.p_type : p32.p_type) != PT_INTERP)
			continue;
		*ret_offset = wide ? p64.p_offset : p32.p_offset;
		*ret_size = wide ? p64.p_filesz : p32.p_filesz;
		return true;
	}
	return false;
}

static void
check_loader(const uint8_t *bytes, size_t len)
{
	uint64_t offset = 0, size = 0, want_offset = 0, want_size = 0;

	REQUIRE(image_loader(bytes, len, &offset, &size) ==
		reference_loader(bytes, len, &want_offset, &want_size));
	REQUIRE(offset == want_offset && size == want_size);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ uint8_t *copy = fuzz_copy(bytes, len);

	check_shebang((const char *)copy, len);
	check_loader(copy, len);
	return 0;
}
