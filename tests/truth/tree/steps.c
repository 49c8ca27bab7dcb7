/* SPDX-License-Identifier: MIT */
/* What takes more than one call, or changes what later names mean. */
#include "steps.h"

#include "place.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/un.h>

/* of <sys/socket.h> and <sys/mount.h> */
#define AF_UNIX 1
#define SOCK_STREAM 1
#define MNT_DETACH 2

static void
of_number(struct call *c, int nr, int nr32)
{
	memset(c, 0, sizeof(*c));
	c->nr[ABI_X86_64] = c->nr[ABI_X32] = nr;
	c->nr[ABI_I386] = nr32;
}

static void
set_name(struct call *c, int which, int arg, int dir, const char *name)
{
	c->name[which].arg = arg;
	c->name[which].dir = dir;
	c->name[which].name = name;
	c->name[which].flags = NAME_GIVEN;
}

/* i386 for a call in eight. */
static void
any_abi(struct task *t, struct call *c)
{
	if (account_int80(t, 8))
		c->abi = ABI_I386;
}

long
simple_call(struct task *t, int nr, int nr32, const char *name, long a)
{
	struct call c;

	of_number(&c, nr, nr32);
	set_name(&c, 0, 1, 0, name);
	c.args[1] = a;
	any_abi(t, &c);
	return account_call(t, &c);
}

long
simple_call_at(struct task *t, int nr, int nr32, const char *name, long a, long b)
{
	struct call c;

	of_number(&c, nr, nr32);
	set_name(&c, 0, 2, 1, name);
	c.args[0] = AT_FDCWD;
	c.args[2] = a;
	c.args[3] = b;
	any_abi(t, &c);
	return account_call(t, &c);
}

static void
chdir_to(struct task *t, const char *name)
{
	struct call c;

	of_number(&c, __NR_chdir, 12);
	set_name(&c, 0, 1, 0, name);
	c.changes_place = true;
	any_abi(t, &c);
	account_call(t, &c);
}

static void
fchdir_to(struct task *t, int fd)
{
	struct call c;

	of_number(&c, __NR_fchdir, 133);
	c.name[0].dir = 1;
	c.name[0].flags = NAME_SELF;
	c.args[0] = fd;
	c.changes_place = true;
	any_abi(t, &c);
	account_call(t, &c);
}

/* Whether we are not below where everybody began: nothing else is to be touched. */
static bool
has_left_home(struct task *t)
{
	const char *home = t->rooted ? "/" : ACCOUNT->tree.home;
	char path[PATH_ROOM];

	if (RAW(__NR_getcwd, path, sizeof(path)) <= 0)
		return pick(t, 2);
	return memcmp(path, home, strlen(home)) != 0;
}

void
step_chdir(struct task *t)
{
	static const char *const names[] = { "d0", "d1",    "d2", "d3", "..",
					     "l0", "d0/d1", ".",  "f0" };
	const struct own_fd *own = &t->fds[pick(t, FDS_MAX)];

	if (has_left_home(t))
		chdir_to(t, t->rooted ? "/" : ACCOUNT->tree.home);
	else if (own->fd >= 0 && pick(t, 2))
		fchdir_to(t, own->fd);
	else
		chdir_to(t, names[pick(t, sizeof(names) / sizeof(*names))]);
}

void
step_home(struct task *t)
{
	chdir_to(t, ACCOUNT->tree.home);
}

void
step_chroot(struct task *t)
{
	static const char *const names[] = { "d0", "d1", "d2", "d3" };
	struct call c;

	chdir_to(t, names[pick(t, 4)]);
	of_number(&c, __NR_chroot, 61);
	set_name(&c, 0, 1, 0, ".");
	/* nobody's root but this directory of ours */
	if (has_left_home(t))
		return;
	c.changes_place = c.changes_root = true;
	if (account_call(t, &c) >= 0)
		t->rooted = true;
}

static void
unshare(struct task *t, long flags)
{
	const long own_place = CLONE_FS | CLONE_NEWNS | CLONE_NEWUSER;
	struct place *place = place_copy(t->place);
	struct call c;

	if (!place)
		return;
	of_number(&c, __NR_unshare, 310);
	c.args[0] = flags;
	any_abi(t, &c);
	if (account_call(t, &c) < 0)
		return;
	if (flags & CLONE_NEWUSER)
		t->privileged = false;
	if (!(flags & own_place))
		return;
	/* what the kernel copied may be newer than what we did */
	place_check(place);
	t->place = place;
}

void
step_unshare(struct task *t)
{
	static const long flags[] = { CLONE_FS, CLONE_FS, CLONE_FILES,
				      CLONE_FS | CLONE_FILES, CLONE_NEWNS };

	unshare(t, !pick(t, 12) ? CLONE_NEWUSER : flags[pick(t, 5)]);
}

static bool
prepare_change(struct task *t, struct change *change, int dir, const char *from, int dir2,
	       const char *to)
{
	return place_real(t, dir, from, change->from) &&
	       (!to || place_real(t, dir2, to, change->to));
}

static void
change_directory(struct task *t, struct call *c, struct change *change)
{
	int dir = c->name[0].dir ? (int)c->args[c->name[0].dir - 1] : AT_FDCWD;
	int dir2 = c->name[1].dir ? (int)c->args[c->name[1].dir - 1] : AT_FDCWD;

	if (!names_lock())
		return;
	if (prepare_change(t, change, dir, c->name[0].name, dir2, c->name[1].name)) {
		c->change = change;
		account_call(t, c);
	}
	names_unlock();
}

static int
some_base(struct task *t)
{
	const struct own_fd *own = &t->fds[pick(t, FDS_MAX)];

	return own->fd >= 0 && own->where.known && pick(t, 2) ? own->fd : AT_FDCWD;
}

void
step_directory(struct task *t)
{
	static const char *const names[] = { "d0", "d1", "d2", "d3", "d0/d1", "d1/d0" };
	const char *from = names[pick(t, 6)], *to = names[pick(t, 6)];
	struct change change;
	struct call c;

	if (has_left_home(t))
		return;
	switch (pick(t, 6)) {
	case 0:
		of_number(&c, __NR_rmdir, 40);
		set_name(&c, 0, 1, 0, from);
		change.kind = CHANGE_REMOVE;
		break;
	case 1:
		of_number(&c, __NR_unlinkat, 301);
		set_name(&c, 0, 2, 1, from);
		c.args[0] = some_base(t);
		c.args[2] = AT_REMOVEDIR;
		change.kind = CHANGE_REMOVE;
		break;
	case 2:
		of_number(&c, __NR_rename, 38);
		set_name(&c, 0, 1, 0, from);
		set_name(&c, 1, 2, 0, to);
		change.kind = CHANGE_RENAME;
		break;
	default:
		of_number(&c, __NR_renameat2, 353);
		set_name(&c, 0, 2, 1, from);
		set_name(&c, 1, 4, 3, to);
		c.args[0] = some_base(t);
		c.args[2] = some_base(t);
		c.args[4] = pick(t, 2) ? RENAME_EXCHANGE : 0;
		change.kind = c.args[4] ? CHANGE_EXCHANGE : CHANGE_RENAME;
	}
	any_abi(t, &c);
	change_directory(t, &c, &change);
}

void
step_nameless(struct task *t)
{
	char proc[32];
	struct call c;
	long fd = simple_call_at(t, __NR_openat, 295, ".", O_TMPFILE | O_RDWR, 0600);

	if (fd < 0)
		return;
	of_number(&c, __NR_linkat, 303);
	set_name(&c, 0, 2, 1, "");
	set_name(&c, 1, 4, 3, "f1");
	c.args[0] = fd;
	c.args[2] = AT_FDCWD;
	c.args[4] = AT_EMPTY_PATH;
	if (pick(t, 2)) {
		put_number(put(proc, "/proc/self/fd/"), (unsigned long)fd);
		c.name[0].name = proc;
		c.args[0] = AT_FDCWD;
		c.args[4] = AT_SYMLINK_FOLLOW;
	}
	account_call(t, &c);
	RAW(__NR_close, fd);
}

static void
call_on(struct task *t, int nr, int nr32, long fd, long a, long b)
{
	struct call c;

	of_number(&c, nr, nr32);
	c.name[0].dir = 1;
	c.name[0].flags = NAME_SELF;
	c.args[0] = fd;
	c.args[1] = a;
	c.args[2] = b;
	any_abi(t, &c);
	account_call(t, &c);
}

void
step_by_descriptor(struct task *t)
{
	static char buffer[4096];
	struct proof proof = proof_begin(t);
	struct where where = { .changes = ACCOUNT->tree.changes };
	char name[PATH_ROOM];
	long fd;

	put_number(put(put_number(put(name, "u"), t->index), "-"), ++t->uniques);
	where.known = place_real(t, AT_FDCWD, name, where.path);
	fd = simple_call_at(t, __NR_openat, 295, name,
			    O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0644);
	if (fd < 0)
		return;
	if (!proof_holds(t, &proof, 0, 0))
		where.known = false;
	own_fd_add(t, (int)fd, false, &where);
	call_on(t, __NR_fchmod, 94, fd, 0600, 0);
	call_on(t, __NR_ftruncate, 93, fd, 100, 0);
	call_on(t, __NR_getdents64, 220, fd, (long)buffer, sizeof(buffer));
	if (pick(t, 2))
		call_on(t, __NR_fchown, 95, fd, -1, -1);
}

void
step_keep_here(struct task *t)
{
	struct proof proof = proof_begin(t);
	struct where where = { .changes = ACCOUNT->tree.changes };
	bool cloexec = pick(t, 2);
	long fd;

	where.known = place_path(t, AT_FDCWD, where.path);
	fd = simple_call_at(t, __NR_openat, 295, ".",
			    O_DIRECTORY | (cloexec ? O_CLOEXEC : 0), 0);
	if (fd < 0)
		return;
	if (!proof_holds(t, &proof, 0, 0))
		where.known = false;
	own_fd_add(t, (int)fd, cloexec, &where);
}

void
step_socket(struct task *t)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[PATH_ROOM];
	long fd = RAW(__NR_socket, AF_UNIX, SOCK_STREAM, 0);
	bool binds = pick(t, 2);
	struct call c;

	if (fd < 0)
		return;
	step_name(t, 's', name);
	if (name[0] && strlen(name) < sizeof(address.sun_path)) {
		put(address.sun_path, name);
		of_number(&c, binds ? __NR_bind : __NR_connect, binds ? 361 : 362);
		set_name(&c, 0, -1, 0, name);
		c.args[0] = fd;
		c.args[1] = (long)&address;
		c.args[2] =
			(long)(sizeof(address.sun_family) + strlen(name) + pick(t, 2));
		any_abi(t, &c);
		account_call(t, &c);
	}
	RAW(__NR_close, fd);
}

static long
mount(struct task *t, const char *source, const char *target, const char *type,
      long flags)
{
	struct call c;

	of_number(&c, __NR_mount, 21);
	set_name(&c, 0, 2, 0, target);
	set_name(&c, 1, 1, 0, source);
	c.name[1].flags |= NAME_TEXT;
	c.args[2] = (long)type;
	c.args[3] = flags;
	return account_call(t, &c);
}

/*
 * In a mount namespace of its own, from which nothing gets out.  From here on the
 * same name is two directories: none changes its name any more, so the lock is kept.
 */
void
step_mount(struct task *t)
{
	struct place *before = t->place;
	struct call c;

	if (!t->privileged || t->rooted || ACCOUNT->tree.seed % 4)
		return;
	unshare(t, CLONE_NEWNS);
	if (t->place == before || mount(t, "none", "/", NULL, MS_REC | MS_PRIVATE) < 0 ||
	    !names_lock())
		return;
	if (mount(t, "none", "d0", "tmpfs", 0) < 0) {
		names_unlock();
		return;
	}
	simple_call_at(t, __NR_openat, 295, "d0/f1", O_CREAT | O_RDWR, 0644);
	chdir_to(t, "d0");
	simple_call(t, __NR_mkdir, 39, "d1", 0755);
	if (pick(t, 2))
		return;
	of_number(&c, __NR_umount2, 52);
	set_name(&c, 0, 1, 0, "../d0");
	c.args[1] = MNT_DETACH;
	c.changes_place = true;
	/* what is in it begins with "/" then */
	names_lost();
	account_call(t, &c);
}
