/* SPDX-License-Identifier: MIT */
#pragma once

/* Which directory a name starts in, as far as the task can know it by itself. */

#include "account.h"

/* The directory's path by now; false where it is not known. */
bool where_now(const struct where *w, char path[PATH_ROOM]);

/* The path behind a descriptor, or of the working directory for AT_FDCWD. */
bool place_path(struct task *t, int dirfd, char path[PATH_ROOM]);

/* Where the task's root is: "" for the one of all. */
bool place_root(const struct task *t, char path[PATH_ROOM]);

/* The real path of @name, which must have no symbolic link in it. */
bool place_real(struct task *t, int dirfd, const char *name, char path[PATH_ROOM]);

/* A place of its own that is like @from; NULL where there is no more room. */
struct place *place_copy(const struct place *from);

/* When it is a task's: if any root changed since, who knows which one the kernel copied. */
void place_check(struct place *p);

/* Whether what is known has not changed between two moments. */
struct proof proof_begin(const struct task *t);
bool proof_holds(const struct task *t, const struct proof *p, unsigned own_place,
		 unsigned own_names);

/* Changes of directories: one task at a time; who cannot have it does something else. */
bool names_lock(void);
void names_unlock(void);
void names_changed(const struct change *c);

/* After this nobody knows any path. */
void names_lost(void);

struct own_fd *own_fd_find(struct task *t, int fd);
void own_fd_add(struct task *t, int fd, bool cloexec, const struct where *where);
void own_fd_close(struct task *t, unsigned index);
