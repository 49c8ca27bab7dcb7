/* SPDX-License-Identifier: MIT */

/*
 * The text files of /proc: as the kernel writes them for a task that calls itself
 * whatever the input says, and on any text at all.
 *
 * The first 15 bytes are the name, the next ones the numbers that are to be found, and
 * all of it is also taken for a file.
 */

#include "fuzz.h"

#include "base/buf.h"
#include "trace/maps.h"
#include "trace/status.h"

#include <inttypes.h>

#define NAME_BYTES 15 /* TASK_COMM_LEN */

/* The numbers of a task. */
struct task {
	uint32_t tgid, ppid, tracer, uid, inner;
	uint64_t caught, flags;
	bool kernel;
};

static void
take(struct fuzz_in *in, struct task *t)
{
	t->tgid = fuzz_number(in, 3) & 0x3fffff;
	t->ppid = fuzz_number(in, 3) & 0x3fffff;
	t->tracer = fuzz_byte(in);
	t->uid = fuzz_number(in, 2) & 0x7fffffff;
	t->inner = fuzz_byte(in);
	t->caught = fuzz_number(in, 8);
	t->flags = fuzz_number(in, 3) & ~UINT64_C(0100000);
	t->kernel = t->flags & 1;
}

/* As in status, where nothing but line feed and backslash is escaped. */
static void
add_name(struct buf *out, const char *name, bool escaped)
{
	for (; *name; name++)
		if (escaped && *name == '\n')
			buf_adds(out, "\\n");
		else if (escaped && *name == '\\')
			buf_adds(out, "\\\\");
		else
			buf_addc(out, *name);
}

static void
check_status(const struct task *t, const char *name)
{
	_cleanup_buf_ struct buf text = { 0 };

	buf_adds(&text, "Name:\t");
	add_name(&text, name, true);
	buf_printf(&text,
		   "\nUmask:\t0022\nState:\tS (sleeping)\nTgid:\t%u\nNgid:\t0\n"
		   "Pid:\t77\nPPid:\t%u\nTracerPid:\t%u\nUid:\t%u\t1\t2\t3\nNSpid:\t77",
		   t->tgid, t->ppid, t->tracer, t->uid);
	if (t->inner)
		buf_printf(&text, "\t9\t%u", t->inner);
	buf_printf(&text, "\nSigIgn:\tffffffffffffffff\nSigCgt:\t%016" PRIx64 "\n",
		   t->caught);
	REQUIRE(status_number(buf_str(&text), "Tgid") == t->tgid);
	REQUIRE(status_number(buf_str(&text), "PPid") == t->ppid);
	REQUIRE(status_number(buf_str(&text), "TracerPid") == t->tracer);
	REQUIRE(status_number(buf_str(&text), "Uid") == t->uid);
	REQUIRE(status_state(buf_str(&text)) == 'S');
	REQUIRE(status_inner_pid(buf_str(&text)) == t->inner);
	for (int i = 1; i <= 64; i++)
		REQUIRE(status_catches(buf_str(&text), i) == (t->caught >> (i - 1) & 1));
}

static void
check_stat(const struct task *t, const char *name)
{
	_cleanup_buf_ struct buf text = { 0 };

	buf_adds(&text, "77 (");
	add_name(&text, name, false);
	buf_printf(&text, ") S 1 77 77 0 -1 %u 94 0 0 0\n",
		   0x400100u | (t->kernel ? 0x200000u : 0));
	REQUIRE(status_is_kernel_thread(buf_str(&text)) == t->kernel);
}

static void
check_fdinfo(const struct task *t)
{
	_cleanup_buf_ struct buf text = { 0 };

	buf_printf(&text, "pos:\t0\nflags:\t0%" PRIo64 "\nmnt_id:\t29\n",
		   t->flags | 0100000);
	REQUIRE(status_fd_flags(buf_str(&text)) == t->flags);
}

/* Names of mapped files are the job's; a line feed in one is escaped (seq_path()). */
static void
check_maps(const struct task *t, const char *name)
{
	_cleanup_buf_ struct buf text = { 0 };
	struct mapping m;

	buf_printf(&text, "%x-%x rw-s %x 00:1c %u   /", t->tgid, t->ppid, t->tracer,
		   t->uid);
	for (; *name; name++)
		if (*name == '\n')
			buf_adds(&text, "\\012");
		else
			buf_addc(&text, *name);
	buf_adds(&text, "\n7f-80 ---p 0 0:0 0 [vdso]\n");
	REQUIRE(maps_parse(buf_str(&text), &m));
	REQUIRE(m.start == t->tgid && m.end == t->ppid && m.offset == t->tracer);
	REQUIRE(m.major == 0 && m.minor == 0x1c && m.inode == t->uid);
	REQUIRE(m.writable && !m.executable && m.shared && !m.is_vdso);
}

/* Nothing is asked of it but that it ends inside of the text. */
static void
check_any(const uint8_t *bytes, size_t len)
{
	_cleanup_free_ char *text = malloc(len + 1);
	struct mapping m;

	REQUIRE(text);
	if (len)
		memcpy(text, bytes, len);
	text[len] = '\0';
	status_number(text, "Tgid");
	status_state(text);
	status_catches(text, 64);
	status_inner_pid(text);
	status_fd_flags(text);
	status_is_kernel_thread(text);
	maps_parse(text, &m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct fuzz_in in = { bytes, bytes + len };
	char name[NAME_BYTES + 1] = { 0 };
	struct task t;

	for (size_t i = 0; i < NAME_BYTES; i++)
		name[i] = (char)fuzz_byte(&in);
	take(&in, &t);
	check_status(&t, name);
	check_stat(&t, name);
	check_fdinfo(&t);
	check_maps(&t, name);
	check_any(bytes, len);
	return 0;
}
