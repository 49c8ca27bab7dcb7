/* SPDX-License-Identifier: MIT */

/*
 * objdump as an oracle: objdump -d -w FILE | oracle FILE
 *
 * Compares each instruction with the decoder, and each planned window with where
 * instructions begin and branches lead.  Prints "wrong: ..." for what disagrees and
 * one line of figures "key=value ...".  oracle --list FILE prints the sites:
 * address, where in it the syscall is, "sure", number and length.
 */

#include "base/compiler.h"
#include "base/mem.h"
#include "model/syscalls.h"
#include "recorder/insn.h"
#include "recorder/sites.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#define PLANS_MAX 700 /* each reads the whole text */

enum {
	BOUNDARY = 1,
	TARGET = 2,
	SYSCALL = 4,
};

/* One executable segment. */
struct text {
	const uint8_t *bytes;
	size_t len;
	uint64_t addr;
	uint8_t *marks; /* one byte for each of the text's, and one */
};

static struct text texts[8];
static size_t n_texts;
static size_t instructions, known, movable, wrong;

static void
complain(const char *what, uint64_t addr, const char *line)
{
	if (wrong++ < 20)
		printf("wrong: %s at %lx: %s\n", what, (unsigned long)addr, line);
}

static const uint8_t *
map_file(const char *name, size_t *ret_len)
{
	_cleanup_fd_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes;

	if (fd < 0 || fstat(fd, &st) < 0)
		return NULL;
	*ret_len = (size_t)st.st_size;
	bytes = mmap(NULL, *ret_len, PROT_READ, MAP_PRIVATE, fd, 0);
	return bytes == MAP_FAILED ? NULL : bytes;
}

static bool
find_texts(const char *name)
{
	size_t len;
	const uint8_t *file = map_file(name, &len);
	const Elf64_Ehdr *eh = (const void *)file;

	if (!file || memcmp(file, ELFMAG, SELFMAG) != 0)
		return false;
	for (size_t i = 0; i < eh->e_phnum && n_texts < ARRAY_SIZE(texts); i++) {
		const Elf64_Phdr *ph =
			(const void *)(file + eh->e_phoff + i * sizeof(*ph));

		if (ph->p_type == PT_LOAD && (ph->p_flags & PF_X))
			texts[n_texts++] = (struct text){
				.bytes = file + ph->p_offset,
				.len = ph->p_filesz,
				.addr = ph->p_vaddr,
				.marks = mem_zero(ph->p_filesz + 1, 1),
			};
	}
	return n_texts > 0;
}

static struct text *
text_of(uint64_t addr)
{
	for (size_t i = 0; i < n_texts; i++)
		if (addr >= texts[i].addr && addr - texts[i].addr < texts[i].len)
			return &texts[i];
	return NULL;
}

static void
mark(uint64_t addr, uint8_t bits)
{
	struct text *t = text_of(addr);

	if (t)
		t->marks[addr - t->addr] |= bits;
}

/* The last operand, which is the written one. */
static const char *
destination(const char *words)
{
	const char *comma = strrchr(words, ','), *space = strrchr(words, ' ');

	return comma && strchr(comma, ')') == NULL ? comma + 1
	       : space				   ? space + 1
						   : words;
}

static bool
is_any(const char *word, const char *const *list)
{
	size_t len = strcspn(word, " \t\n");

	for (; *list; list++)
		if (strlen(*list) == len && strncmp(word, *list, len) == 0)
			return true;
	return false;
}

static void
check_registers(const struct insn *insn, uint64_t addr, const char *words)
{
	static const char *const rcx[] = { "%rcx", "%ecx", "%cx", "%cl", "%ch", NULL };
	static const char *const r11[] = { "%r11", "%r11d", "%r11w", "%r11b", NULL };
	const char *to = destination(words);

	if (is_any(to, rcx) && !insn->writes_rcx)
		complain("writes rcx", addr, words);
	if (is_any(to, r11) && !insn->writes_r11)
		complain("writes r11", addr, words);
}

static bool
has_branch(const char *words)
{
	static const char *const stays[] = { "syscall", "sysenter", "hlt",  "int3", "ud2",
					     "xabort",	"loop",	    "nop",  "lock", "rep",
					     "endbr",	"cpuid",    "iret", NULL };

	if (strstr(words, "(%rip)") || strstr(words, "call") || strstr(words, "ret"))
		return true;
	if (words[0] == 'j' || strstr(words, " j") || strncmp(words, "xbegin", 6) == 0)
		return true;
	for (size_t i = 0; stays[i]; i++)
		if (strncmp(words, stays[i], strlen(stays[i])) == 0)
			return true;
	return false;
}

/* "jne    1234 <name>": an address that is written plainly. */
static void
mark_target(const char *words)
{
	static const char *const first[] = { "j",     "call",	 "loop",   "xbegin",
					     "bnd",   "notrack", "addr32", "data16",
					     "rex.W", NULL };

	for (size_t i = 0; first[i]; i++) {
		const char *at = strrchr(words, '<');
		char *end;
		uint64_t addr;

		if (strncmp(words, first[i], strlen(first[i])) != 0)
			continue;
		while (at && at > words && at[-1] == ' ')
			at--;
		while (at && at > words && at[-1] != ' ')
			at--;
		if (!at)
			return;
		addr = strtoul(at, &end, 16);
		if (end > at)
			mark(addr, TARGET);
		return;
	}
}

static void
take_instruction(uint64_t addr, size_t len, const char *words)
{
	struct text *t = text_of(addr);
	struct insn insn = { 0 };
	size_t got;

	if (!t || strstr(words, "(bad)") || words[0] == '.')
		return;
	mark(addr, BOUNDARY);
	mark_target(words);
	if (strncmp(words, "syscall", 7) == 0)
		mark(addr, SYSCALL);
	instructions++;
	got = insn_decode(t->bytes + (addr - t->addr), t->len - (addr - t->addr), &insn);
	if (!got)
		return;
	known++;
	if (got != len || insn.len != len)
		complain("length", addr, words);
	if (!insn.movable)
		return;
	movable++;
	if (has_branch(words))
		complain("movable", addr, words);
	check_registers(&insn, addr, words);
}

/* "  401000:\tf3 0f 1e fa \tendbr64" */
static void
take_line(char *line)
{
	char *end, *tab;
	uint64_t addr = strtoul(line, &end, 16);
	size_t len = 0;

	if (end == line || end[0] != ':' || end[1] != '\t')
		return;
	tab = strchr(end + 2, '\t');
	if (!tab)
		return;
	for (char *p = end + 2; p + 1 < tab && p[0] != ' '; p += 3)
		len++;
	tab[strcspn(tab, "\n")] = 0;
	take_instruction(addr, len, tab + 1);
}

static void
check_window(const struct text *t, const struct site *s, const char *how)
{
	size_t end = s->offset + s->len;

	if (s->len < SITE_MIN || s->len > SITE_MAX || end > t->len)
		return complain("size of a window", t->addr + s->offset, how);
	if (!(t->marks[s->offset] & BOUNDARY) ||
	    !(t->marks[s->offset + s->syscall_at] & SYSCALL))
		complain("begin of a window", t->addr + s->offset, how);
	if (end < t->len && !(t->marks[end] & BOUNDARY))
		complain("end of a window", t->addr + s->offset, how);
	for (size_t k = s->offset + 1; k < end; k++)
		if (t->marks[k] & TARGET)
			complain("branch into a window", t->addr + k, how);
	if (memcmp(s->bytes, t->bytes + s->offset, s->len) != 0)
		complain("bytes of a window", t->addr + s->offset, how);
}

struct coverage {
	size_t syscalls, plans, planned, sure, files, files_sure;
	double ms;
};

/* A file call, by the number right before it, that is not left alone for being a birth. */
static bool
is_file(const struct text *t, size_t at)
{
	int32_t nr;

	if (at < 5 || t->bytes[at - 5] != 0xb8 || !(t->marks[at - 5] & BOUNDARY))
		return false;
	memcpy(&nr, t->bytes + at - 4, sizeof(nr));
	return nr != SYS_clone && nr != SYS_clone3 && nr != SYS_fork && nr != SYS_vfork &&
	       syscall_find(ABI_X86_64, nr);
}

static double
cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void
check_sites(const struct text *t, struct coverage *c)
{
	_cleanup_free_ bool *found = mem_zero(t->len + 1, sizeof(*found));
	_cleanup_free_ struct site *v = NULL;
	double start = cpu_ms();
	size_t n = sites_scan(t->bytes, t->len, NULL, NULL, &v);

	c->ms += cpu_ms() - start;
	c->sure += n;
	for (size_t i = 0; i < n; i++) {
		check_window(t, &v[i], "scan");
		found[v[i].offset + v[i].syscall_at] = true;
		if (i && v[i].offset < v[i - 1].offset + v[i - 1].len)
			complain("overlap", t->addr + v[i].offset, "");
	}
	for (size_t at = 0; at < t->len; at++) {
		struct site s;

		if (!(t->marks[at] & SYSCALL))
			continue;
		c->syscalls++;
		c->files += is_file(t, at);
		c->files_sure += is_file(t, at) && found[at];
		if (c->plans++ < PLANS_MAX && site_plan(t->bytes, t->len, at, &s)) {
			c->planned++;
			check_window(t, &s, "plan");
		}
	}
}

static int
list(void)
{
	for (size_t i = 0; i < n_texts; i++) {
		const struct text *t = &texts[i];
		_cleanup_free_ struct site *v = NULL;
		size_t n = sites_scan(t->bytes, t->len, NULL, NULL, &v);

		for (size_t k = 0; k < n; k++)
			printf("%lx %u %s %d %u\n",
			       (unsigned long)(t->addr + v[k].offset), v[k].syscall_at,
			       v[k].sure ? "sure" : "-", v[k].nr, v[k].len);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct coverage c = { 0 };
	char line[4096];

	if (argc == 3 && strcmp(argv[1], "--list") == 0 && find_texts(argv[2]))
		return list();
	if (argc != 2 || !find_texts(argv[1])) {
		fprintf(stderr,
			"usage: objdump -d -w FILE | oracle FILE, or oracle --list FILE\n");
		return 2;
	}
	while (fgets(line, sizeof(line), stdin))
		take_line(line);
	for (size_t i = 0; i < n_texts; i++)
		check_sites(&texts[i], &c);
	printf("instructions=%zu known=%zu movable=%zu syscalls=%zu planned=%zu sure=%zu "
	       "files=%zu files_sure=%zu scan_ms=%.1f wrong=%zu\n",
	       instructions, known, movable, c.syscalls, c.planned, c.sure, c.files,
	       c.files_sure, c.ms, wrong);
	return wrong != 0;
}
