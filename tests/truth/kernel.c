/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and writes down what the kernel's tracepoints tell of the
 * processes that it starts, though not of the command's own process.
 *
 *   kernel OBJECT ROWS OUT KIB NAP_MS COMMAND [ARGUMENT ...]
 *
 * OBJECT is kernel.bpf.c compiled, ROWS the syscall table as text, KIB the size
 * of the ring, which is emptied every NAP_MS.  OUT ends with an event that has
 * the command's exit status and the number of lost events; without it the file
 * is of no use.
 */
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN_FAULT 125

static int
write_event(void *out, void *data, size_t size)
{
	return fwrite(data, size, 1, out) == 1 ? 0 : -1;
}

static int
map_fd(struct bpf_object *object, const char *name)
{
	int fd = bpf_object__find_map_fd_by_name(object, name);

	if (fd < 0)
		errx(OWN_FAULT, "the BPF object has no map %s", name);
	return fd;
}

static void
load_rows(struct bpf_object *object, const char *path)
{
	int map = map_fd(object, "rows");
	unsigned abi, nr, shape, name, name2;
	FILE *f = fopen(path, "r");

	if (!f)
		err(OWN_FAULT, "%s", path);
	while (fscanf(f, "%u %u %u %u %u", &abi, &nr, &shape, &name, &name2) == 5) {
		struct row row = { 1, (unsigned char)shape, (unsigned char)name,
				   (unsigned char)name2 };
		unsigned key = abi * NUMBERS + nr;

		if (nr >= NUMBERS || bpf_map_update_elem(map, &key, &row, BPF_ANY))
			errx(OWN_FAULT, "%s: row %u %u is not accepted", path, abi, nr);
	}
	fclose(f);
}

static struct bpf_object *
load(const char *path, const char *rows, unsigned kib)
{
	struct bpf_object *object = bpf_object__open(path);
	struct bpf_program *program;

	if (!object)
		err(OWN_FAULT, "%s", path);
	bpf_map__set_max_entries(bpf_object__find_map_by_name(object, "ring"), kib << 10);
	if (bpf_object__load(object))
		err(OWN_FAULT, "cannot load the BPF program");
	load_rows(object, rows);
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program))
			err(OWN_FAULT, "cannot attach %s", bpf_program__name(program));
	}
	return object;
}

/* The command, waiting for a byte before it begins. */
static pid_t
start(char **argv, int *go)
{
	int fds[2];
	pid_t pid;
	char byte;

	if (pipe(fds))
		err(OWN_FAULT, "pipe");
	pid = fork();
	if (pid < 0)
		err(OWN_FAULT, "fork");
	if (pid == 0) {
		close(fds[1]);
		if (read(fds[0], &byte, 1) != 1)
			_exit(OWN_FAULT);
		close(fds[0]);
		execv(argv[0], argv);
		err(OWN_FAULT, "%s", argv[0]);
	}
	close(fds[0]);
	*go = fds[1];
	return pid;
}

static int
follow(struct ring_buffer *ring, pid_t pid, unsigned nap_ms)
{
	int status;

	for (;;) {
		pid_t done = waitpid(pid, &status, WNOHANG);

		if (ring_buffer__consume(ring) < 0)
			errx(OWN_FAULT, "cannot write what the kernel tells");
		if (done == pid)
			break;
		usleep(nap_ms * 1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	struct event end = { .type = EVENT_END };
	struct bpf_object *object;
	struct ring_buffer *ring;
	unsigned long long value;
	unsigned key = 0;
	FILE *out;
	pid_t pid;
	int go;

	if (argc < 7)
		errx(OWN_FAULT,
		     "usage: kernel OBJECT ROWS OUT KIB NAP_MS COMMAND [ARGUMENT ...]");
	out = fopen(argv[3], "w");
	if (!out)
		err(OWN_FAULT, "%s", argv[3]);
	pid = start(argv + 6, &go);
	/* they are the command's: this record ends when it has ended */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	setpriority(PRIO_PROCESS, 0, -10);
	object = load(argv[1], argv[2], (unsigned)atoi(argv[4]));
	value = (unsigned long long)pid;
	bpf_map_update_elem(map_fd(object, "state"), &key, &value, BPF_ANY);
	ring = ring_buffer__new(map_fd(object, "ring"), write_event, out, NULL);
	if (!ring)
		err(OWN_FAULT, "ring");
	if (write(go, "", 1) != 1)
		err(OWN_FAULT, "pipe");
	close(go);
	end.pid = (unsigned)pid;
	end.nr = follow(ring, pid, (unsigned)atoi(argv[5]));
	key = 1;
	if (bpf_map_lookup_elem(map_fd(object, "state"), &key, &value))
		err(OWN_FAULT, "cannot read how much was lost");
	end.ret = (long long)value;
	if (write_event(out, &end, sizeof(end)) || fclose(out))
		err(OWN_FAULT, "%s", argv[3]);
	return end.nr;
}
