/* SPDX-License-Identifier: MIT */
#include "trace/deep.h"

#include "base/buf.h"
#include "base/compiler.h"
#include "base/mem.h"
#include "trace/proc.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define LEVELS_MAX (DEEP_MAX / 2)

struct level {
	dev_t dev;
	ino_t ino;
	size_t len; /* of the name up to here, in the last one that was found */
};

/*
 * The last name that was found, and the directories along it that the kernel had
 * no name for, with the one above them.  Whoever is in a deep directory goes on to
 * its neighbours: rm -r asks for each level twice, and would take the whole way up
 * each time.  Only the tracer's thread comes here.
 */
static struct buf last;
static struct level *levels;
static size_t level_count, level_room;

void
deep_forget(void)
{
	level_count = 0;
}

static void
push(const struct stat *st)
{
	if (level_count == level_room) {
		level_room = level_room ? level_room * 2 : 64;
		levels = mem_resize(levels, level_room, sizeof(*levels));
	}
	levels[level_count++] = (struct level){ st->st_dev, st->st_ino, last.len };
}

/* The name of @st in the directory @fd, which the caller keeps. */
static int
name_in(int fd, const struct stat *st, char name[NAME_MAX + 1])
{
	int again = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = again < 0 ? NULL : fdopendir(again);
	const struct dirent *e;
	int r = -ENOENT;

	if (!dir) {
		r = -errno;
		if (again >= 0)
			close(again);
		return r;
	}
	while (r && (e = readdir(dir))) {
		if (e->d_ino != st->st_ino || !strcmp(e->d_name, ".") ||
		    !strcmp(e->d_name, ".."))
			continue;
		strcpy(name, e->d_name);
		r = 0;
	}
	closedir(dir);
	return r;
}

/* Whether the directory @st, below @parent, is still the level @i, called as it was. */
static bool
is_still(size_t i, int parent, const struct stat *st)
{
	const struct level *above = &levels[i - 1];
	size_t start = above->len + (above->len > 1), len = levels[i].len - start;
	char name[NAME_MAX + 1];
	struct stat up, down;

	if (len > NAME_MAX || fstat(parent, &up) < 0 || up.st_dev != above->dev ||
	    up.st_ino != above->ino)
		return false;
	memcpy(name, last.data + start, len);
	name[len] = '\0';
	return fstatat(parent, name, &down, AT_SYMLINK_NOFOLLOW) == 0 &&
	       down.st_dev == st->st_dev && down.st_ino == st->st_ino;
}

/* Cuts what is remembered down to the directory @st, if it is there. */
static bool
take_up(int parent, const struct stat *st)
{
	for (size_t i = level_count; i-- > 1;) {
		if (levels[i].dev != st->st_dev || levels[i].ino != st->st_ino)
			continue;
		if (!is_still(i, parent, st))
			break;
		level_count = i + 1;
		last.len = levels[i].len;
		return true;
	}
	return false;
}

/* Begins anew at the directory @fd if the kernel has a name for it. */
static bool
begin_at(int fd, const struct stat *st)
{
	_cleanup_buf_ struct buf name = { 0 };

	if (proc_fd_link(getpid(), fd, &name) < 0 || buf_str(&name)[0] != '/')
		return false;
	buf_reset(&last);
	buf_add(&last, name.data, name.len);
	level_count = 0;
	push(st);
	return true;
}

/* A directory that was passed on the way up. */
struct step {
	struct stat st;
	char name[NAME_MAX + 1];
};

struct way {
	struct step *steps;
	size_t count, room;
};

static void
way_done(struct way *w)
{
	free(w->steps);
}

static struct step *
way_add(struct way *w)
{
	if (w->count == w->room) {
		w->room = w->room ? w->room * 2 : 16;
		w->steps = mem_resize(w->steps, w->room, sizeof(*w->steps));
	}
	return &w->steps[w->count++];
}

/*
 * Goes up from @fd, which is closed, to a directory whose name is known, and tells
 * what was passed.
 */
static int
climb(int fd, struct way *way)
{
	int r = 0;

	while (!r) {
		_cleanup_fd_ int here = fd;
		struct step *step;
		struct stat st;

		if (fstat(here, &st) < 0)
			return -errno;
		if (begin_at(here, &st))
			return 0;
		if (way->count == LEVELS_MAX)
			return -ENAMETOOLONG;
		fd = openat(here, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		if (take_up(fd, &st))
			break;
		step = way_add(way);
		step->st = st;
		r = name_in(fd, &st, step->name);
	}
	close(fd);
	return r;
}

/* Down again to where we came from. */
static int
descend(const struct way *way)
{
	for (size_t i = way->count; i-- > 0;) {
		if (last.len > 1)
			buf_addc(&last, '/');
		buf_adds(&last, way->steps[i].name);
		push(&way->steps[i].st);
	}
	return last.len > DEEP_MAX ? -ENAMETOOLONG : 0;
}

int
deep_name(pid_t tid, const char *link, struct buf *out)
{
	_cleanup_(way_done) struct way way = { 0 };
	char path[64];
	int fd, r;

	snprintf(path, sizeof(path), "%d/%s", (int)tid, link);
	fd = openat(proc_dir(), path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = climb(fd, &way);
	if (r == 0)
		r = descend(&way);
	if (r < 0) {
		deep_forget();
		return r;
	}
	buf_reset(out);
	buf_add(out, last.data, last.len);
	return 0;
}
