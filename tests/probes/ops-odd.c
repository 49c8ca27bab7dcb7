/* SPDX-License-Identifier: MIT */
/* Shows names that are awkward to read: at page ends, too long, bad pointers, any bytes. */

#include "ops-expect.h"

#define BAD ((char *)8)

TEST(at_page_ends)
{
	char name[16];

	for (int len = 1; len < 10; len++) {
		snprintf(name, sizeof(name), "%.*s", len, "abcdefghi");
		make(name);
	}
	begin();
	for (int len = 1; len < 10; len++) {
		snprintf(name, sizeof(name), "%.*s", len, "abcdefghi");
		CALL("read", in(name), NULL, open, at_page_end(name, (size_t)len + 1),
		     O_RDONLY);
	}
	CALL("rename", in("a"), in("z"), rename, at_page_end("a", 2),
	     at_page_end("z", 2));
}

/* The string lies across the border of two pages that are both there. */
TEST(across_pages)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	make("file");
	begin();
	for (int before = 0; before <= 5; before++)
		CALL("read", in("file"), NULL, open,
		     strcpy(pages + PAGE - before, "file"), O_RDONLY);
}

/* 4095 bytes are the longest name that there is. */
TEST(longest_names)
{
	char name[PATH_MAX + 1];

	memset(name, '/', sizeof(name));
	memcpy(name + PATH_MAX - 5, "none", 5);
	begin();
	CALL("read", "/none", NULL, open, name, O_RDONLY);
	CALL("read", "/none", NULL, open, at_page_end(name, PATH_MAX), O_RDONLY);
	memset(name, 'x', PATH_MAX - 1);
	CALL("read", in(name), NULL, open, name, O_RDONLY);
	name[255] = '\0';
	CALL("create", in(name), NULL, open, name, O_RDWR | O_CREAT, 0644);
	CALL("delete", in(name), NULL, unlink, name);
}

/* One byte more is no name: what the log has of it ends there. */
TEST(too_long)
{
	char name[2 * PATH_MAX + 1], cut[PATH_MAX] = "";

	memset(name, 'x', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	begin();
	memcpy(cut, name, PATH_MAX - 1);
	CALL("read", in(cut), NULL, open, name + PATH_MAX, O_RDONLY);
	CALL("read", in(cut), NULL, open, name, O_RDONLY);
	CALL("mkdir", in(cut), NULL, mkdir, name, 0755);
}

TEST(bad_pointers)
{
	begin();
	CALL("read", "", NULL, open, NULL, O_RDONLY);
	CALL("read", "", NULL, open, BAD, O_RDONLY);
	CALL("read", "", NULL, openat, AT_FDCWD, (char *)-1, O_RDONLY);
	CALL("read", "", NULL, openat, AT_FDCWD, (char *)0x800000000000, O_RDONLY);
	/* begins well, but its end is not there */
	CALL("read", "", NULL, open, at_page_end("name", 4), O_RDONLY);
	CALL("delete", "", NULL, unlink, BAD);
	CALL("stat", "", NULL, stat, BAD, BAD);
}

/* Of two names one is bad: the other one was meant, and is known. */
TEST(second_pointer_bad)
{
	make("f");
	begin();
	CALL("rename", in("f"), "", rename, "f", BAD);
	CALL("link", in("f"), "", link, "f", BAD);
}

TEST(first_pointer_bad)
{
	make("f");
	begin();
	CALL("rename", "", in("f"), rename, BAD, "f");
	CALL("symlink", in("f"), "", symlink, BAD, "f");
}

/* Refused before the kernel looked at the name: nothing of the job is missing in the log. */
TEST(bad_pointer_of_no_interest)
{
	begin();
	CALL("delete", "", NULL, unlinkat, AT_FDCWD, BAD, 1);
}

TEST(empty_names)
{
	int dir;

	make_dir("d");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("read", "", NULL, open, "", O_RDONLY);
	CALL("read", "", NULL, openat, dir, "", O_RDONLY);
	CALL("delete", "", NULL, unlink, "");
	CALL("chdir", "", NULL, chdir, "");
	CALL("rename", in("d"), "", rename, "d", "");
}

/* Every byte that a name can hold: alone, and all that there are in one. */
TEST(all_bytes)
{
	char name[8], all[256];
	int len = 0;

	begin();
	for (int byte = 1; byte < 256; byte++) {
		if (byte == '/' || byte == '.')
			continue;
		snprintf(name, sizeof(name), "%c", byte);
		CALL("create", in(name), NULL, open, name, O_WRONLY | O_CREAT, 0644);
		all[len++] = (char)byte;
	}
	all[len] = '\0';
	CALL("create", in(all), NULL, open, all, O_WRONLY | O_CREAT, 0644);
	CALL("rename", in(all), in("\xff\xfe\n\"\\"), rename, all, "\xff\xfe\n\"\\");
	/* eight bytes that read as -1 are no error of ours */
	CALL("mkdir", in("\xff\xff\xff\xff\xff\xff\xff\xff"), NULL, mkdir,
	     "\xff\xff\xff\xff\xff\xff\xff\xff", 0755);
	CALL("chdir", in("\xff\xff\xff\xff\xff\xff\xff\xff"), NULL, chdir,
	     "\xff\xff\xff\xff\xff\xff\xff\xff");
	CALL("create", in("\xff\xff\xff\xff\xff\xff\xff\xff/\xc3\xa4\xc3"), NULL, creat,
	     "\xc3\xa4\xc3", 0644);
}

/* A file really may be called so; a directory that is gone is another thing. */
TEST(named_deleted)
{
	int dir;

	make_dir("d (deleted)");
	dir = open_as("d (deleted)", O_RDONLY | O_DIRECTORY);
	begin();
	CALL("create", in("d (deleted)/f"), NULL, openat, dir, "f", O_WRONLY | O_CREAT,
	     0644);
	CALL("chdir", in("d (deleted)"), NULL, fchdir, dir);
	CALL("read", in("d (deleted)/f"), NULL, open, "f", O_RDONLY);
}
