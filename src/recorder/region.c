/* SPDX-License-Identifier: MIT */
#include "recorder/region.h"

#include "base/compiler.h"
#include "model/ring.h"
#include "model/syscalls.h"
#include <errno.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/random.h>
#include <sys/shm.h>

/* "whatfile(s)" as well as a hexadecimal number can say it: /proc/PID/maps shows the key */
#define KEY 0x0057f11e
#define KEYS 64

/* The section that entry.S and recorder.c are in; the linker makes these two. */
extern const char __start_wf_recorder[], __stop_wf_recorder[];
extern const char recorder_entry[], recorder_framed[], recorder_trusted[],
	recorder_returned[], recorder_finish[], recorder_decline[], recorder_leave[],
	recorder_own[], recorder_own_end[], recorder_before[], recorder_after[],
	recorder_put[];

static uint64_t
address(const char *symbol)
{
	return LAYOUT_RECORDER + (uint64_t)(symbol - __start_wf_recorder);
}

/* Where the function at @symbol ends: at the next one, or with the section. */
static uint64_t
end_of(const char *symbol)
{
	const char *const starts[] = { recorder_entry, recorder_own, recorder_before,
				       recorder_after, recorder_put };
	const char *end = __stop_wf_recorder;

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (starts[i] > symbol && starts[i] < end)
			end = starts[i];
	return address(end);
}

void
region_map(struct recorder_map *ret)
{
	*ret = (struct recorder_map){
		.start = LAYOUT_RECORDER,
		.end = address(__stop_wf_recorder),
		.entry = address(recorder_entry),
		.framed = address(recorder_framed),
		.trusted = address(recorder_trusted),
		.returned = address(recorder_returned),
		.finish = address(recorder_finish),
		.decline = address(recorder_decline),
		.leave = address(recorder_leave),
		.before = address(recorder_before),
		.before_end = end_of(recorder_before),
		.after = address(recorder_after),
		.after_end = end_of(recorder_after),
		.put = address(recorder_put),
		.put_end = end_of(recorder_put),
		.own = address(recorder_own),
		.own_returned = address(recorder_own_end),
	};
}

void
region_trusted(uint64_t ret[REGION_TRUSTED])
{
	struct recorder_map map;

	region_map(&map);
	ret[0] = map.returned;
	ret[1] = map.own_returned;
}

bool
region_has(uint64_t ip)
{
	return ip >= LAYOUT_CODE && ip < LAYOUT_CODE + LAYOUT_CODE_SIZE;
}

/* A fresh segment, attached, and gone with its last user. */
static void *
segment(size_t size, int mode, int *ret_id)
{
	int id = -1, error;
	void *p;

	for (int i = 0; i < KEYS && id < 0; i++)
		id = shmget(KEY << 8 | i, size, IPC_CREAT | IPC_EXCL | mode);
	if (id < 0)
		id = shmget(IPC_PRIVATE, size, IPC_CREAT | mode);
	if (id < 0)
		return NULL;
	p = shmat(id, NULL, 0);
	error = errno;
	shmctl(id, IPC_RMID, NULL);
	errno = error;
	*ret_id = id;
	return p == (void *)-1 ? NULL : p;
}

/* Calls of a shape that the recorder understands, and that change nobody's place. */
static enum call_kind
kind_of(const struct syscall_row *row)
{
	bool is_open = row->shape == SHAPE_OPEN || row->shape == SHAPE_CREAT;

	if (row->shape == SHAPE_EXEC)
		return CALL_KIND_EXEC;
	if (!is_open && row->shape != SHAPE_PLAIN && row->shape != SHAPE_ATTR &&
	    row->shape != SHAPE_UNLINKAT)
		return CALL_KIND_PLAIN;
	/* a directory that gets another name moves whoever is in it */
	if (row->op == OP_RENAME || row->op == OP_NOTICE || row->op == OP_MOUNT ||
	    row->op == OP_UMOUNT || row->op == OP_NAMESPACE || row->op == OP_CHROOT ||
	    row->op == OP_CHDIR)
		return CALL_KIND_PLAIN;
	return row->makes_fd && !row->path ? CALL_KIND_PLAIN : CALL_KIND_RECORD;
}

static struct call_row
call_row(const struct syscall_row *row)
{
	return (struct call_row){
		.row = (uint16_t)syscall_index(row),
		.kind = (uint8_t)kind_of(row),
		.dir = row->dir,
		.path = row->path,
		.dir2 = row->dir2,
		.path2 = row->path2,
		.fd = row->fd,
		.open_flags = row->shape == SHAPE_OPEN ? row->flags : 0,
		.target = row->target,
		.attr = row->shape == SHAPE_ATTR,
		.creat = row->shape == SHAPE_CREAT,
	};
}

/* The tests that the filter makes of an open's flags; all opens share them. */
static void
add_tests(struct control *c, const struct syscall_row *row, unsigned classes)
{
	struct syscall_test tests[SYSCALL_TESTS_MAX];

	c->test_count = syscall_tests(row, classes, tests);
	for (unsigned i = 0; i < c->test_count; i++)
		c->tests[i] = (struct call_test){ tests[i].mask, tests[i].value };
}

static void
fill_control(struct region *r, unsigned classes)
{
	struct control *c = r->control;

	c->unit_bits = ring_view(r->ring)->unit_bits;
	if (getrandom(&c->secret, sizeof(c->secret), 0) != sizeof(c->secret))
		c->secret = (uint64_t)(uintptr_t)r->ring ^ (uint64_t)r->shared_id << 32;
	ring_seals(r->ring, c->secret);
	for (size_t i = 0; i < syscall_row_count; i++) {
		const struct syscall_row *row = &syscall_rows[i];
		int nr = row->nr[ABI_X86_64];

		if (nr < 0 || nr >= (int)LAYOUT_CALLS || !syscall_chosen(row, classes))
			continue;
		c->rows[nr] = call_row(row);
		if (row->shape == SHAPE_OPEN && row->path)
			add_tests(c, row, classes);
	}
}

int
region_open(struct region *r, size_t ring_bytes, unsigned classes)
{
	size_t shared_size = sizeof(struct shared) + ring_size(ring_bytes);

	if (LAYOUT_SHARED + shared_size > LAYOUT_END)
		return -E2BIG;
	*r = (struct region){ .shared_size = shared_size };
	r->code = segment(LAYOUT_CODE_SIZE, 0700, &r->code_id);
	r->control = (struct control *)r->code;
	r->shared = r->code ? segment(shared_size, 0600, &r->shared_id) : NULL;
	if (!r->shared) {
		int error = errno;

		region_close(r);
		return -error;
	}
	r->ring = ring_at(r->shared + 1, ring_bytes);
	ring_closes(r->ring, &r->control->closed);
	memcpy(r->code + (LAYOUT_RECORDER - LAYOUT_CODE), __start_wf_recorder,
	       (size_t)(__stop_wf_recorder - __start_wf_recorder));
	fill_control(r, classes);
	region_map(&r->map);
	return 0;
}

void
region_close(struct region *r)
{
	ring_free(r->ring);
	if (r->code)
		shmdt(r->code);
	if (r->shared)
		shmdt(r->shared);
	*r = (struct region){ 0 };
}

void
region_admit(const struct region *r, uid_t uid)
{
	const int ids[] = { r->code_id, r->shared_id };
	struct shmid_ds ds;

	/* whoever made a segment keeps his rights beside its owner (ipc/util.c, ipcperms) */
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		if (shmctl(ids[i], IPC_STAT, &ds) < 0)
			continue;
		ds.shm_perm.uid = uid;
		shmctl(ids[i], IPC_SET, &ds);
	}
}
