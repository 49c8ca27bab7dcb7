/* SPDX-License-Identifier: MIT */
#include "recorder/codefiles.h"

#include "base/compiler.h"
#include "base/mem.h"
#include "recorder/region.h"
#include "recorder/stub.h"
#include "trace/maps.h"
#include "trace/remote.h"
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* No program's code is larger; what is mapped for execution may be. */
#define TEXT_MAX ((uint64_t)512 << 20)

static bool
is_same(const struct code_file *f, const struct mapping *m)
{
	return !f->stale && f->inode == m->inode && f->major == m->major &&
	       f->minor == m->minor && f->offset == m->offset &&
	       f->length == m->end - m->start;
}

/* The whole mapping's bytes, to be freed; NULL when they cannot be had. */
static uint8_t *
read_text(pid_t tid, const struct mapping *m)
{
	uint64_t len = m->end - m->start, have = 0;
	uint8_t *text;

	if (len > TEXT_MAX)
		return NULL;
	text = mem_zero(1, len);
	while (have < len) {
		ssize_t n = remote_read(tid, m->start + have, text + have, len - have);

		if (n <= 0) {
			free(text);
			return NULL;
		}
		have += (uint64_t)n;
	}
	return text;
}

/* Numbers that the recorder makes; exec among them. */
static bool
is_wanted(int nr, void *data)
{
	const struct region *r = data;

	return nr >= 0 && nr < (int)LAYOUT_CALLS &&
	       r->control->rows[nr].kind != CALL_KIND_PLAIN;
}

/* Gives the site a slot and a stub; false when there is none left, or it is no good. */
static bool
add_site(struct code_file *f, struct region *r, const struct site *s, bool used)
{
	unsigned at = r->sites;
	uint64_t slot = LAYOUT_SLOTS + 8 * at,
		 stub = LAYOUT_STUBS + LAYOUT_STUB_SIZE * at;
	const struct stub_env env = {
		.stub_addr = (uint32_t)stub,
		.entry_addr = (uint32_t)r->map.entry,
		.base_addr = (uint32_t)(LAYOUT_SPACE + offsetof(struct space_page, base) +
					8 * f->number),
	};
	uint8_t code[STUB_MAX], syscall_at;
	size_t len, i;

	if (at == LAYOUT_SITES)
		return false;
	len = stub_emit(s, &env, s->offset, code, &syscall_at);
	if (!len || len > LAYOUT_STUB_SIZE)
		return false;
	memcpy(r->code + (stub - LAYOUT_CODE), code, len);
	memcpy(r->code + (slot - LAYOUT_CODE), &stub, sizeof(stub));
	r->sites++;
	f->sites = mem_resize(f->sites, f->count + 1, sizeof(*f->sites));
	for (i = f->count; i && f->sites[i - 1].site.offset > s->offset; i--)
		f->sites[i] = f->sites[i - 1];
	f->sites[i] = (struct code_site){
		.site = *s,
		.slot = (uint32_t)slot,
		.plain = (uint32_t)stub + syscall_at + 2,
		.used = used,
	};
	f->count++;
	return true;
}

/*
 * Calls that nearly every program makes: their sites are patched before they are met,
 * when a process has one thread yet.  Others are left out, as each site takes time
 * in every process and most are never used.
 */
static bool
is_common(int nr)
{
	static const int common[] = {
		SYS_open,   SYS_openat,	    SYS_creat,	    SYS_stat,	  SYS_lstat,
		SYS_statx,  SYS_access,	    SYS_faccessat,  SYS_readlink, SYS_readlinkat,
		SYS_unlink, SYS_unlinkat,   SYS_mkdir,	    SYS_rmdir,	  SYS_getdents64,
		SYS_execve, SYS_newfstatat, SYS_faccessat2, SYS_chmod,
	};

	for (size_t i = 0; i < ARRAY_SIZE(common); i++)
		if (common[i] == nr)
			return true;
	return false;
}

static void
scan(struct code_file *f, struct region *r, const uint8_t *text)
{
	_cleanup_free_ struct site *sites = NULL;
	size_t n = sites_scan(text, f->length, is_wanted, r, &sites);

	for (size_t i = 0; i < n; i++)
		/* what serves many numbers is patched where a file call was seen */
		if (sites[i].nr >= 0)
			add_site(f, r, &sites[i], is_common(sites[i].nr));
}

static struct code_file *
add(struct code_files *fs, struct region *r, pid_t tid, const struct mapping *m)
{
	_cleanup_free_ uint8_t *text = NULL;
	struct code_file *f;

	if (r->files == LAYOUT_FILES || r->sites == LAYOUT_SITES)
		return NULL;
	text = read_text(tid, m);
	if (!text)
		return NULL;
	f = mem_zero(1, sizeof(*f));
	*f = (struct code_file){
		.number = r->files++,
		.inode = m->inode,
		.offset = m->offset,
		.length = m->end - m->start,
		.major = m->major,
		.minor = m->minor,
	};
	fs->list = mem_resize(fs->list, fs->count + 1, sizeof(struct code_file *));
	fs->list[fs->count++] = f;
	scan(f, r, text);
	return f;
}

struct code_file *
code_files_get(struct code_files *fs, struct region *r, pid_t tid,
	       const struct mapping *m)
{
	for (size_t i = 0; i < fs->count; i++)
		if (is_same(fs->list[i], m))
			return fs->list[i];
	return add(fs, r, tid, m);
}

struct code_site *
code_file_find(struct code_file *f, uint64_t offset)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->sites[i].site.offset + f->sites[i].site.syscall_at == offset)
			return &f->sites[i];
	return NULL;
}

bool
code_file_refused(const struct code_file *f, uint64_t offset)
{
	for (size_t i = 0; i < f->refused_count; i++)
		if (f->refused[i] == offset)
			return true;
	return false;
}

static bool
overlaps(const struct code_file *f, const struct site *s)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct site *o = &f->sites[i].site;

		if (s->offset < o->offset + o->len && o->offset < s->offset + s->len)
			return true;
	}
	return false;
}

/* Takes the jumps of this process out of a copy of its code. */
static void
put_originals(const struct code_file *f, uint8_t *text)
{
	for (size_t i = 0; i < f->count; i++)
		memcpy(text + f->sites[i].site.offset, f->sites[i].site.bytes,
		       f->sites[i].site.len);
}

bool
code_file_learn(struct code_file *f, struct region *r, pid_t tid, const struct mapping *m,
		uint64_t offset)
{
	_cleanup_free_ uint8_t *text = read_text(tid, m);
	struct site s;

	if (text) {
		put_originals(f, text);
		if (site_plan(text, f->length, offset, &s) && !overlaps(f, &s) &&
		    add_site(f, r, &s, true))
			return true;
	}
	f->refused = mem_resize(f->refused, f->refused_count + 1, sizeof(*f->refused));
	f->refused[f->refused_count++] = offset;
	return false;
}

void
code_files_done(struct code_files *fs)
{
	for (size_t i = 0; i < fs->count; i++) {
		free(fs->list[i]->sites);
		free(fs->list[i]->refused);
		free(fs->list[i]);
	}
	free(fs->list);
	*fs = (struct code_files){ 0 };
}
