/* SPDX-License-Identifier: MIT */
/* Shows files whose name is not what it seems: deleted, nameless, moved, the caller's own. */

#include "ops-expect.h"
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>

/* A descriptor's file that has no name any more, and one that is really called so. */
TEST(deleted)
{
	int gone, named, both, twin;

	make("gone");
	make("named (deleted)");
	make("both (deleted)");
	make("twin");
	gone = open_as("gone", O_RDWR);
	named = open_as("named (deleted)", O_RDWR);
	both = open_as("both (deleted)", O_RDWR);
	twin = open_as("twin", O_RDWR);
	if (link("twin", "left") || unlink("gone") || unlink("both (deleted)") ||
	    unlink("twin"))
		fail("unlink");
	begin();
	CALL("truncate", in("gone"), NULL, ftruncate, gone, 0);
	CALL("truncate", in("named (deleted)"), NULL, ftruncate, named, 0);
	CALL("truncate", in("both (deleted)"), NULL, ftruncate, both, 0);
	CALL("truncate", in("twin"), NULL, ftruncate, twin, 0);
	/* somebody else has the name now */
	make("gone");
	CALL("truncate", in("gone"), NULL, ftruncate, gone, 0);
}

TEST(deleted_directory)
{
	int dir;

	make_dir("d");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	if (rmdir("d"))
		fail("rmdir");
	begin();
	CALL("create", in("d/f"), NULL, openat, dir, "f", O_WRONLY | O_CREAT, 0644);
	CALL("chdir", in("d"), NULL, fchdir, dir);
	CALL("read", in("d/f"), NULL, open, "f", O_RDONLY);
}

TEST(nameless)
{
	char path[64], self[64];
	struct stat st;
	int fd;

	make_dir("d");
	begin();
	fd = (int)CALL("tmpfile", in("d"), NULL, open, "d", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0 || syscall(SYS_fstat, fd, &st))
		fail("O_TMPFILE");
	snprintf(path, sizeof(path), "d/#%llu", (unsigned long long)st.st_ino);
	CALL("truncate", in(path), NULL, ftruncate, fd, 0);
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	CALL("link", own(self + strlen("/proc/self")), in("d/named"), linkat, AT_FDCWD,
	     self, AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW);
	CALL("truncate", in("d/named"), NULL, truncate, "d/named", 0);
}

TEST(nameless_by_descriptor)
{
	char path[64];
	struct stat st;
	int fd;

	make_dir("d");
	begin();
	fd = (int)CALL("tmpfile", in("d"), NULL, open, "d", O_TMPFILE | O_RDWR, 0600);
	if (fd < 0 || syscall(SYS_fstat, fd, &st))
		fail("O_TMPFILE");
	snprintf(path, sizeof(path), "d/#%llu", (unsigned long long)st.st_ino);
	CALL("link", in(path), in("d/named"), linkat, fd, "", AT_FDCWD, "d/named",
	     AT_EMPTY_PATH);
}

TEST(memfd)
{
	int fd;

	begin();
	fd = (int)CALL("create", "memfd:a label", NULL, memfd_create, "a label", 0);
	CALL("truncate", "memfd:a label", NULL, ftruncate, fd, 1);
}

TEST(renamed_while_open)
{
	int fd;

	make("f");
	make("over");
	begin();
	fd = (int)CALL("rdwr", in("f"), NULL, open, "f", O_RDWR);
	CALL("rename", in("f"), in("g"), rename, "f", "g");
	CALL("truncate", in("g"), NULL, ftruncate, fd, 0);
	CALL("rename", in("g"), in("over"), rename, "g", "over");
	CALL("truncate", in("over"), NULL, ftruncate, fd, 0);
}

/* What means another file for everybody who says it. */
TEST(own_names)
{
	char text[64], thread[64];
	struct stat st;
	int fd;

	make("f");
	fd = open_as("f", O_RDWR);
	snprintf(thread, sizeof(thread), "/task/%d/comm", (int)getpid());
	begin();
	CALL("read", own("/comm"), NULL, open, "/proc/self/comm", O_RDONLY);
	CALL("read", own(thread), NULL, open, "/proc/thread-self/comm", O_RDONLY);
	CALL("readlink", own("/exe"), NULL, readlink, "/proc/self/exe", text, 1);
	/* these are links themselves, the same ones for everybody */
	CALL("readlink", "/proc/self", NULL, readlink, "/proc/self", text, 1);
	CALL("stat", "/dev/fd", NULL, lstat, "/dev/fd", &st);
	CALL("stat", own(""), NULL, stat, "/proc/self", &st);
	CALL("stat", own("/fd"), NULL, stat, "/dev/fd", &st);
	snprintf(text, sizeof(text), "/dev/fd/%d", fd);
	CALL("rdwr", own(strchr(text + 1, '/')), NULL, open, text, O_RDWR);
	CALL("stat", own("/fd/0"), NULL, stat, "/dev/stdin", &st);
	CALL("stat", own("/fd/1"), NULL, stat, "/dev/stdout", &st);
	CALL("stat", own("/fd/2"), NULL, stat, "/dev/stderr", &st);
	CALL("stat", "/proc/selfish", NULL, stat, "/proc/selfish", &st);
	CALL("chdir", "/proc", NULL, chdir, "/proc");
	CALL("read", own("/comm"), NULL, open, "self/comm", O_RDONLY);
}

TEST(odd_ways)
{
	struct open_how beneath = { .resolve = RESOLVE_BENEATH };
	struct stat st;
	int dir, file;

	make_dir("d");
	make("d/f");
	if (symlink("d", "link"))
		fail("symlink");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	file = open_as("d/f", O_RDONLY);
	begin();
	CALL("read", in("d/f"), NULL, openat2, dir, "f", &beneath, sizeof(beneath));
	CALL("opath", in("link"), NULL, open, "link", O_PATH | O_NOFOLLOW);
	CALL("opath", in("link"), NULL, open, "link", O_PATH);
	CALL("stat", in("d/f"), NULL, newfstatat, file, "", &st, AT_EMPTY_PATH);
	CALL("utime", in("d/f"), NULL, utimensat, file, NULL, NULL, 0);
	CALL("stat", in("link"), NULL, newfstatat, AT_FDCWD, "link", &st,
	     AT_SYMLINK_NOFOLLOW);
	CALL("stat", in("link"), NULL, lstat, "link/", &st);
	CALL("read", "", NULL, openat, dir, "", O_RDONLY);
}

/* A child made into mounts of its own, by clone and by unshare, and back by setns. */
TEST(other_mounts)
{
	int ours = open_as("/proc/self/ns/mnt", O_RDONLY), status;
	pid_t pid;

	make("f");
	pid = (pid_t)syscall(SYS_clone, CLONE_NEWNS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(open("f", O_RDONLY) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		fail("clone");
	begin();
	CALL("read", in("f"), NULL, open, "f", O_RDONLY);
	expect("namespace", "", NULL, "unshare", RAW(SYS_unshare, CLONE_NEWNS));
	CALL("mount", "/", "none", mount, "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	CALL("mount", in(""), "x", mount, "x", in(""), "tmpfs", 0, NULL);
	CALL("create", in("f"), NULL, open, in("f"), O_WRONLY | O_CREAT, 0644);
	CALL("read", in("f"), NULL, open, in("f"), O_RDONLY);
	expect("namespace", "mnt", NULL, "setns", RAW(SYS_setns, ours, 0));
	CALL("read", in("f"), NULL, open, in("f"), O_RDONLY);
}

TEST(own_names_in_another_root)
{
	make_dir("jail");
	make_dir("jail/dev");
	make_dir("jail/dev/fd");
	make("jail/dev/fd/0");
	begin();
	CALL("chroot", in("jail"), NULL, chroot, "jail");
	CALL("read", in("jail/dev/fd/0"), NULL, open, "/dev/fd/0", O_RDONLY);
}
