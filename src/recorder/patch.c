/* SPDX-License-Identifier: MIT */
#include "recorder/patch.h"

#include "base/compiler.h"
#include "recorder/codefiles.h"
#include "recorder/layout.h"
#include "recorder/spaces.h"
#include "recorder/stub.h"
#include "trace/proc.h"
#include "trace/remote.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

/* Sites that are looked at together. */
#define BATCH 64

#define SYSCALL_LEN 2

int
patch_poke(pid_t tid, uint64_t addr, const void *bytes, size_t len)
{
	struct iovec local = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct iovec remote = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };
	ssize_t n = process_vm_writev(tid, &local, 1, &remote, 1, 0);

	if (n < 0 && (errno == EPERM || errno == ENOSYS))
		return patch_force(tid, addr, bytes, len);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

static int
mem_open(pid_t tid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "%d/mem", (int)tid);
	fd = openat(proc_dir(), path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
mem_write(int mem, uint64_t addr, const void *bytes, size_t len)
{
	ssize_t n = pwrite(mem, bytes, len, (off_t)addr);

	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

int
patch_force(pid_t tid, uint64_t addr, const void *bytes, size_t len)
{
	_cleanup_fd_ int mem = mem_open(tid);

	return mem < 0 ? mem : mem_write(mem, addr, bytes, len);
}

/* What stands at @count sites now, each in 16 bytes of @ret. */
static bool
read_windows(pid_t tid, struct code_site *const sites[], size_t count, uint64_t base,
	     uint8_t ret[][16])
{
	struct iovec local[BATCH], remote[BATCH];
	size_t want = 0;

	for (size_t i = 0; i < count; i++) {
		const struct site *s = &sites[i]->site;

		local[i] = (struct iovec){ ret[i], s->len };
		remote[i] =
			(struct iovec){ (void *)(uintptr_t)(base + s->offset), s->len };
		want += s->len;
	}
	if (process_vm_readv(tid, local, count, remote, count, 0) == (ssize_t)want)
		return true;
	for (size_t i = 0; i < count; i++)
		if (remote_read(tid, base + sites[i]->site.offset, ret[i],
				sites[i]->site.len) != sites[i]->site.len)
			return false;
	return true;
}

/* Sends a thread that would go on in the middle of a window to the stub. */
static bool
move_out(const struct patch_others *others, struct patch_other *o,
	 const struct code_site *site, uint64_t at)
{
	uint64_t behind = at + site->site.syscall_at + SYSCALL_LEN, to;

	if (o->ip == behind)
		to = site->plain;
	else if (o->ip == behind - SYSCALL_LEN)
		to = site->plain - SYSCALL_LEN;
	else
		return false;
	if (ptrace(PTRACE_POKEUSER, o->tid, offsetof(struct user, regs.rip), to) < 0)
		return false;
	others->moved(o->data, o->ip, to);
	o->ip = to;
	return true;
}

/* Whether nobody will go on in the middle of the window of @site at @at. */
static bool
is_vacated(const struct patch_others *others, const struct code_site *site, uint64_t at)
{
	for (size_t i = 0; others && i < others->return_count; i++)
		if (others->returns[i] > at && others->returns[i] < at + site->site.len)
			return false;
	for (size_t i = 0; others && i < others->count; i++) {
		struct patch_other *o = &others->list[i];

		if (o->ip > at && o->ip < at + site->site.len &&
		    !move_out(others, o, site, at))
			return false;
	}
	return true;
}

static int
patch_batch(int mem, pid_t tid, struct code_site *const sites[], size_t count,
	    uint64_t base, const struct patch_others *others)
{
	uint8_t now[BATCH][16], jump[16];
	int result = PATCH_DONE;

	if (!read_windows(tid, sites, count, base, now))
		return -EFAULT;
	for (size_t i = 0; i < count; i++) {
		const struct site *s = &sites[i]->site;
		int r;

		stub_jump(s, sites[i]->slot, jump);
		if (memcmp(now[i], jump, s->len) == 0)
			continue;
		if (memcmp(now[i], s->bytes, s->len) != 0) {
			result = PATCH_STALE;
			continue;
		}
		if (!is_vacated(others, sites[i], base + s->offset))
			continue;
		r = mem_write(mem, base + s->offset, jump, s->len);
		if (r < 0)
			return r;
	}
	return result;
}

int
patch_file(pid_t tid, struct code_file *f, uint64_t base,
	   const struct patch_others *others)
{
	_cleanup_fd_ int mem = mem_open(tid);
	struct code_site *batch[BATCH];
	int result = PATCH_DONE;
	size_t n = 0;

	if (mem < 0)
		return mem;
	for (size_t i = 0; i < f->count; i++) {
		if (f->sites[i].used)
			batch[n++] = &f->sites[i];
		if (n && (n == BATCH || i + 1 == f->count)) {
			int r = patch_batch(mem, tid, batch, n, base, others);

			if (r < 0)
				return r;
			result |= r;
			n = 0;
		}
	}
	return result;
}

int
patch_tell_base(pid_t tid, const struct code_file *f, uint64_t base)
{
	uint64_t at = LAYOUT_SPACE + offsetof(struct space_page, base) + 8 * f->number;

	return patch_poke(tid, at, &base, sizeof(base));
}

/* Takes the jumps of one file out of the process again. */
static bool
restore_file(pid_t tid, int mem, const struct code_file *f, uint64_t base)
{
	uint8_t now[16], jump[16];
	bool all = true;

	for (size_t i = 0; i < f->count; i++) {
		const struct site *s = &f->sites[i].site;
		uint64_t at = base + s->offset;

		if (remote_read(tid, at, now, s->len) != s->len)
			continue;
		stub_jump(s, f->sites[i].slot, jump);
		if (memcmp(now, jump, s->len) == 0)
			all &= mem_write(mem, at, s->bytes, s->len) == 0;
	}
	return all;
}

bool
patch_evict(pid_t tid, const struct code_files *fs, const struct space *s)
{
	_cleanup_fd_ int mem = mem_open(tid);
	bool all = mem >= 0;

	for (unsigned i = 0; all && i < s->file_count; i++)
		for (size_t k = 0; k < fs->count; k++)
			if (fs->list[k]->number == s->files[i].file)
				all &= restore_file(tid, mem, fs->list[k],
						    s->files[i].base);
	return all;
}
