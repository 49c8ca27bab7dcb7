/* SPDX-License-Identifier: MIT */
/* Shows what each kind of open is: read, write, create, truncate, ... */

#include "ops-expect.h"
#include <linux/openat2.h>

TEST(read_write_and_both)
{
	make("f");
	begin();
	CALL("read", in("f"), NULL, open, "f", O_RDONLY);
	CALL("write", in("f"), NULL, open, "f", O_WRONLY);
	CALL("rdwr", in("f"), NULL, open, "f", O_RDWR);
	/* both bits ask for both permissions and give neither */
	CALL("rdwr", in("f"), NULL, open, "f", O_ACCMODE);
	CALL("append", in("f"), NULL, open, "f", O_WRONLY | O_APPEND);
	CALL("append", in("f"), NULL, open, "f", O_RDWR | O_APPEND);
	/* nothing can be written here, so nothing can be appended */
	CALL("read", in("f"), NULL, open, "f", O_RDONLY | O_APPEND);
	CALL("read", in("f"), NULL, open, "f", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	CALL("read", in("f"), NULL, open, "f", O_RDONLY | O_NOFOLLOW | O_NOCTTY);
	CALL("write", in("f"), NULL, open, "f", O_WRONLY | O_SYNC | O_LARGEFILE);
}

TEST(truncates_what_exists)
{
	make("f");
	make("g");
	begin();
	CALL("truncate", in("f"), NULL, open, "f", O_WRONLY | O_TRUNC);
	CALL("truncate", in("f"), NULL, open, "f", O_RDWR | O_TRUNC);
	/* not portable, but Linux empties it */
	CALL("truncate", in("g"), NULL, open, "g", O_RDONLY | O_TRUNC);
	CALL("truncate", in("f"), NULL, open, "f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CALL("truncate", in("f"), NULL, creat, "f", 0644);
}

TEST(creates_only_what_is_new)
{
	begin();
	CALL("create", in("r"), NULL, open, "r", O_RDONLY | O_CREAT, 0644);
	CALL("read", in("r"), NULL, open, "r", O_RDONLY | O_CREAT, 0644);
	CALL("create", in("w"), NULL, open, "w", O_WRONLY | O_CREAT, 0644);
	CALL("write", in("w"), NULL, open, "w", O_WRONLY | O_CREAT, 0644);
	CALL("create", in("rw"), NULL, openat, AT_FDCWD, "rw", O_RDWR | O_CREAT, 0644);
	CALL("rdwr", in("rw"), NULL, openat, AT_FDCWD, "rw", O_RDWR | O_CREAT, 0644);
	CALL("create", in("t"), NULL, open, "t", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CALL("truncate", in("t"), NULL, open, "t", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	CALL("create", in("a"), NULL, open, "a", O_WRONLY | O_CREAT | O_APPEND, 0644);
	CALL("append", in("a"), NULL, open, "a", O_WRONLY | O_CREAT | O_APPEND, 0644);
	CALL("create", in("c"), NULL, creat, "c", 0644);
	CALL("create", in("abs"), NULL, open, in("abs"), O_WRONLY | O_CREAT, 0644);
	CALL("write", in("abs"), NULL, open, in("abs"), O_WRONLY | O_CREAT, 0644);
	/* made, removed, made again: each time it is new */
	CALL("delete", in("c"), NULL, unlink, "c");
	CALL("create", in("c"), NULL, creat, "c", 0644);
}

TEST(creates_exclusively)
{
	begin();
	CALL("create", in("x"), NULL, open, "x", O_WRONLY | O_CREAT | O_EXCL, 0644);
}

/* Not made, because it was there: the log may not say that it was created. */
TEST(exclusive_but_there)
{
	make("x");
	if (symlink("nothing", "dangling"))
		fail("symlink");
	begin();
	CALL("create", in("x"), NULL, open, "x", O_WRONLY | O_CREAT | O_EXCL, 0644);
	CALL("create", in("dangling"), NULL, open, "dangling", O_RDWR | O_CREAT | O_EXCL,
	     0644);
}

TEST(creates_through_a_dangling_link)
{
	make_dir("d");
	if (symlink("d/new", "link"))
		fail("symlink");
	begin();
	CALL("create", in("link"), NULL, open, "link", O_WRONLY | O_CREAT, 0644);
	CALL("write", in("link"), NULL, open, "link", O_WRONLY | O_CREAT, 0644);
	CALL("read", in("d/new"), NULL, open, "d/new", O_RDONLY);
}

TEST(files_without_a_name)
{
	int fd;
	char link[64];

	make_dir("d");
	begin();
	fd = (int)CALL("tmpfile", in("d"), NULL, open, "d", O_TMPFILE | O_RDWR, 0600);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	CALL("link", own(link + strlen("/proc/self")), in("d/named"), linkat, AT_FDCWD,
	     link, AT_FDCWD, "d/named", AT_SYMLINK_FOLLOW);
	CALL("tmpfile", in("d"), NULL, open, "d", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
	CALL("tmpfile", in("none"), NULL, open, "none", O_TMPFILE | O_WRONLY, 0600);
}

TEST(paths_only)
{
	make("f");
	begin();
	CALL("opath", in("f"), NULL, open, "f", O_PATH);
	/* the kernel ignores what else is asked for */
	CALL("opath", in("f"), NULL, open, "f", O_PATH | O_RDWR | O_TRUNC | O_CLOEXEC);
	CALL("opath", in("new"), NULL, open, "new", O_PATH | O_CREAT, 0644);
}

TEST(directories)
{
	make("f");
	make_dir("d");
	begin();
	CALL("read", in("d"), NULL, open, "d", O_RDONLY | O_DIRECTORY);
	CALL("read", in("d"), NULL, open, "d/", O_RDONLY);
	CALL("read", in("f"), NULL, open, "f", O_RDONLY | O_DIRECTORY);
	CALL("write", in("d"), NULL, open, "d", O_WRONLY);
	CALL("write", in("d"), NULL, open, "d", O_WRONLY | O_CREAT, 0644);
}

TEST(failures)
{
	make("f");
	if (symlink("f", "link") || symlink("loop", "loop"))
		fail("symlink");
	begin();
	CALL("read", in("none"), NULL, open, "none", O_RDONLY);
	CALL("write", in("none"), NULL, open, "none", O_WRONLY);
	CALL("truncate", in("none"), NULL, open, "none", O_WRONLY | O_TRUNC);
	CALL("create", in("no/where"), NULL, open, "no/where", O_WRONLY | O_CREAT, 0644);
	CALL("read", in("f/x"), NULL, open, "f/x", O_RDONLY);
	CALL("read", in("link"), NULL, open, "link", O_RDONLY | O_NOFOLLOW);
	CALL("read", in("loop"), NULL, open, "loop", O_RDONLY);
	CALL("read", "name", NULL, openat, 999, "name", O_RDONLY);
}

TEST(at_descriptors)
{
	int dir, file;
	/* a descriptor is an int: the kernel does not look at the upper half */
	unsigned long dirty;

	make_dir("d");
	make("d/f");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	file = open_as("d/f", O_RDONLY);
	dirty = 0x5a5a5a5a00000000 | (unsigned)dir;
	begin();
	CALL("read", in("d/f"), NULL, openat, dir, "f", O_RDONLY);
	CALL("create", in("d/g"), NULL, openat, dir, "g", O_WRONLY | O_CREAT, 0644);
	CALL("write", in("d/g"), NULL, openat, dir, "g", O_WRONLY | O_CREAT, 0644);
	CALL("create", in("d/x"), NULL, openat, dir, "x", O_WRONLY | O_CREAT | O_EXCL,
	     0644);
	CALL("read", in("d/f"), NULL, openat, dirty, "f", O_RDONLY);
	CALL("read", in("d"), NULL, openat, 0x5a5a5a5affffff9c, "d", O_RDONLY);
	CALL("create", in("n"), NULL, openat, 0xffffff9c, "n", O_WRONLY | O_CREAT, 0644);
	CALL("read", in("d/f"), NULL, openat, 999, in("d/f"), O_RDONLY);
	CALL("read", in("d"), NULL, openat, dir, ".", O_RDONLY);
	CALL("read", in(""), NULL, openat, dir, "..", O_RDONLY);
	CALL("read", in("d"), NULL, openat, dir, "../d", O_RDONLY);
	CALL("read", in("d/f/x"), NULL, openat, file, "x", O_RDONLY);
	CALL("tmpfile", in("d"), NULL, openat, dir, ".", O_TMPFILE | O_RDWR, 0600);
}

TEST(upper_half_of_flags)
{
	make("f");
	begin();
	CALL("read", in("f"), NULL, open, "f", 0x1234567800000000);
	CALL("write", in("f"), NULL, openat, AT_FDCWD, "f",
	     0x1234567800000000 | O_WRONLY);
}

TEST(openat2_as_openat)
{
	struct open_how read_how = { .flags = O_RDONLY };
	struct open_how make_how = { .flags = O_WRONLY | O_CREAT, .mode = 0644 };
	struct open_how trunc_how = { .flags = O_WRONLY | O_TRUNC };
	struct open_how path_how = { .flags = O_PATH };
	int dir;

	make_dir("d");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("create", in("d/f"), NULL, openat2, dir, "f", &make_how, sizeof(make_how));
	CALL("write", in("d/f"), NULL, openat2, dir, "f", &make_how, sizeof(make_how));
	CALL("truncate", in("d/f"), NULL, openat2, dir, "f", &trunc_how,
	     sizeof(trunc_how));
	CALL("opath", in("d/f"), NULL, openat2, dir, "f", &path_how, sizeof(path_how));
	CALL("read", in("d/f"), NULL, openat2, AT_FDCWD, "d/f", &read_how,
	     sizeof(read_how));
	CALL("read", in("none"), NULL, openat2, AT_FDCWD, "none", &read_how,
	     sizeof(read_how));
}

TEST(openat2_resolve)
{
	struct open_how beneath = { .resolve = RESOLVE_BENEATH };
	struct open_how no_links = { .resolve = RESOLVE_NO_SYMLINKS };
	struct open_how no_mounts = { .resolve = RESOLVE_NO_XDEV };
	int dir;

	make_dir("d");
	make("d/f");
	if (symlink("f", "d/link"))
		fail("symlink");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("read", in("d/f"), NULL, openat2, dir, "f", &beneath, sizeof(beneath));
	CALL("read", in(""), NULL, openat2, dir, "..", &beneath, sizeof(beneath));
	CALL("read", in("d/f"), NULL, openat2, dir, in("d/f"), &beneath, sizeof(beneath));
	CALL("read", in("d/link"), NULL, openat2, dir, "link", &no_links,
	     sizeof(no_links));
	CALL("read", own(""), NULL, openat2, AT_FDCWD, "/proc/self", &no_mounts,
	     sizeof(no_mounts));
}

/* RESOLVE_IN_ROOT makes the directory the root: an absolute name starts there. */
TEST(openat2_in_root)
{
	struct open_how how = { .resolve = RESOLVE_IN_ROOT };
	struct open_how make_how = { .flags = O_WRONLY | O_CREAT,
				     .mode = 0644,
				     .resolve = RESOLVE_IN_ROOT };
	int dir;

	make_dir("d");
	make("d/f");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("read", in("d/f"), NULL, openat2, dir, "f", &how, sizeof(how));
	CALL("read", in("d/f"), NULL, openat2, dir, "/f", &how, sizeof(how));
	CALL("read", in("d/f"), NULL, openat2, dir, "../../f", &how, sizeof(how));
	CALL("create", in("d/g"), NULL, openat2, dir, "/g", &make_how, sizeof(make_how));
	CALL("write", in("d/g"), NULL, openat2, dir, "/g", &make_how, sizeof(make_how));
}

TEST(openat2_sizes)
{
	struct {
		struct open_how how;
		uint64_t more;
	} big = { .how = { .flags = O_WRONLY } };
	char *end = at_page_end((const char *)&big.how, sizeof(big.how));

	make("f");
	begin();
	CALL("write", in("f"), NULL, openat2, AT_FDCWD, "f", &big, sizeof(big));
	CALL("write", in("f"), NULL, openat2, AT_FDCWD, "f", end, sizeof(big.how));
	big.more = 1;
	CALL("write", in("f"), NULL, openat2, AT_FDCWD, "f", &big, sizeof(big));
	CALL("read", in("f"), NULL, openat2, AT_FDCWD, "f", NULL, sizeof(big.how));
	CALL("read", in("f"), NULL, openat2, AT_FDCWD, "f", &big, 0);
}

/* /proc/self is the caller's: whoever looks on its behalf must not look at his own. */
TEST(creates_nothing_through_proc_self)
{
	char name[64];

	if (dup2(open_as("f", O_RDWR | O_CREAT), 100) != 100)
		fail("dup2");
	begin();
	CALL("write", own("/fd/100"), NULL, open, "/proc/self/fd/100", O_WRONLY | O_CREAT,
	     0644);
	CALL("truncate", own("/fd/100"), NULL, open, "/dev/fd/100",
	     O_WRONLY | O_CREAT | O_TRUNC, 0644);
	snprintf(name, sizeof(name), "/task/%d/fd/100", (int)getpid());
	CALL("read", own(name), NULL, open, "/proc/thread-self/fd/100",
	     O_RDONLY | O_CREAT, 0644);
}

TEST(memfd)
{
	begin();
	CALL("create", "memfd:some label", NULL, memfd_create, "some label", 0);
	CALL("create", "memfd:", NULL, memfd_create, "", 0);
}
