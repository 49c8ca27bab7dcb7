/* SPDX-License-Identifier: MIT */
/* Shows changes of a file's content that are no open: truncate, allocate, copy. */

#include "ops-expect.h"

TEST(truncates)
{
	int file, reader;

	make("f");
	file = open_as("f", O_RDWR);
	reader = open_as("f", O_RDONLY);
	begin();
	CALL("truncate", in("f"), NULL, truncate, "f", 5);
	CALL("truncate", in("none"), NULL, truncate, "none", 5);
	CALL("truncate", in("f"), NULL, ftruncate, file, 0);
	CALL("truncate", in("f"), NULL, ftruncate, reader, 0);
}

TEST(allocates)
{
	int file;

	make("f");
	file = open_as("f", O_RDWR);
	begin();
	CALL("write", in("f"), NULL, fallocate, file, 0, 0, 4096);
	CALL("write", in("f"), NULL, fallocate, file, 0, 0, 0);
}

/* The file that changes is the one that is copied to. */
TEST(copies)
{
	int from, to;

	make("from");
	make("to");
	from = open_as("from", O_RDONLY);
	to = open_as("to", O_WRONLY);
	begin();
	CALL("write", in("to"), NULL, copy_file_range, from, NULL, to, NULL, 4, 0);
}

TEST(bad_descriptors)
{
	begin();
	CALL("truncate", "", NULL, ftruncate, 999, 0);
	CALL("write", "", NULL, fallocate, -1, 0, 0, 1);
	CALL("chmod", "", NULL, fchmod, 999, 0600);
}

/* Follows the name that the file has at the time of the call. */
TEST(renamed_while_open)
{
	int file;

	make("a");
	file = open_as("a", O_RDWR);
	begin();
	CALL("truncate", in("a"), NULL, ftruncate, file, 1);
	CALL("rename", in("a"), in("b"), rename, "a", "b");
	CALL("truncate", in("b"), NULL, ftruncate, file, 2);
}
