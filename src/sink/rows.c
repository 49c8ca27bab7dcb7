/* SPDX-License-Identifier: MIT */
#include "sink/rows.h"

#include "base/compiler.h"
#include "base/escape.h"
#include "base/intern.h"
#include "base/json.h"
#include "sink/flags.h"
#include "sink/schema.h"

#include <assert.h>
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>

#define WAIT_MS 30000

static const char *const statements[ROW_COUNT] = {
#define ROW(id, sql) [ROW_##id] = sql,
#include "sink/rows.def"
#undef ROW
};

static int
error_of(const struct rows *r, int code)
{
	int error = r->db ? sqlite3_system_errno(r->db) : 0;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	default:
		return error ? -error : -EIO;
	}
}

int
rows_execute(struct rows *r, const char *sql)
{
	return error_of(r, sqlite3_exec(r->db, sql, NULL, NULL, NULL));
}

/* Before there is anything: how the file is written. */
static int
set_up(struct rows *r)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
		 "PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;"
		 "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 SCHEMA_APPLICATION, SCHEMA_VERSION);
	return rows_execute(r, sql);
}

int
rows_open(struct rows *r, const char *path)
{
	int code = sqlite3_open_v2(path, &r->db,
				   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	int e = error_of(r, code);

	if (!e)
		e = set_up(r);
	if (!e)
		e = rows_execute(r, "BEGIN");
	if (!e)
		e = rows_execute(r, schema_tables);
	for (size_t i = 0; !e && i < ROW_COUNT; i++)
		e = error_of(r, sqlite3_prepare_v3(r->db, statements[i], -1,
						   SQLITE_PREPARE_PERSISTENT,
						   &r->statements[i], NULL));
	r->open = !e;
	if (e)
		rows_close(r);
	return e;
}

void
rows_close(struct rows *r)
{
	for (size_t i = 0; i < ROW_COUNT; i++)
		sqlite3_finalize(r->statements[i]);
	sqlite3_close(r->db);
	buf_done(&r->words);
	buf_done(&r->error);
	buf_done(&r->flags);
	*r = (struct rows){ 0 };
}

void
rows_start(struct rows *r, enum row row)
{
	r->now = r->statements[row];
	r->column = 0;
}

/*
 * Binding fails for want of memory or with a wrong column only; a row with a
 * value less is told by the database, where the column must not be.
 */
void
rows_null(struct rows *r)
{
	sqlite3_bind_null(r->now, ++r->column);
}

void
rows_int(struct rows *r, int64_t value)
{
	sqlite3_bind_int64(r->now, ++r->column, value);
}

void
rows_text(struct rows *r, const char *text)
{
	sqlite3_bind_text(r->now, ++r->column, text, -1, SQLITE_STATIC);
}

void
rows_seconds(struct rows *r, uint64_t nanoseconds)
{
	sqlite3_bind_double(r->now, ++r->column, (double)nanoseconds / 1e9);
}

static bool
is_utf8(const char *s, size_t len)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = escape_utf8_len(s + i, len - i);
		if (!n || !s[i])
			return false;
	}
	return true;
}

void
rows_name(struct rows *r, const char *bytes, size_t len)
{
	if (!bytes)
		rows_null(r);
	else if (is_utf8(bytes, len))
		sqlite3_bind_text64(r->now, ++r->column, bytes, len, SQLITE_STATIC,
				    SQLITE_UTF8);
	else
		sqlite3_bind_blob64(r->now, ++r->column, bytes, len, SQLITE_STATIC);
}

void
rows_interned(struct rows *r, const struct interned *name)
{
	rows_name(r, name ? name->bytes : NULL, name ? name->len : 0);
}

void
rows_error(struct rows *r, int error)
{
	buf_reset(&r->error);
	if (error)
		flags_error(&r->error, error);
	rows_text(r, error ? buf_str(&r->error) : NULL);
}

void
rows_flags(struct rows *r, bool has_flags, uint64_t flags)
{
	buf_reset(&r->flags);
	if (has_flags)
		flags_open(&r->flags, flags);
	rows_text(r, has_flags ? buf_str(&r->flags) : NULL);
}

void
rows_argv(struct rows *r, struct span argv)
{
	const char *at = argv.len ? argv.bytes : "", *end = at + argv.len;
	struct json j;

	buf_reset(&r->words);
	json_init(&j, &r->words);
	json_array(&j, NULL);
	while (at < end) {
		size_t len = strnlen(at, (size_t)(end - at));

		json_name(&j, NULL, at, len);
		at += len + 1;
	}
	json_array_end(&j);
	rows_text(r, buf_str(&r->words));
}

void
rows_number(struct rows *r, int64_t number)
{
	if (number)
		rows_int(r, number);
	else
		rows_null(r);
}

void
rows_span(struct rows *r, struct span s)
{
	rows_name(r, s.len ? s.bytes : NULL, s.len);
}

void
rows_status(struct rows *r, bool known, int status)
{
	if (known && WIFEXITED(status))
		rows_int(r, WEXITSTATUS(status));
	else
		rows_null(r);
	buf_reset(&r->error);
	if (known && WIFSIGNALED(status))
		flags_signal(&r->error, WTERMSIG(status));
	rows_text(r, r->error.len ? buf_str(&r->error) : NULL);
}

int
rows_add(struct rows *r)
{
	int code = SQLITE_OK;

	assert(r->column == sqlite3_bind_parameter_count(r->now));
	if (!r->open)
		code = sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);
	r->open = code == SQLITE_OK;
	if (r->open)
		code = sqlite3_step(r->now);
	sqlite3_reset(r->now);
	return error_of(r, code);
}

int
rows_commit(struct rows *r, bool wait)
{
	int e;

	if (!r->open)
		return 0;
	sqlite3_busy_timeout(r->db, wait ? WAIT_MS : 0);
	e = rows_execute(r, "COMMIT");
	if (!e)
		r->open = false;
	return e;
}

void
rows_rollback(struct rows *r)
{
	/* an error may have done so already, and then this one fails */
	rows_execute(r, "ROLLBACK");
	r->open = false;
}
