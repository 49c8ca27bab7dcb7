/* SPDX-License-Identifier: MIT */
/* The program executes itself: its task goes on in the new image. */
#include "births.h"
#include "steps.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>

#define NR32_EXECVE 11
#define NR32_EXECVEAT 358

/* The arguments of an exec, as both word sizes have them. */
struct words {
	char text[3][64];
	char *argv[5];
	uint32_t argv32[5];
};

static void
add_word(struct words *w, int i, char *word)
{
	w->argv[i] = word;
	w->argv32[i] = (uint32_t)(uintptr_t)word;
}

/* The new image knows itself by the word that begins with "@". */
static void
fill_words(struct task *t, struct words *w)
{
	memset(w, 0, sizeof(*w));
	put(w->text[0], "tree");
	put_number(put(w->text[1], "@"), t->index);
	put_number(put(w->text[2], "again-"), (unsigned long)t->budget);
	for (int i = 0; i < 3; i++)
		add_word(w, i, w->text[i]);
}

static long
execute(struct task *t, struct call *c, struct words *w)
{
	bool at = c->nr[ABI_X86_64] == __NR_execveat;
	void *words = c->abi == ABI_I386 ? (void *)w->argv32 : (void *)w->argv;

	c->args[at + 1] = (long)words;
	c->args[at + 2] = (long)((char *)words + (c->abi == ABI_I386 ? 4 : 8) * 3);
	return account_call(t, c);
}

static void
set_path(struct task *t, struct call *c, const char *name)
{
	*c = (struct call){ .nr = { __NR_execve, NR32_EXECVE, 520 } };
	c->abi = account_int80(t, 6) ? ABI_I386 : ABI_X86_64;
	c->name[0].arg = 1;
	c->name[0].name = name;
	c->name[0].flags = NAME_GIVEN;
}

static void
set_descriptor(struct task *t, struct call *c, long fd, const char *name, long flags)
{
	*c = (struct call){ .nr = { __NR_execveat, NR32_EXECVEAT, 545 } };
	c->abi = account_int80(t, 6) ? ABI_I386 : ABI_X86_64;
	c->name[0].arg = 2;
	c->name[0].dir = 1;
	c->name[0].name = name;
	c->name[0].flags = NAME_GIVEN;
	c->args[0] = fd;
	c->args[4] = flags;
}

/* The program in a file: a copy without a name, or one that everybody can see. */
static void
copy_program(long to)
{
	char data[4096];
	long at = 0, n;

	while ((n = RAW(__NR_pread64, PROGRAM_FD, data, sizeof(data), at)) > 0) {
		RAW(__NR_write, to, data, n);
		at += n;
	}
}

static void
by_memory(struct task *t, struct words *w)
{
	struct call c = { .nr = { __NR_memfd_create, 356, __NR_memfd_create } };
	bool cloexec = pick(t, 2);
	long fd;

	c.name[0].arg = 1;
	c.name[0].name = "copy of tree";
	c.name[0].flags = NAME_GIVEN | NAME_TEXT;
	c.args[1] = cloexec;
	fd = account_call(t, &c);
	if (fd < 0)
		return;
	copy_program(fd);
	set_descriptor(t, &c, fd, "", AT_EMPTY_PATH);
	execute(t, &c, w);
	RAW(__NR_close, fd);
}

/* By a name in the working directory; ETXTBSY where a child still has it for writing. */
static void
by_copy(struct task *t, struct words *w)
{
	struct call c;
	char name[32];
	long fd;

	put_number(put(put_number(put(name, "x"), t->index), "-"), ++t->uniques);
	fd = simple_call_at(t, __NR_openat, 295, name, O_CREAT | O_WRONLY | O_CLOEXEC,
			    0755);
	if (fd < 0)
		return;
	copy_program(fd);
	RAW(__NR_close, fd);
	set_path(t, &c, name);
	execute(t, &c, w);
}

static void
by_link(struct task *t, struct words *w)
{
	struct call c = { .nr = { __NR_symlink, 83, __NR_symlink } };
	char name[32];

	put_number(put(put_number(put(name, "lx"), t->index), "-"), ++t->uniques);
	c.name[1].arg = 1;
	c.name[1].name = ACCOUNT->tree.program;
	c.name[1].flags = NAME_GIVEN | NAME_TEXT;
	c.name[0].arg = 2;
	c.name[0].name = name;
	c.name[0].flags = NAME_GIVEN;
	if (account_call(t, &c) < 0)
		return;
	set_path(t, &c, name);
	execute(t, &c, w);
}

/* A script, of which the program is the interpreter. */
static void
by_script(struct task *t, struct words *w)
{
	char name[32], text[PATH_ROOM + 8], *end;
	struct call c;
	long fd;

	put_number(put(put_number(put(name, "s"), t->index), "-"), ++t->uniques);
	fd = simple_call_at(t, __NR_openat, 295, name, O_CREAT | O_WRONLY | O_CLOEXEC,
			    0755);
	if (fd < 0)
		return;
	end = put(put(put(text, "#!"), ACCOUNT->tree.program), "\n");
	RAW(__NR_write, fd, text, end - text);
	RAW(__NR_close, fd);
	set_path(t, &c, name);
	execute(t, &c, w);
}

void
step_exec(struct task *t)
{
	struct words w;
	struct call c;

	fill_words(t, &w);
	switch (pick(t, 7)) {
	case 0:
	case 1:
		set_path(t, &c, ACCOUNT->tree.program);
		execute(t, &c, &w);
		break;
	case 2:
		set_descriptor(t, &c, PROGRAM_FD, "", AT_EMPTY_PATH);
		execute(t, &c, &w);
		break;
	case 3:
		by_memory(t, &w);
		break;
	case 4:
		by_copy(t, &w);
		break;
	case 5:
		by_link(t, &w);
		break;
	default:
		by_script(t, &w);
	}
}

void
step_failing_exec(struct task *t)
{
	static const char *const names[] = { "n0", "d0",	 "f0", "f0/n1",
					     "l0", "/none/tree", "" };
	struct words w;
	struct call c;

	fill_words(t, &w);
	if (pick(t, 2))
		set_path(t, &c, names[pick(t, 7)]);
	else
		set_descriptor(t, &c, t->fds[pick(t, FDS_MAX)].fd, names[pick(t, 7)],
			       pick(t, 2) ? AT_EMPTY_PATH : 0);
	execute(t, &c, &w);
}
