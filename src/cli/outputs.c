/* SPDX-License-Identifier: MIT */
#include "cli/outputs.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "base/msg.h"
#include "cli/options.h"
#include "model/hub.h"
#include "sink/formats.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A log tells what somebody did: it is nobody else's to read. */
#define LOG_MODE 0600

/* A descriptor that we were started with: its place in the file is shared. */
static int
open_standard(int number, const char *name)
{
	int fd = fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	int flags = fcntl(number, F_GETFL);

	if (fd >= 0 && flags >= 0 && !(flags & O_PATH) && (flags & O_ACCMODE) != O_RDONLY)
		return fd;
	errno = fd < 0 ? errno : EBADF;
	msg_die(STATUS_OURS, "cannot write to %s:", name);
}

/* A device or a pipe, which holds nothing that could be lost. */
static int
open_special(const char *path)
{
	struct stat st;
	int fd;

	if (stat(path, &st) < 0 || S_ISREG(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode)))
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

/* @ret_made: it was not there before. */
static int
open_file(const char *path, bool overwrite, mode_t mode, bool *ret_made)
{
	const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY;
	int fd;

	if (strcmp(path, "/dev/stderr") == 0)
		return open_standard(STDERR_FILENO, "standard error");
	fd = open(path, flags | O_EXCL | O_NOFOLLOW, mode);
	*ret_made = fd >= 0;
	if (fd >= 0 || errno != EEXIST)
		return fd;
	return overwrite ? open(path, flags, mode) : open_special(path);
}

/* A new file in the working directory that was not there before. */
static int
open_default(const struct sink_ops *format, char *name, size_t size)
{
	char stamp[32];
	time_t now = time(NULL);
	struct tm tm;
	int fd;

	localtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
	snprintf(name, size, "whatfiles-%s-%d.%s", stamp, (int)getpid(),
		 strcmp(format->format, "text") == 0 ? "log" : format->format);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, LOG_MODE);
	if (fd < 0)
		msg_die(STATUS_OURS, "cannot write %s here; name a log with -o:", name);
	return fd;
}

static bool
same_file(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && S_ISREG(x.st_mode) &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static bool
is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static const char *
output_name(const struct output_option *output)
{
	return output->path ? output->path : "standard output";
}

/* A mistake: what we made so far is taken away again. */
static void
take_back(const struct outputs *outs, const struct options *o, size_t count)
{
	int error = errno;

	for (size_t i = 0; i < count; i++)
		if (outs->made[i])
			unlink(o->outputs[i].path);
	errno = error;
}

/* Two logs in one file would write over each other. */
static _noreturn_ void
refuse_twin(const struct outputs *outs, const struct options *o, size_t i, size_t k)
{
	take_back(outs, o, i);
	msg_die(STATUS_USAGE, "two outputs go to one file: %s and %s",
		output_name(&o->outputs[k]), output_name(&o->outputs[i]));
}

static void
refuse_twins(const struct outputs *outs, const struct options *o, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		bool both_stdout = !o->outputs[i].path && !o->outputs[k].path;

		if (both_stdout || same_file(outs->fds[i], outs->fds[k]))
			refuse_twin(outs, o, i, k);
	}
}

/* What output number @i names is there already: by another output, or from before. */
static _noreturn_ void
refuse_existing(const struct outputs *outs, const struct options *o, size_t i)
{
	const char *path = o->outputs[i].path;
	_cleanup_fd_ int fd = open(path, O_PATH | O_CLOEXEC);

	for (size_t k = 0; k < i; k++)
		if (same_file(fd, outs->fds[k]))
			refuse_twin(outs, o, i, k);
	take_back(outs, o, i);
	msg_die(STATUS_OURS, "%s is there already: --overwrite empties it", path);
}

static void
open_one(struct outputs *outs, const struct options *o, size_t i)
{
	const char *path = o->outputs[i].path;
	bool product = o->outputs[i].format->product;

	outs->fds[i] = path ? open_file(path, o->overwrite || product,
					product ? 0666 : LOG_MODE, &outs->made[i])
			    : open_standard(STDOUT_FILENO, "standard output");
	if (outs->fds[i] < 0 && errno == EEXIST)
		refuse_existing(outs, o, i);
	if (outs->fds[i] < 0) {
		take_back(outs, o, i);
		msg_die(STATUS_OURS, "cannot write %s:", path);
	}
	if (o->outputs[i].format->whole_file && !is_file(outs->fds[i])) {
		take_back(outs, o, i);
		msg_die(STATUS_USAGE, "%s is no file, and the format %s needs one", path,
			o->outputs[i].format->format);
	}
	refuse_twins(outs, o, i);
}

/*
 * Emptied only when every other mistake is out of the way.  A standard file is the
 * job's too: what is in it stays.
 */
static void
truncate_file(int fd, const char *path)
{
	struct stat st;

	if (same_file(fd, STDERR_FILENO))
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ftruncate(fd, 0) < 0)
		msg_die(STATUS_OURS, "cannot empty %s:", path);
}

void
outputs_open(struct outputs *outs, const struct options *o, struct hub *hub)
{
	static char name[64];
	const struct sink_ops *format;

	/* whoever wants to read it at once need not have a log too */
	if (o->summary && !o->output_count && !o->outputs)
		return;
	outs->count = MAX(o->output_count, (size_t)1);
	outs->fds = mem_zero(outs->count, sizeof(*outs->fds));
	if (!o->output_count) {
		format = o->outputs ? o->outputs[0].format : formats_by_name("");
		outs->fds[0] = open_default(format, name, sizeof(name));
		outs->fresh = name;
		hub_add(hub, format->make(outs->fds[0], NULL), name);
		return;
	}
	outs->made = mem_zero(outs->count, sizeof(*outs->made));
	for (size_t i = 0; i < outs->count; i++)
		open_one(outs, o, i);
	for (size_t i = 0; i < outs->count; i++) {
		const struct output_option *output = &o->outputs[i];

		if (output->path && !output->format->at_once)
			truncate_file(outs->fds[i], output->path);
		hub_add(hub, output->format->make(outs->fds[i], output->pack),
			output_name(output));
	}
}

void
outputs_discard(struct outputs *outs, const struct options *o)
{
	if (outs->fresh)
		unlink(outs->fresh);
	else
		take_back(outs, o, outs->count);
}

void
outputs_close(struct outputs *outs)
{
	for (size_t i = 0; i < outs->count; i++)
		close(outs->fds[i]);
	free(outs->fds);
	free(outs->made);
}
