/* SPDX-License-Identifier: MIT */
/* Shows programs run by name and by descriptor, and those that could not be run. */

#include "ops-expect.h"

static char *const argv[] = { "program", NULL }, *const envp[] = { NULL };

/* A copy of true(1) or of whatever else needs no argument. */
static void
make_program(const char *name)
{
	int from = open_as("/bin/true", O_RDONLY), to = open_as(name, O_WRONLY | O_CREAT);
	char bytes[8192];
	ssize_t n;

	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		if (write(to, bytes, (size_t)n) != n)
			fail("write");
	if (fchmod(to, 0755) || close(from) || close(to))
		fail(name);
}

/* What @call makes of the rest of the arguments happens in a child. */
#define EXEC(path, call, ...)                                            \
	do {                                                             \
		pid_t pid = fork();                                      \
		int status;                                              \
		if (!pid)                                                \
			_exit((int)-RAW(SYS_##call, __VA_ARGS__));       \
		if (pid < 0 || waitpid(pid, &status, 0) != pid)          \
			fail("fork");                                    \
		expect("exec", path, NULL, #call, -WEXITSTATUS(status)); \
	} while (0)

TEST(by_name)
{
	int dir;

	make_dir("d");
	make_program("d/program");
	if (symlink("d/program", "link"))
		fail("symlink");
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	EXEC(in("d/program"), execve, "d/program", argv, envp);
	EXEC(in("d/program"), execve, in("d/program"), argv, envp);
	EXEC(in("link"), execve, "link", argv, envp);
	EXEC(in("d/program"), execveat, dir, "program", argv, envp, 0);
	EXEC(in("d/program"), execveat, AT_FDCWD, "d/program", argv, envp, 0);
}

TEST(by_descriptor)
{
	int file;

	make_program("program");
	file = open_as("program", O_RDONLY | O_CLOEXEC);
	begin();
	EXEC(in("program"), execveat, file, "", argv, envp, AT_EMPTY_PATH);
}

TEST(failures)
{
	int dir;

	make_dir("d");
	make("d/text");
	make_program("d/program");
	chmod("d/text", 0755);
	chmod("d/program", 0644);
	dir = open_as("d", O_RDONLY | O_DIRECTORY);
	begin();
	EXEC(in("none"), execve, "none", argv, envp);
	EXEC(in("d/program"), execve, "d/program", argv, envp);
	EXEC(in("d/text"), execve, "d/text", argv, envp);
	EXEC(in("d"), execve, "d", argv, envp);
	EXEC(in("d/none"), execveat, dir, "none", argv, envp, 0);
	EXEC("", execve, (char *)8, argv, envp);
	EXEC("", execve, "", argv, envp);
}

/* Not executable, but which file it was is known. */
TEST(failure_by_descriptor)
{
	int file;

	make("text");
	chmod("text", 0644);
	file = open_as("text", O_RDONLY);
	begin();
	EXEC(in("text"), execveat, file, "", argv, envp, AT_EMPTY_PATH);
}

/* As a shell looks for a command: each attempt is told, and the one that works. */
TEST(along_a_path)
{
	static const char *const dirs[] = { "a", "b", "c", "d", "e" };

	make_dir("a");
	make_dir("b");
	make_dir("d");
	make("b/program");
	make_program("d/program");
	begin();
	for (size_t i = 0; i < 4; i++) {
		char *path;

		if (asprintf(&path, "%s/program", dirs[i]) < 0)
			fail("asprintf");
		EXEC(in(path), execve, path, argv, envp);
	}
}

/* Bad arguments stop an exec after its name was found good. */
TEST(bad_arguments)
{
	make_program("program");
	begin();
	EXEC(in("program"), execve, "program", (char **)8, envp);
}
