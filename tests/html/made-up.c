/* SPDX-License-Identifier: MIT */
/*
 * Writes the report of a run that never was, so that the page can be tried with what a
 * real run hardly has, and with as much of it as is wanted.
 *
 *	made-up odd FILE	awkward names, every operation, each way to end
 *	made-up build FILE	of the size of a build of redis: 700,000 calls, 10,000
 *				names, 2,000 processes
 */
#include "base/intern.h"
#include "model/hub.h"
#include "sink/html.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MS 1000000u

static struct intern *names;
static struct hub *hub;
static uint64_t state = 1;

static uint32_t
random_below(uint32_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state >> 33) % n;
}

static const struct interned *
name(const char *s, size_t len)
{
	return intern_get(names, s, len);
}

static struct process
who(uint64_t serial, uint64_t parent, const char *program)
{
	char exe[64];
	int len = snprintf(exe, sizeof(exe), "/usr/bin/%s", program);

	return (struct process){
		.serial = serial,
		.parent = parent,
		.pid = (pid_t)(1000 + serial),
		.ppid = (pid_t)(1000 + parent),
		.name = name(program, strlen(program)),
		.exe = name(exe, (size_t)len),
	};
}

static void
happens(const struct process *p, enum process_event_kind kind, uint64_t time,
	const char *argv, size_t argv_len, int status)
{
	const struct process_event e = {
		.kind = kind,
		.time = time,
		.process = p,
		.cwd = { "/home/ada/redis", 15 },
		.argv = { argv, argv_len },
		.status = status,
		.status_known = true,
	};

	hub_process(hub, &e);
}

static void
calls(const struct process *p, uint64_t time, enum op op, const struct interned *path,
      const struct interned *to, int error)
{
	static const struct syscall_row row = { .name = "made-up" };
	const struct access a = {
		.time = time,
		.process = p,
		.op = op,
		.row = &row,
		.path = path,
		.to = to,
		.error = error,
	};

	hub_access(hub, &a);
}

/* A source of its own, what all compilers read, and many places where headers are not. */
static void
compile(uint64_t serial, uint64_t start, uint64_t took)
{
	const struct process p = who(serial, 1 + serial % 7 * (serial > 7), "cc1");
	char argv[512];
	int len = snprintf(
		argv, sizeof(argv),
		"/usr/lib/gcc/x86_64-linux-gnu/12/cc1%c-quiet%c-I%c../deps/hiredis%c"
		"-D%cNDEBUG%cfile%llu.c%c-O2%c-o%c/tmp/cc%06llx.s%c",
		0, 0, 0, 0, 0, 0, (unsigned long long)serial, 0, 0, 0,
		(unsigned long long)serial * 7919, 0);

	happens(&p, PROCESS_FORK, start, NULL, 0, 0);
	happens(&p, PROCESS_EXEC, start + MS / 4, argv, (size_t)len, 0);
	for (unsigned i = 0; i < 350; i++) {
		static const char *const dirs[] = { "src", "deps/lua/src",
						    "deps/jemalloc/include",
						    "deps/hiredis" };
		bool missing = random_below(3) > 0;
		char path[128];
		int n = snprintf(path, sizeof(path), "%s/%s/header-%u.h",
				 i % 4 ? "/home/ada/redis" : "/usr/include", dirs[i % 4],
				 random_below(missing ? 2400 : 120));

		calls(&p, start + took * i / 350,
		      missing		? OP_STAT
		      : random_below(2) ? OP_READ
					: OP_STAT,
		      name(path, (size_t)n), NULL, missing ? ENOENT : 0);
	}
	happens(&p, PROCESS_EXIT, start + took, NULL, 0, serial % 500 ? 0 : 1 << 8);
}

static uint64_t
build(void)
{
	const struct process make = who(1, 0, "make");

	happens(&make, PROCESS_START, 0, NULL, 0, 0);
	happens(&make, PROCESS_EXEC, MS, "make\0-j8", 9, 0);
	for (uint64_t serial = 2; serial <= 2000; serial++)
		compile(serial, serial * 13 * MS,
			(20 + random_below(160)) * (uint64_t)MS);
	happens(&make, PROCESS_EXIT, 26300 * (uint64_t)MS, NULL, 0, 0);
	return 26300 * (uint64_t)MS;
}

static uint64_t
odd(void)
{
	static const char *const odd_names[] = {
		"/t/<script>window.pwned = 1</script>",
		"/t/</script><script>window.pwned = 1</script>",
		"/t/\"><img src=x onerror=window.pwned=1>",
		"/t/&lt;&amp;",
		"/t/line\nfeed\ttab\x1b[31m",
		"/t/paragraph\xe2\x80\xa9line\xe2\x80\xa8",
		"/t/right\xe2\x80\xaeot\xe2\x80\xacleft",
		"/t/bad\xff\xfe\xc3(",
		"/t/back\\slash",
		"/t/\xe2\x82\xac \xf0\x9f\x98\x80 \xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d",
		"/t/${alert(1)}`",
		"/t/__proto__/constructor",
		"relative",
		"",
	};
	static const char argv[] = "sh\0-c\0a 'b' </script> \xff\n\0";
	const struct process sh = who(1, 0, "sh"), child = who(2, 1, "<b>"),
			     lost = who(9, 0, "x");

	happens(&sh, PROCESS_START, 0, NULL, 0, 0);
	happens(&sh, PROCESS_EXEC, MS, argv, sizeof(argv) - 1, 0);
	happens(&child, PROCESS_FORK, 2 * MS, NULL, 0, 0);
	for (size_t i = 0; i < sizeof(odd_names) / sizeof(odd_names[0]); i++) {
		const struct interned *path = name(odd_names[i], strlen(odd_names[i]));

		calls(&sh, (3 + i) * MS, OP_READ, path, NULL, 0);
		calls(&child, (4 + i) * MS, (enum op)(i % OP_COUNT), path, NULL,
		      i % 3 ? 0 : EACCES);
	}
	for (unsigned i = 0; i < OP_COUNT; i++)
		calls(&child, (30 + i) * MS, (enum op)i, name("/t/all", 6), NULL, 0);
	calls(&child, 80 * MS, OP_CREATE, name("/t/old name", 11), NULL, 0);
	calls(&child, 81 * MS, OP_RENAME, name("/t/old name", 11),
	      name("/t/new name", 11), 0);
	calls(&lost, 82 * MS, OP_DELETE, name("/t/gone", 7), NULL, ENOENT);
	happens(&child, PROCESS_EXIT, 90 * MS, NULL, 0, 11);
	return 100 * MS;
}

int
main(int argc, char *argv[])
{
	char sh[] = "sh", c[] = "-c", script[] = "echo '</script>' \xff";
	char *command[] = { sh, c, script, NULL };
	const struct run run = {
		.version = "0",
		.argv = command,
		.cwd = { "/home/ada/redis", 15 },
		.wall_ns = 1700000000000000000u,
		.engine = "fast",
	};
	struct outcome outcome = { .status_known = true,
				   .processes = 3,
				   .execs = 2,
				   .threads = 3,
				   .calls = { 100, 699900 } };
	int fd = argc == 3 ? open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1;
	const char *what;

	if (fd < 0)
		return 2;
	names = intern_new();
	hub = hub_new();
	hub_add(hub, html_sink.make(fd, NULL), "page");
	hub_begin(hub, &run);
	if (strcmp(argv[1], "odd") == 0) {
		outcome.time = odd();
		outcome.gaps[GAP_URING] = (struct gap_count){ 2, "</script>\xff" };
		outcome.notes[NOTE_ASKED].count = 1;
	} else {
		outcome.time = build();
	}
	hub_end(hub, &outcome);
	if (hub_error(hub, 0, &what))
		return 1;
	hub_free(hub);
	intern_free(names);
	return close(fd) ? 1 : 0;
}
