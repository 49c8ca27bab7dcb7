/* SPDX-License-Identifier: MIT */
#include "place.h"

#include <asm/unistd.h>
#include <linux/fcntl.h>

static bool
is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return memcmp(path, dir, len) == 0 && (!path[len] || path[len] == '/');
}

/* Puts @to in place of @from at the beginning of @path; false where that is too long. */
static bool
move(char path[PATH_ROOM], const char *from, const char *to)
{
	char rest[PATH_ROOM];

	if (strlen(path) - strlen(from) + strlen(to) >= PATH_ROOM)
		return false;
	put(rest, path + strlen(from));
	put(put(path, to), rest);
	return true;
}

static bool
follow(char path[PATH_ROOM], const struct change *c)
{
	switch (c->kind) {
	case CHANGE_RENAME:
		if (is_below(path, c->from))
			return move(path, c->from, c->to);
		/* it was replaced, and has no name any more */
		return !is_below(path, c->to);
	case CHANGE_EXCHANGE:
		if (is_below(path, c->from))
			return move(path, c->from, c->to);
		if (is_below(path, c->to))
			return move(path, c->to, c->from);
		return true;
	case CHANGE_REMOVE:
		return !is_below(path, c->from);
	}
	return false;
}

bool
where_now(const struct where *w, char path[PATH_ROOM])
{
	const struct tree *tree = &ACCOUNT->tree;
	uint32_t changes = tree->changes;

	if (!w->known || changes > CHANGES_MAX)
		return false;
	put(path, w->path);
	for (uint32_t i = w->changes; i < changes; i++)
		if (!follow(path, &tree->change[i]))
			return false;
	return true;
}

struct own_fd *
own_fd_find(struct task *t, int fd)
{
	for (unsigned i = 0; i < FDS_MAX; i++)
		if (fd >= 0 && t->fds[i].fd == fd)
			return &t->fds[i];
	return NULL;
}

bool
place_root(const struct task *t, char path[PATH_ROOM])
{
	return where_now(&t->place->root, path);
}

bool
place_path(struct task *t, int dirfd, char path[PATH_ROOM])
{
	const struct own_fd *own = own_fd_find(t, dirfd);
	char cwd[PATH_ROOM], *end;
	long len;

	if (dirfd != AT_FDCWD)
		return own && where_now(&own->where, path);
	len = RAW(__NR_getcwd, cwd, sizeof(cwd));
	/* "(unreachable)/..." where it is outside of the root */
	if (len <= 0 || cwd[0] != '/' || !place_root(t, path))
		return false;
	end = path + strlen(path);
	if (end - path + len >= PATH_ROOM)
		return false;
	if (cwd[1] || end == path)
		put(end, cwd);
	return true;
}

static size_t
part_len(const char *s)
{
	size_t len = 0;

	while (s[len] && s[len] != '/')
		len++;
	return len;
}

/* Appends one component to a path whose first @keep bytes are its root. */
static bool
add_part(char path[PATH_ROOM], size_t keep, const char *part, size_t len)
{
	size_t end = strlen(path);

	if (len == 1 && part[0] == '.')
		return true;
	if (len == 2 && part[0] == '.' && part[1] == '.') {
		while (end > keep && path[end - 1] != '/')
			end--;
		path[end > keep ? end - 1 : keep] = '\0';
		return true;
	}
	/* what begins so may be a symbolic link */
	if (part[0] == 'l' || end + len + 2 > PATH_ROOM)
		return false;
	path[end] = '/';
	memcpy(path + end + 1, part, len);
	path[end + 1 + len] = '\0';
	return true;
}

bool
place_real(struct task *t, int dirfd, const char *name, char path[PATH_ROOM])
{
	const char *home = ACCOUNT->tree.home;
	char root[PATH_ROOM];
	size_t keep, len;

	if (!place_root(t, root))
		return false;
	keep = strlen(root);
	if (name[0] == '/') {
		put(path, root);
		if (!keep && is_below(name, home)) {
			put(path, home);
			name += strlen(home);
		}
	} else if (!place_path(t, dirfd, path) || !is_below(path, root)) {
		return false;
	}
	for (; *name; name += len) {
		while (*name == '/')
			name++;
		len = part_len(name);
		if (len && !add_part(path, keep, name, len))
			return false;
	}
	return true;
}

struct place *
place_copy(const struct place *from)
{
	struct tree *tree = &ACCOUNT->tree;
	uint32_t index = __atomic_fetch_add(&tree->places, 1, __ATOMIC_SEQ_CST);
	struct place *p = &tree->place[index];

	if (index >= PLACES_MAX)
		return NULL;
	p->begun = p->ended = 0;
	p->roots = tree->roots_begun;
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	p->root = from->root;
	/* also where somebody was killed inside: nobody knows whether it took effect */
	if (p->roots != tree->roots_ended)
		p->root.known = false;
	return p;
}

void
place_check(struct place *p)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (p->roots != ACCOUNT->tree.roots_begun)
		p->root.known = false;
}

struct proof
proof_begin(const struct task *t)
{
	const struct tree *tree = &ACCOUNT->tree;
	struct proof p = { .place = t->place->begun, .names = tree->begun };

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	p.sound = p.place == t->place->ended && p.names == tree->ended;
	return p;
}

bool
proof_holds(const struct task *t, const struct proof *p, unsigned own_place,
	    unsigned own_names)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return p->sound && t->place->begun == p->place + own_place &&
	       ACCOUNT->tree.begun == p->names + own_names;
}

bool
names_lock(void)
{
	uint32_t free = 0;

	return ACCOUNT->tree.changes < CHANGES_MAX &&
	       __atomic_compare_exchange_n(&ACCOUNT->tree.lock, &free, 1, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void
names_unlock(void)
{
	__atomic_store_n(&ACCOUNT->tree.lock, 0, __ATOMIC_SEQ_CST);
}

void
names_changed(const struct change *c)
{
	struct tree *tree = &ACCOUNT->tree;

	tree->change[tree->changes] = *c;
	__atomic_fetch_add(&tree->changes, 1, __ATOMIC_SEQ_CST);
}

void
names_lost(void)
{
	__atomic_store_n(&ACCOUNT->tree.changes, CHANGES_MAX + 1, __ATOMIC_SEQ_CST);
}

void
own_fd_close(struct task *t, unsigned index)
{
	if (t->fds[index].fd >= 0)
		RAW(__NR_close, t->fds[index].fd);
	t->fds[index].fd = -1;
}

void
own_fd_add(struct task *t, int fd, bool cloexec, const struct where *where)
{
	unsigned index = 0;

	while (index < FDS_MAX && t->fds[index].fd >= 0)
		index++;
	if (index == FDS_MAX) {
		index = pick(t, FDS_MAX);
		own_fd_close(t, index);
	}
	t->fds[index].fd = fd;
	t->fds[index].cloexec = cloexec;
	t->fds[index].where = *where;
}
