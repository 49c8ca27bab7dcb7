/* SPDX-License-Identifier: MIT */
#include "sink/logevents.h"

#include "base/compiler.h"
#include "base/intern.h"
#include "model/path.h"
#include "sink/flags.h"
#include "sink/logfields.h"
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>

/* Words that stand for a row of the syscall table or an operation. */
struct word {
	const char *text;
	size_t len;
	enum op op;
	const struct syscall_row *row; /* NULL: it is an operation's word */
};

struct logprocess {
	struct process process;
	const struct interned *cwd, *root; /* as its events told last */
	bool attached;			   /* what it inherits was open when we came */
};

static uint32_t
word_hash(const char *text, size_t len)
{
	uint64_t h = len;

	for (size_t i = 0; i < len; i++)
		h = h * 31 + (unsigned char)text[i];
	return table_mix(h);
}

static struct word *
add_word(struct logevents *e, const char *text, size_t len)
{
	struct word *w = arena_take(&e->arena, sizeof(*w));

	w->text = text;
	w->len = len;
	table_add(&e->words, word_hash(text, len), w);
	return w;
}

void
logevents_init(struct logevents *e)
{
	memset(e, 0, sizeof(*e));
	e->names = intern_new();
	for (enum op op = 0; op < OP_COUNT; op++)
		add_word(e, op_word(op), strlen(op_word(op)))->op = op;
	for (size_t i = 0; i < syscall_row_count; i++) {
		const struct syscall_row *row = &syscall_rows[i];

		add_word(e, row->name, strlen(row->name))->row = row;
	}
}

void
logevents_done(struct logevents *e)
{
	table_done(&e->words);
	table_done(&e->processes);
	intern_free(e->names);
	arena_done(&e->arena);
}

static bool
find_op(const struct logevents *e, struct span text, enum op *ret)
{
	uint32_t hash = word_hash(text.bytes, text.len);
	const struct word *w;
	size_t at = hash;

	while ((w = table_next(&e->words, hash, &at)))
		if (!w->row && w->len == text.len && !memcmp(w->text, text.bytes, w->len))
			break;
	if (w)
		*ret = w->op;
	return w;
}

/*
 * The row of the call @text.  One that is not known here has a row made up: it was
 * written by a newer whatfiles.
 */
static const struct syscall_row *
find_row(struct logevents *e, struct span text, enum abi abi, enum op op)
{
	uint32_t hash = word_hash(text.bytes, text.len);
	const struct syscall_row *first = NULL;
	struct syscall_row *made;
	const struct interned *name;
	const struct word *w;
	size_t at = hash;

	while ((w = table_next(&e->words, hash, &at))) {
		if (!w->row || w->len != text.len || memcmp(w->text, text.bytes, w->len))
			continue;
		first = w->row;
		if (w->row->nr[abi] >= 0)
			return w->row;
	}
	if (first)
		return first;
	name = intern_get(e->names, text.bytes, text.len);
	made = arena_take(&e->arena, sizeof(*made));
	made->name = name->bytes;
	made->op = (uint8_t)op;
	made->target = op == OP_SYMLINK;
	add_word(e, name->bytes, name->len)->row = made;
	return made;
}

static const struct interned *
get_name(struct logevents *e, struct logfields *f, enum log_key key)
{
	struct span s = logfields_name(f, key);

	return s.bytes ? intern_get(e->names, s.bytes, s.len) : NULL;
}

static struct span
span_of(const struct interned *name)
{
	return name ? (struct span){ name->bytes, name->len } : (struct span){ NULL, 0 };
}

static struct logprocess *
find_process(struct logevents *e, uint64_t serial)
{
	uint32_t hash = table_mix(serial);
	struct logprocess *p = e->recent;
	size_t at = hash;

	if (p && p->process.serial == serial)
		return p;
	while ((p = table_next(&e->processes, hash, &at)))
		if (p->process.serial == serial)
			break;
	return p;
}

/* The process of a line; one that was not heard of before begins with it. */
static struct logprocess *
get_process(struct logevents *e, const struct logfields *f)
{
	int64_t serial = logfields_int(f, KEY_PROC, 0);
	struct logprocess *p;

	if (serial <= 0)
		return NULL;
	p = find_process(e, (uint64_t)serial);
	if (!p) {
		p = arena_take(&e->arena, sizeof(*p));
		p->process.serial = (uint64_t)serial;
		p->process.pid = (pid_t)logfields_int(f, KEY_PID, 0);
		table_add(&e->processes, table_mix((uint64_t)serial), p);
	}
	e->recent = p;
	return p;
}

/* Whom a process comes from, and what it has from there until it executes. */
static void
set_birth(struct logevents *e, const struct logfields *f, struct logprocess *p)
{
	int64_t serial = logfields_int(f, KEY_PARENT, 0);
	const struct logprocess *parent =
		serial > 0 ? find_process(e, (uint64_t)serial) : NULL;

	p->process.ppid = (pid_t)logfields_int(f, KEY_PPID, 0);
	p->process.ns_pid = (pid_t)logfields_int(f, KEY_NS_PID, 0);
	if (!parent || parent == p)
		return;
	p->process.parent = parent->process.serial;
	p->process.name = parent->process.name;
	p->process.exe = parent->process.exe;
}

bool
logevents_status(const struct logfields *f, int *ret)
{
	int64_t status = logfields_int(f, KEY_STATUS, -1);
	struct span signal = logfields_string(f, KEY_SIGNAL);

	if (status >= 0 && status < 256) {
		*ret = W_EXITCODE((int)status, 0);
		return true;
	}
	if (!signal.bytes)
		return false;
	*ret = flags_signal_parse(signal.bytes, signal.len) & 127;
	if (logfields_true(f, KEY_CORE))
		*ret |= WCOREFLAG;
	return *ret != 0;
}

static void
set_exec(struct logevents *e, struct logfields *f, struct logprocess *p,
	 struct process_event *ret)
{
	const char *base;

	p->process.exe = get_name(e, f, KEY_EXE);
	/* its next access tells what it is called, which for a script is another name */
	base = p->process.exe ? path_base(p->process.exe->bytes) : "";
	p->process.name = *base ? intern_get(e->names, base, strlen(base)) : NULL;
	ret->argv = logfields_strings(f, KEY_ARGV);
	ret->argv_cut = logfields_true(f, KEY_ARGV_CUT);
}

static void
set_inherited(struct logfields *f, struct process_event *ret)
{
	struct span kind = logfields_string(f, KEY_KIND);
	struct span flags = logfields_string(f, KEY_FLAGS);

	ret->fd = (int)logfields_int(f, KEY_FD, -1);
	ret->file = logfields_name(f, KEY_PATH);
	ret->mode = flags_file_kind_parse(kind.bytes ? kind.bytes : "", kind.len);
	ret->flags = flags_open_parse(flags.bytes ? flags.bytes : "", flags.len);
}

bool
logevents_process(struct logevents *e, struct logfields *f, enum process_event_kind kind,
		  struct process_event *ret)
{
	struct logprocess *p = get_process(e, f);

	memset(ret, 0, sizeof(*ret));
	if (!p || !jsonread_seconds(&f->values[KEY_T], &ret->time))
		return false;
	ret->kind = kind;
	ret->process = &p->process;
	if (kind == PROCESS_START || kind == PROCESS_FORK || kind == PROCESS_ATTACH)
		set_birth(e, f, p);
	if (kind == PROCESS_EXEC || kind == PROCESS_ATTACH)
		set_exec(e, f, p, ret);
	if (kind == PROCESS_INHERITED)
		set_inherited(f, ret);
	if (kind == PROCESS_ATTACH)
		p->attached = true;
	ret->attached = p->attached;
	if (kind == PROCESS_EXIT)
		ret->status_known = logevents_status(f, &ret->status);
	ret->cwd = span_of(get_name(e, f, KEY_CWD));
	ret->root = span_of(get_name(e, f, KEY_ROOT));
	ret->mnt_ns = (uint64_t)logfields_int(f, KEY_MNT_NS, 0);
	ret->threads_share = logfields_true(f, KEY_VM_SHARED);
	return true;
}

/* "file" or "replaced" of an access. */
static void
get_file(struct logevents *e, const struct jsonread_value *object, struct file_id *ret)
{
	struct logfields f = { 0 };
	char text[32];
	struct span dev;

	if (!logfields_read(&f, object->bytes, object->len))
		return;
	dev = logfields_string(&f, KEY_DEV);
	snprintf(text, sizeof(text), "%.*s", (int)MIN(dev.len, sizeof(text)),
		 dev.bytes ? dev.bytes : "");
	ret->known = sscanf(text, "%u:%u", &ret->dev_major, &ret->dev_minor) == 2;
	ret->ino = (uint64_t)logfields_int(&f, KEY_INO, 0);
	ret->path = get_name(e, &f, KEY_PATH);
	ret->deleted = logfields_true(&f, KEY_DELETED);
}

static enum abi
get_abi(const struct logfields *f)
{
	struct span s = logfields_string(f, KEY_ABI);

	for (enum abi abi = 0; s.bytes && abi < ABI_COUNT; abi++)
		if (strlen(abi_word(abi)) == s.len &&
		    !memcmp(abi_word(abi), s.bytes, s.len))
			return abi;
	return ABI_X86_64;
}

/* What the line says about the call's end. */
static void
set_result(const struct logfields *f, struct access *ret)
{
	struct span text = logfields_string(f, KEY_ERROR);
	int64_t error;

	ret->by_kernel = logfields_true(f, KEY_BY_KERNEL);
	ret->unfinished = logfields_true(f, KEY_UNFINISHED);
	ret->left = logfields_true(f, KEY_LEFT);
	ret->result = logfields_int(f, KEY_RESULT, 0);
	if (!text.bytes)
		return;
	error = logfields_int(f, KEY_ERRNO, flags_error_parse(text.bytes, text.len));
	/* it failed, whatever it is that nobody knows */
	ret->error = error > 0 && error <= 4095 ? (int)error : EIO;
}

static void
set_doubts(struct logevents *e, struct logfields *f, struct access *ret)
{
	struct span error = logfields_string(f, KEY_PATH_ERROR);

	ret->path_unknown = logfields_true(f, KEY_PATH_UNKNOWN);
	if (error.bytes)
		ret->path_error = flags_error_parse(error.bytes, error.len);
	ret->truncated = logfields_true(f, KEY_TRUNCATED);
	ret->deleted = logfields_true(f, KEY_DELETED);
	ret->raced = logfields_true(f, KEY_RACED);
	ret->opened = get_name(e, f, KEY_OPENED);
	ret->path_after = get_name(e, f, KEY_PATH_AFTER);
	ret->to_after = get_name(e, f, KEY_TO_AFTER);
}

static void
set_names(struct logevents *e, struct logfields *f, struct access *ret)
{
	ret->to = get_name(e, f, KEY_TO);
	ret->name = logfields_name(f, KEY_NAME);
	ret->to_name = logfields_name(f, KEY_TO_NAME);
	/* without --all a name as it was passed is only kept where it is such a one */
	ret->own = ret->name.bytes && !e->all;
	ret->root = get_name(e, f, KEY_ROOT);
	ret->mnt_ns = (uint64_t)logfields_int(f, KEY_MNT_NS, 0);
	if (f->values[KEY_FILE].kind == JSONREAD_OBJECT)
		get_file(e, &f->values[KEY_FILE], &ret->file);
	if (f->values[KEY_REPLACED].kind == JSONREAD_OBJECT)
		get_file(e, &f->values[KEY_REPLACED], &ret->replaced);
}

bool
logevents_access(struct logevents *e, struct logfields *f, struct access *ret)
{
	struct span op = logfields_string(f, KEY_OP),
		    call = logfields_string(f, KEY_CALL);
	struct span flags = logfields_string(f, KEY_FLAGS);
	struct span engine = logfields_string(f, KEY_ENGINE);
	struct logprocess *p = get_process(e, f);

	memset(ret, 0, sizeof(*ret));
	if (!p || !jsonread_seconds(&f->values[KEY_T], &ret->time) || !op.bytes ||
	    !call.bytes || !find_op(e, op, &ret->op))
		return false;
	ret->path = get_name(e, f, KEY_PATH);
	if (!ret->path)
		return false;
	p->process.name = get_name(e, f, KEY_PROCESS);
	ret->process = &p->process;
	ret->tid = (pid_t)logfields_int(f, KEY_TID, p->process.pid);
	ret->abi = get_abi(f);
	ret->engine = engine.len == strlen("fast") ? ENGINE_FAST : ENGINE_STRICT;
	ret->row = find_row(e, call, ret->abi, ret->op);
	ret->has_flags = flags.bytes;
	if (flags.bytes)
		ret->flags = flags_open_parse(flags.bytes, flags.len);
	ret->first = true;
	set_result(f, ret);
	set_doubts(e, f, ret);
	set_names(e, f, ret);
	return true;
}
