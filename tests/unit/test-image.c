/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"
#include "trace/image.h"
#include "trace/proc.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *
shebang(const char *text)
{
	static char name[300];
	const char *at;
	size_t len = image_shebang(text, strlen(text), &at);

	memset(name, 0, sizeof(name));
	if (len)
		memcpy(name, at, len);
	return len ? name : NULL;
}

TEST(the_interpreter_of_a_script)
{
	CHECK_STR(shebang("#!/bin/sh\necho\n"), "/bin/sh");
	CHECK_STR(shebang("#! \t/bin/sh -e\n"), "/bin/sh");
	CHECK_STR(shebang("#!/usr/bin/env\tpython3\n"), "/usr/bin/env");
	CHECK_STR(shebang("#!sh\n"), "sh");
	CHECK_STR(shebang("#!/bin/sh"), "/bin/sh");
	CHECK(!shebang("#!\n/bin/sh\n"));
	CHECK(!shebang("#!   \n"));
	CHECK(!shebang("# !/bin/sh\n"));
	CHECK(!shebang("#"));
	CHECK(!shebang(""));
}

static void
put_64(uint8_t *file, uint32_t type, uint64_t offset)
{
	Elf64_Ehdr e = { .e_phoff = 64, .e_phnum = 3 };
	Elf64_Phdr p[3] = { { .p_type = PT_PHDR }, { .p_type = PT_LOAD } };

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS64;
	p[2] = (Elf64_Phdr){ .p_type = type, .p_offset = offset, .p_filesz = 9 };
	memcpy(file, &e, sizeof(e));
	memcpy(file + 64, p, sizeof(p));
}

TEST(the_loader_of_a_program)
{
	uint8_t file[512] = { 0 };
	uint64_t offset = 0, size = 0;

	put_64(file, PT_INTERP, 700);
	CHECK(image_loader(file, sizeof(file), &offset, &size));
	CHECK_INT(offset, 700);
	CHECK_INT(size, 9);
	put_64(file, PT_NOTE, 700);
	CHECK(!image_loader(file, sizeof(file), &offset, &size));
	/* headers that are not in what was read */
	put_64(file, PT_INTERP, 700);
	CHECK(!image_loader(file, 100, &offset, &size));
	CHECK(!image_loader(file, 3, &offset, &size));
	CHECK(!image_loader((const uint8_t *)"#!/bin/sh", 9, &offset, &size));
}

TEST(a_32_bit_program)
{
	Elf32_Ehdr e = { .e_phoff = 52, .e_phnum = 1 };
	Elf32_Phdr p = { .p_type = PT_INTERP, .p_offset = 0x154, .p_filesz = 19 };
	uint8_t file[128] = { 0 };
	uint64_t offset = 0, size = 0;

	memcpy(e.e_ident, ELFMAG, SELFMAG);
	e.e_ident[EI_CLASS] = ELFCLASS32;
	memcpy(file, &e, sizeof(e));
	memcpy(file + 52, &p, sizeof(p));
	CHECK(image_loader(file, sizeof(file), &offset, &size));
	CHECK_INT(offset, 0x154);
	CHECK_INT(size, 19);
}

/* The files are the job's: whatever they hold, nothing is read beyond them. */
TEST(any_bytes_are_safe)
{
	uint64_t seed = 7, offset, size;
	const char *name;

	for (int i = 0; i < 200000; i++) {
		size_t len = unit_random(&seed) % 300;
		uint8_t *file = malloc(len + 1);

		for (size_t k = 0; k < len; k++)
			file[k] = (uint8_t)unit_random(&seed);
		if (len > 64 && unit_random(&seed) % 2) {
			memcpy(file, ELFMAG, SELFMAG);
			file[EI_CLASS] = (uint8_t)(1 + unit_random(&seed) % 2);
			/* a small offset and a small count, so that headers are met */
			memset(file + 28, 0, 32);
			file[32] = file[28] = (uint8_t)unit_random(&seed);
			file[56] = file[44] = (uint8_t)unit_random(&seed);
		} else if (len > 2) {
			memcpy(file, "#!", 2);
		}
		image_loader(file, len, &offset, &size);
		image_shebang((const char *)file, len, &name);
		free(file);
	}
	CHECK(true);
}

static void
note_name(const char *name, size_t len, void *data)
{
	buf_add(data, name, len);
	buf_addc(data, '\n');
}

/* The job may exchange files at any moment: nobody ever comes to write to this one. */
TEST(G8_an_interpreter_that_is_a_fifo)
{
	char dir[] = "/tmp/whatfiles-image-XXXXXX", fifo[64], script[64];
	struct buf names = { 0 };
	FILE *file;

	CHECK(mkdtemp(dir) && proc_open() == 0);
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	snprintf(script, sizeof(script), "%s/script", dir);
	CHECK_INT(mkfifo(fifo, 0700), 0);
	file = fopen(script, "w");
	CHECK(file);
	fprintf(file, "#!%s\n", fifo);
	fclose(file);
	/* killed where it blocks */
	alarm(60);
	image_interpreters(getpid(), AT_FDCWD, script, note_name, &names);
	alarm(0);
	CHECK(strncmp(buf_str(&names), fifo, strlen(fifo)) == 0);
	buf_done(&names);
	unlink(script);
	unlink(fifo);
	rmdir(dir);
}
