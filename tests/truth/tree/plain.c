/* SPDX-License-Identifier: MIT */
/*
 * Calls that need nothing but their arguments, most of which make no sense
 *
 * A name's class is its first letter, and never changes: f is a file or nothing,
 * d a directory or nothing, l a symbolic link or nothing, p a pipe, s a socket, n
 * is never there.  So nobody gives a directory another name by accident.
 */
#include "place.h"
#include "steps.h"
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

/*
 * Arguments of a call, one letter each:
 *
 *    f d l p n *   a name of this class (*: any), as its first name
 *    F L           a name of this class, as its second one
 *    @ #           the directory of the first and of the second name
 *    h             a descriptor
 *    O C           flags of an open, without and with O_CREAT
 *    H z           a struct open_how and its size
 *    A R           AT_* and RENAME_* flags
 *    M             a label, as the first name
 *    T             a symbolic link's text, as the second name
 *    b s           a buffer and its size
 *    x             the name of an attribute
 *    m a I         a mode, a permission, mknod's mode of a pipe
 *    0 -           0 (or NULL) and -1
 */
static const struct plain {
	int nr, nr32;
	const char *args;
	uint8_t weight;
} plains[] = {
	{ __NR_open, 5, "*Om", 10 },
	{ __NR_open, 5, "fCm", 10 },
	{ __NR_openat, 295, "@*Om", 10 },
	{ __NR_openat, 295, "@fCm", 14 },
	{ __NR_openat2, 437, "@*Hz", 10 },
	{ __NR_creat, 8, "fm", 4 },
	{ __NR_stat, 106, "*b", 4 },
	{ __NR_lstat, 107, "*b", 3 },
	{ __NR_newfstatat, 300, "@*bA", 5 },
	{ __NR_statx, 383, "@*A0b", 5 },
	{ __NR_access, 33, "*a", 4 },
	{ __NR_faccessat, 307, "@*a", 3 },
	{ __NR_faccessat2, 439, "@*aA", 3 },
	{ __NR_readlink, 85, "*bs", 4 },
	{ __NR_readlinkat, 305, "@*bs", 3 },
	{ __NR_statfs, 99, "*b", 2 },
	{ __NR_name_to_handle_at, 341, "@*bbA", 1 },
	{ __NR_truncate, 92, "f0", 2 },
	{ __NR_ftruncate, 93, "h0", 2 },
	{ __NR_unlink, 10, "f", 4 },
	{ __NR_unlink, 10, "l", 2 },
	{ __NR_unlinkat, 301, "@f0", 4 },
	{ __NR_unlinkat, 301, "@l0", 1 },
	{ __NR_unlinkat, 301, "@d0", 1 },
	{ __NR_mkdir, 39, "dm", 8 },
	{ __NR_mkdirat, 296, "@dm", 5 },
	{ __NR_rmdir, 40, "f", 1 },
	{ __NR_rename, 38, "fF", 4 },
	{ __NR_rename, 38, "lL", 2 },
	{ __NR_rename, 38, "nF", 2 },
	{ __NR_renameat, 302, "@f#F", 4 },
	{ __NR_renameat2, 353, "@f#FR", 5 },
	{ __NR_link, 9, "fF", 3 },
	{ __NR_linkat, 303, "@f#FA", 4 },
	{ __NR_symlink, 83, "Tl", 4 },
	{ __NR_symlinkat, 304, "T@l", 4 },
	{ __NR_mknod, 14, "pI0", 1 },
	{ __NR_mknodat, 297, "@pI0", 1 },
	{ __NR_chmod, 15, "*m", 2 },
	{ __NR_fchmod, 94, "hm", 2 },
	{ __NR_fchmodat, 306, "@*m", 2 },
	{ 452 /* fchmodat2 */, 452, "@*mA", 2 },
	{ __NR_chown, 182, "*--", 1 },
	{ __NR_lchown, 16, "*--", 1 },
	{ __NR_fchown, 95, "h--", 1 },
	{ __NR_fchownat, 298, "@*--A", 2 },
	{ __NR_utime, 30, "*0", 1 },
	{ __NR_utimes, 271, "*0", 1 },
	{ __NR_futimesat, 299, "@*0", 1 },
	{ __NR_utimensat, 320, "@*0A", 2 },
	{ __NR_getxattr, 229, "*xbs", 1 },
	{ __NR_lgetxattr, 230, "*xbs", 1 },
	{ __NR_fgetxattr, 231, "hxbs", 1 },
	{ __NR_listxattr, 232, "*bs", 1 },
	{ __NR_setxattr, 226, "fxb00", 1 },
	{ __NR_removexattr, 235, "fx", 1 },
	{ __NR_getdents64, 220, "hbs", 3 },
	{ __NR_inotify_add_watch, 292, "-*0", 1 },
	{ __NR_memfd_create, 356, "M0", 1 },
	{ 428 /* open_tree */, 428, "@*A", 1 },
	{ __NR_umount2, 52, "n0", 1 },
	{ __NR_mount, 21, "Tn000", 1 },
	{ __NR_pivot_root, 217, "nL", 1 },
	{ __NR_uselib, 86, "n", 1 },
	{ __NR_chroot, 61, "n", 1 },
	{ __NR_chdir, 12, "n", 1 },
	{ __NR_execve, 11, "n00", 1 },
};

#define PLAINS (sizeof(plains) / sizeof(*plains))

static char buffer[65536];

static char *
add_prefix(struct task *t, char *at)
{
	static const char *const fixed[] = {
		"d0/", "d1/", "d2/", "d0/d1/", "./",	 "../",
		"l0/", "l1/", "d3/", "d1//./", "d0/../", ".././d0/",
	};
	const unsigned count = sizeof(fixed) / sizeof(*fixed);
	unsigned n = pick(t, 3 * count);

	if (n < count)
		return put(at, fixed[n]);
	if (n > count + 1)
		return at;
	/* in another root this is mostly nothing */
	if (t->rooted && n == count)
		return put(at, "/");
	return put(put(at, ACCOUNT->tree.home), "/");
}

static void
add_last(struct task *t, char class, char *at)
{
	static const char *const files[] = { "f0",	  "f1",	   "f2",  "f\n3",
					     "f\xff\xc3", "f 4\\", "f\"," };
	static const char any[] = "fffddlpsn";

	if (class == '*') {
		if (!pick(t, 24)) {
			put(at, pick(t, 2) ? "." : "..");
			return;
		}
		class = any[pick(t, sizeof(any) - 1)];
	}
	if (class == 'f') {
		put(at, files[pick(t, sizeof(files) / sizeof(*files))]);
		return;
	}
	*at++ = class;
	put_number(at, pick(t, class == 'd' ? 4 : 3));
}

/* Longer than any file system allows. */
static void
too_long(char class, char name[PATH_ROOM])
{
	memset(name, class == '*' ? 'n' : class, PATH_ROOM - 1);
	name[PATH_ROOM - 1] = '\0';
}

void
step_name(struct task *t, char class, char name[PATH_ROOM])
{
	char *end;

	name[0] = '\0';
	if (!pick(t, 60)) {
		if (pick(t, 3) == 0)
			too_long(class, name);
		return;
	}
	end = add_prefix(t, name);
	*end = '\0';
	add_last(t, class, end);
	if (!pick(t, 24))
		put(name + strlen(name), "/");
}

static long
some_descriptor(struct task *t)
{
	static const int odd[] = { -1, 77, MAIL_FD };
	int fd = t->fds[pick(t, FDS_MAX)].fd;

	if (!pick(t, 12))
		return odd[pick(t, sizeof(odd) / sizeof(*odd))];
	return fd >= 0 ? fd : AT_FDCWD;
}

static long
some_directory(struct task *t)
{
	long fd = pick(t, 2) ? AT_FDCWD : some_descriptor(t);

	/* the kernel looks at 32 bits of it */
	return pick(t, 4) ? fd : (long)(uint32_t)fd;
}

static long
open_flags(struct task *t, bool create)
{
	static const int modes[] = { O_RDONLY, O_RDONLY, O_WRONLY, O_RDWR };
	static const int more[] = { O_DIRECTORY, O_NOFOLLOW, O_TRUNC,	O_APPEND,
				    O_PATH,	 O_CLOEXEC,  O_CLOEXEC, 0 };
	/* a pipe is never waited for */
	long flags = O_NONBLOCK | modes[pick(t, 4)];

	for (int i = 0; i < 2; i++)
		flags |= more[pick(t, 8)];
	if (create)
		flags = (flags & ~(O_DIRECTORY | O_PATH)) | O_CREAT |
			(pick(t, 4) ? 0 : O_EXCL);
	return flags;
}

static long
at_flags(struct task *t)
{
	static const int flags[] = { 0, 0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH,
				     AT_SYMLINK_FOLLOW };

	return flags[pick(t, 5)];
}

static void
fill_how(struct task *t, struct open_how *how)
{
	static const int resolve[] = { RESOLVE_BENEATH,	      RESOLVE_IN_ROOT,
				       RESOLVE_NO_SYMLINKS,   RESOLVE_NO_XDEV,
				       RESOLVE_NO_MAGICLINKS, RESOLVE_CACHED };

	how->flags = (uint64_t)open_flags(t, false);
	how->mode = 0;
	how->resolve = pick(t, 4) ? (uint64_t)resolve[pick(t, 6)] : 0;
}

/* Where the names of one call are kept until they are in its record. */
struct filling {
	struct call call;
	struct open_how how;
	char name[2][PATH_ROOM];
	int dirs[2];
};

static void
fill_name(struct task *t, struct filling *f, int which, char class, int arg)
{
	struct call *c = &f->call;

	c->name[which].arg = arg + 1;
	c->name[which].dir = f->dirs[which];
	c->name[which].flags = NAME_GIVEN;
	if (!pick(t, 80)) {
		c->name[which].flags |= pick(t, 2) ? NAME_NULL : NAME_BAD;
		c->args[arg] = c->name[which].flags & NAME_BAD ? 8 : 0;
		return;
	}
	step_name(t, class, f->name[which]);
	c->name[which].name = f->name[which];
}

static long
value(struct task *t, struct filling *f, char letter)
{
	switch (letter) {
	case 'h':
		f->call.name[0].dir = 1;
		f->call.name[0].flags = NAME_SELF;
		return some_descriptor(t);
	case 'O':
		return open_flags(t, false);
	case 'C':
		return open_flags(t, true);
	case 'H':
		fill_how(t, &f->how);
		f->call.in_root = f->how.resolve & RESOLVE_IN_ROOT;
		return (long)&f->how;
	case 'z':
		if (pick(t, 20))
			return sizeof(f->how);
		f->call.in_root = false;
		return 8;
	case 'A':
		return at_flags(t);
	case 'R':
		return pick(t, 4);
	case 'b':
		return (long)buffer;
	case 's':
		return 4096;
	case 'x':
		return (long)"user.tree";
	case 'm':
		return pick(t, 8) ? 0755 : 0;
	case 'a':
		return pick(t, 8);
	case 'I':
		return 0010644;
	case '-':
		return -1;
	default:
		return 0;
	}
}

static void
fill_text(struct task *t, struct filling *f, int arg)
{
	static const char *const texts[] = { "d0", "d1",     "../d0", "f1",
					     "l1", "none/d", "." };

	put(f->name[1], texts[pick(t, sizeof(texts) / sizeof(*texts))]);
	f->call.name[1].arg = arg + 1;
	f->call.name[1].flags = NAME_GIVEN | NAME_TEXT;
	f->call.name[1].name = f->name[1];
}

static void
fill(struct task *t, struct filling *f, const struct plain *p)
{
	for (int i = 0; p->args[i]; i++) {
		char letter = p->args[i];

		switch (letter) {
		case '@':
		case '#':
			f->dirs[letter == '#'] = i + 1;
			f->call.args[i] = some_directory(t);
			break;
		case 'f':
		case 'd':
		case 'l':
		case 'p':
		case 'n':
		case '*':
			fill_name(t, f, 0, letter, i);
			break;
		case 'F':
		case 'L':
			fill_name(t, f, 1, (char)(letter + 'a' - 'A'), i);
			break;
		case 'M':
			fill_name(t, f, 0, 'n', i);
			f->call.name[0].flags |= NAME_TEXT;
			break;
		case 'T':
			fill_text(t, f, i);
			break;
		default:
			f->call.args[i] = value(t, f, letter);
		}
	}
}

static bool
is_open(int nr)
{
	return nr == __NR_open || nr == __NR_openat || nr == __NR_openat2 ||
	       nr == __NR_creat || nr == 428;
}

/* Whether only a directory can have this name. */
static bool
means_directory(const char *name)
{
	size_t len = strlen(name);

	while (len && name[len - 1] == '/')
		len--;
	while (len && name[len - 1] != '/')
		len--;
	return name[len] == 'd' || name[len] == '.';
}

/* Keeps what an open made; a directory's path is known where no link was on the way. */
static void
keep(struct task *t, struct filling *f, long result)
{
	const struct call *c = &f->call;
	int dir = f->dirs[0] ? (int)c->args[f->dirs[0] - 1] : AT_FDCWD;
	struct where where = { .changes = ACCOUNT->tree.changes };

	where.known = c->sound && !c->in_root && c->name[0].name &&
		      means_directory(c->name[0].name) &&
		      place_real(t, dir, c->name[0].name, where.path);
	/* nothing may have changed since before the call */
	if (!proof_holds(t, &t->proof, 0, 0))
		where.known = false;
	/* whether it stays over an exec stands in the flags, wherever those are */
	own_fd_add(t, (int)result, RAW(__NR_fcntl, result, 1 /* F_GETFD */) & 1, &where);
}

static const struct plain *
some_plain(struct task *t)
{
	unsigned n, sum = 0;

	for (size_t i = 0; i < PLAINS; i++)
		sum += plains[i].weight;
	n = pick(t, sum);
	for (size_t i = 0; i < PLAINS; i++) {
		if (n < plains[i].weight)
			return &plains[i];
		n -= plains[i].weight;
	}
	return plains;
}

static enum abi
some_abi(struct task *t)
{
	if (account_int80(t, 10))
		return ABI_I386;
	return pick(t, 10) ? ABI_X86_64 : ABI_X32;
}

/* x32 has numbers of its own for a few; for all else x86_64's. */
static int
x32_number(int nr)
{
	return nr == __NR_execve ? 520 : nr == __NR_uselib ? -1 : nr;
}

void
step_plain(struct task *t)
{
	const struct plain *p = some_plain(t);
	struct filling f = { 0 };
	long result;

	f.call.nr[ABI_X86_64] = p->nr;
	f.call.nr[ABI_I386] = p->nr32;
	f.call.nr[ABI_X32] = x32_number(p->nr);
	f.call.abi = some_abi(t);
	if (f.call.nr[f.call.abi] < 0)
		f.call.abi = ABI_X86_64;
	fill(t, &f, p);
	result = account_call(t, &f.call);
	if (result < 0)
		return;
	if (is_open(p->nr))
		keep(t, &f, result);
	else if (p->nr == __NR_memfd_create)
		RAW(__NR_close, result);
}
