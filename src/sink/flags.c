/* SPDX-License-Identifier: MIT */
#include "sink/flags.h"

#include "base/buf.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

/*
 * The kernel's values.  <fcntl.h> has 0 for O_LARGEFILE where files are large
 * anyway, but 32-bit programs pass it.  Flags of several bits stand before
 * those that they contain.
 */
static const struct {
	uint64_t bits;
	const char *name;
} open_flags[] = {
	{ O_CREAT, "O_CREAT" },		{ O_EXCL, "O_EXCL" },
	{ O_NOCTTY, "O_NOCTTY" },	{ O_TRUNC, "O_TRUNC" },
	{ O_APPEND, "O_APPEND" },	{ O_NONBLOCK, "O_NONBLOCK" },
	{ O_SYNC, "O_SYNC" },		{ O_DSYNC, "O_DSYNC" },
	{ O_ASYNC, "O_ASYNC" },		{ O_DIRECT, "O_DIRECT" },
	{ 0100000, "O_LARGEFILE" },	{ O_TMPFILE, "O_TMPFILE" },
	{ O_DIRECTORY, "O_DIRECTORY" }, { O_NOFOLLOW, "O_NOFOLLOW" },
	{ O_NOATIME, "O_NOATIME" },	{ O_CLOEXEC, "O_CLOEXEC" },
	{ O_PATH, "O_PATH" },
};

static void
add(struct buf *out, size_t start, const char *name)
{
	if (out->len > start)
		buf_addc(out, '|');
	buf_adds(out, name);
}

void
flags_open(struct buf *out, uint64_t flags)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR",
					     "O_ACCMODE" };
	size_t start = out->len;
	uint64_t mode = flags & O_ACCMODE;

	/* with O_PATH the mode means nothing, and nobody writes O_RDONLY then */
	if (mode || !(flags & O_PATH))
		add(out, start, modes[mode]);
	flags &= ~(uint64_t)O_ACCMODE;
	for (size_t i = 0; i < ARRAY_SIZE(open_flags); i++) {
		if ((flags & open_flags[i].bits) != open_flags[i].bits)
			continue;
		add(out, start, open_flags[i].name);
		flags &= ~open_flags[i].bits;
	}
	if (flags) {
		add(out, start, "");
		buf_printf(out, "0x%llx", (unsigned long long)flags);
	}
}

void
flags_error(struct buf *out, int error)
{
	const char *name = strerrorname_np(error);

	if (name)
		buf_adds(out, name);
	else
		buf_printf(out, "%d", error);
}

void
flags_signal(struct buf *out, int sig)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		buf_printf(out, "SIG%s", name);
	else if (sig >= SIGRTMIN && sig <= SIGRTMAX)
		buf_printf(out, "SIGRTMIN+%d", sig - SIGRTMIN);
	else
		buf_printf(out, "SIG%d", sig);
}

const char *
flags_file_kind(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "file";
	case S_IFDIR:
		return "directory";
	case S_IFCHR:
	case S_IFBLK:
		return "device";
	case S_IFIFO:
		return "pipe";
	case S_IFSOCK:
		return "socket";
	default:
		/* eventfd(2), epoll(7) and their kin have no type */
		return "other";
	}
}

static bool
is_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(text, word, len);
}

/* What is written with @base 10 or 16; 0 when it is no such number. */
static uint64_t
number(const char *text, size_t len, int base)
{
	char copy[24];
	char *end;
	uint64_t n;

	if (!len || len >= sizeof(copy))
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	n = strtoull(copy, &end, base);
	return *end ? 0 : n;
}

static uint64_t
open_word(const char *text, size_t len)
{
	if (is_word(text, len, "O_WRONLY"))
		return O_WRONLY;
	if (is_word(text, len, "O_RDWR"))
		return O_RDWR;
	if (is_word(text, len, "O_ACCMODE"))
		return O_ACCMODE;
	for (size_t i = 0; i < ARRAY_SIZE(open_flags); i++)
		if (is_word(text, len, open_flags[i].name))
			return open_flags[i].bits;
	return len > 2 && !memcmp(text, "0x", 2) ? number(text, len, 16) : 0;
}

uint64_t
flags_open_parse(const char *text, size_t len)
{
	const char *end = text + len;
	uint64_t flags = 0;

	while (text < end) {
		const char *bar = memchr(text, '|', (size_t)(end - text));
		size_t n = (size_t)((bar ? bar : end) - text);

		flags |= open_word(text, n);
		text += n + 1;
	}
	return flags;
}

int
flags_error_parse(const char *text, size_t len)
{
	for (int error = 1; error < 134; error++) {
		const char *name = strerrorname_np(error);

		if (name && is_word(text, len, name))
			return error;
	}
	return (int)number(text, len, 10);
}

int
flags_signal_parse(const char *text, size_t len)
{
	const size_t prefix = strlen("SIG"), realtime = strlen("SIGRTMIN+");

	if (len > realtime && !memcmp(text, "SIGRTMIN+", realtime))
		return SIGRTMIN + (int)number(text + realtime, len - realtime, 10);
	if (len <= prefix || memcmp(text, "SIG", prefix) != 0)
		return 0;
	text += prefix;
	len -= prefix;
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && is_word(text, len, name))
			return sig;
	}
	/* "SIGRTMIN+0" is the only other way to write the first of them */
	return (int)number(text, len, 10);
}

unsigned
flags_file_kind_parse(const char *text, size_t len)
{
	static const unsigned kinds[] = { S_IFREG, S_IFDIR, S_IFCHR, S_IFIFO, S_IFSOCK };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is_word(text, len, flags_file_kind(kinds[i])))
			return kinds[i];
	return 0;
}
