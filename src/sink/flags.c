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
