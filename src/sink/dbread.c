/* SPDX-License-Identifier: MIT */
#include "sink/dbread.h"

#include "base/buf.h"
#include "base/json.h"
#include "sink/logread.h"
#include "sink/schema.h"

#include <sqlite3.h>
#include <stdio.h>

/*
 * Each kind of line is a statement whose columns are called as the keys of the log.
 * NULL is no key; "true:KEY" is one where it is not 0; "json:KEY" is JSON already, if
 * it is any.  A real number is a time.
 */
enum kind { START, EXEC, INHERITED, ACCESS, CALL, EXIT, HEADER, END, KIND_COUNT };

#define JSON(column, key) \
	"CASE WHEN json_valid(" column ") THEN json(" column ") END AS \"json:" key "\""

#define ACCESS_COLUMNS                                                               \
	"a.op, p.path, a.to_name AS \"to\", nullif(a.error, 'unfinished') AS error," \
	" a.error IS 'unfinished' AS \"true:unfinished\","                           \
	" a.by_kernel AS \"true:by_kernel\", r.root, p.mnt_ns"
#define ACCESS_TABLES " JOIN process r ON r.id = a.process JOIN path p ON p.id = a.path"

static const char *const lines[KIND_COUNT] = {
	[HEADER] =
		"SELECT 'header' AS type, 'whatfiles-log' AS format, 1 AS version,"
		" whatfiles, started, pid, " JSON("command", "command") ", " JSON(
			"attached",
			"attached") ", cwd, engine,"
				    " '[\"' || replace(classes, ',', '\",\"') || '\"]' AS \"json:classes\","
				    " all_calls AS \"true:all\" FROM run LIMIT ?1",
	[START] = "SELECT born AS type, started AS t, id AS proc, pid, ppid, parent,"
		  " ns_pid, cwd, root, mnt_ns, iif(born = 'attach', exe, NULL) AS exe,"
		  " CASE WHEN born = 'attach' AND json_valid(argv) THEN json(argv) END"
		  " AS \"json:argv\" FROM process WHERE id = ?1",
	[EXEC] = "SELECT 'exec' AS type, e.time AS t, e.process AS proc, r.pid, e.exe, " JSON(
		"e.argv",
		"argv") ", e.argv_cut AS \"true:argv_cut\", e.cwd"
			" FROM exec e JOIN process r ON r.id = e.process WHERE e.rowid = ?1",
	[INHERITED] = "SELECT 'inherited' AS type, i.time AS t, i.process AS proc, r.pid,"
		      " i.fd, i.path, i.kind, i.flags, i.mnt_ns FROM inherited i"
		      " JOIN process r ON r.id = i.process WHERE i.rowid = ?1",
	[ACCESS] = "SELECT 'access' AS type, a.first AS t, a.process AS proc, r.pid,"
		   " r.name AS process, a.call, a.result, a.flags, " ACCESS_COLUMNS
		   " FROM access a" ACCESS_TABLES " WHERE a.id = ?1",
	[CALL] = "SELECT 'access' AS type, c.time AS t, a.process AS proc, r.pid, c.tid,"
		 " r.name AS process, c.call, c.result, c.flags, c.name, " ACCESS_COLUMNS
		 " FROM call c JOIN access a ON a.id = c.access" ACCESS_TABLES
		 " WHERE c.id = ?1",
	[EXIT] = "SELECT 'exit' AS type, ended AS t, id AS proc, pid, status, signal"
		 " FROM process WHERE id = ?1",
	[END] = "SELECT 'end' AS type, duration AS t, complete AS \"true:complete\","
		" attached IS NOT NULL AS \"true:attached\", status, signal, processes,"
		" threads, execs, stops, json_object('strict', calls_strict,"
		" 'fast', calls_fast) AS \"json:calls\", accesses,"
		" iif(all_calls, (SELECT count(*) FROM call),"
		" (SELECT count(*) FROM access)) AS written,"
		" (SELECT json_group_array(json_object('kind', kind, 'what', what, 'count',"
		" count, 'example', iif(typeof(example) = 'text', example, NULL)))"
		" FROM gap WHERE NOT note) AS \"json:gaps\","
		" (SELECT json_group_array(json_object('kind', kind, 'what', what, 'count',"
		" count, 'example', iif(typeof(example) = 'text', example, NULL)))"
		" FROM gap WHERE note) AS \"json:notes\""
		" FROM run WHERE complete IS NOT NULL LIMIT ?1",
};

/* What happened in its order, as far as times tell it. */
static const char order[] =
	"SELECT kind, id FROM (SELECT started AS time, 0 AS kind, id FROM process"
	" UNION ALL SELECT time, 1, rowid FROM exec WHERE (process, time) NOT IN"
	" (SELECT id, started FROM process WHERE born = 'attach')"
	" UNION ALL SELECT time, 2, rowid FROM inherited"
	" UNION ALL SELECT first, 3, id FROM access WHERE NOT (SELECT all_calls FROM run)"
	" UNION ALL SELECT time, 4, id FROM call"
	" UNION ALL SELECT ended, 5, id FROM process WHERE ended IS NOT NULL)"
	" ORDER BY time, kind, id";

struct reader {
	sqlite3 *db;
	sqlite3_stmt *statements[KIND_COUNT];
	struct logread *log;
	struct buf line;
	struct json json;
};

static void
add_text(struct reader *r, sqlite3_stmt *s, int i, const char *key)
{
	const char *bytes = sqlite3_column_blob(s, i);
	int len = sqlite3_column_bytes(s, i);

	if (!strncmp(key, "json:", 5))
		json_raw(&r->json, key + 5, bytes ? bytes : "null",
			 bytes ? (size_t)len : 4);
	else
		json_name(&r->json, key, bytes ? bytes : "", (size_t)len);
}

static void
add_real(struct reader *r, double value, const char *key)
{
	/* also what is no time at all, in a database that somebody made up */
	bool sane = value >= 0 && value < 1e9;

	json_seconds(&r->json, key, sane ? (uint64_t)(value * 1e9 + 0.5) : 0);
}

static void
add_column(struct reader *r, sqlite3_stmt *s, int i)
{
	const char *key = sqlite3_column_name(s, i);

	switch (sqlite3_column_type(s, i)) {
	case SQLITE_INTEGER:
		if (strncmp(key, "true:", 5) != 0)
			json_int(&r->json, key, sqlite3_column_int64(s, i));
		else
			json_bool(&r->json, key + 5, sqlite3_column_int64(s, i) != 0);
		break;
	case SQLITE_FLOAT:
		add_real(r, sqlite3_column_double(s, i), key);
		break;
	case SQLITE_TEXT:
	case SQLITE_BLOB:
		add_text(r, s, i, key);
		break;
	default:
		break;
	}
}

/* The line of number @id of a kind; none where there is no such row.  SQLite's code. */
static int
tell(struct reader *r, enum kind kind, int64_t id)
{
	sqlite3_stmt *s = r->statements[kind];
	int code;

	sqlite3_bind_int64(s, 1, id);
	code = sqlite3_step(s);
	if (code == SQLITE_ROW) {
		buf_reset(&r->line);
		json_init(&r->json, &r->line);
		json_object(&r->json, NULL);
		for (int i = 0; i < sqlite3_column_count(s); i++)
			add_column(r, s, i);
		json_object_end(&r->json);
		buf_addc(&r->line, '\n');
		logread_feed(r->log, r->line.data, r->line.len);
	}
	sqlite3_reset(s);
	return code == SQLITE_ROW || code == SQLITE_DONE ? SQLITE_OK : code;
}

static int
tell_events(struct reader *r)
{
	sqlite3_stmt *s;
	int code = sqlite3_prepare_v2(r->db, order, -1, &s, NULL), e = SQLITE_OK;

	if (code != SQLITE_OK)
		return code;
	while (e == SQLITE_OK && (code = sqlite3_step(s)) == SQLITE_ROW)
		e = tell(r, (enum kind)sqlite3_column_int(s, 0),
			 sqlite3_column_int64(s, 1));
	sqlite3_finalize(s);
	return e == SQLITE_OK && code != SQLITE_DONE ? code : e;
}

static int
get_pragma(struct reader *r, const char *sql, int64_t *ret)
{
	sqlite3_stmt *s;
	int code = sqlite3_prepare_v2(r->db, sql, -1, &s, NULL);

	if (code != SQLITE_OK)
		return code;
	code = sqlite3_step(s);
	*ret = code == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
	sqlite3_finalize(s);
	return code == SQLITE_ROW ? SQLITE_OK : code;
}

/*
 * A database that was cut off has to be repaired by its journal, for which it is
 * written; who may not, can still read one that is whole.  Nothing that somebody may
 * have hidden in its schema is trusted.
 */
static int
open_database(struct reader *r, const char *path)
{
	int code = sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE, NULL);

	if (code != SQLITE_OK)
		return code;
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_busy_timeout(r->db, 10000);
	/* one moment of it, also while it is written */
	return sqlite3_exec(r->db, "BEGIN", NULL, NULL, NULL);
}

static int
read_all(struct reader *r)
{
	int code = SQLITE_OK;

	for (int i = 0; i < KIND_COUNT && code == SQLITE_OK; i++)
		code = sqlite3_prepare_v3(r->db, lines[i], -1, SQLITE_PREPARE_PERSISTENT,
					  &r->statements[i], NULL);
	if (code == SQLITE_OK)
		code = tell(r, HEADER, 1);
	if (code == SQLITE_OK)
		code = tell_events(r);
	return code == SQLITE_OK ? tell(r, END, 1) : code;
}

static int
check_and_read(struct reader *r, const char *path, char *ret_reason)
{
	int64_t application = 0, version = 0;
	int code = open_database(r, path);

	if (code == SQLITE_OK)
		code = get_pragma(r, "PRAGMA application_id", &application);
	if (code == SQLITE_OK)
		code = get_pragma(r, "PRAGMA user_version", &version);
	if (code == SQLITE_OK && application != SCHEMA_APPLICATION)
		return DBREAD_FOREIGN;
	if (code == SQLITE_OK && version > SCHEMA_VERSION)
		return DBREAD_NEWER;
	if (code == SQLITE_OK)
		code = read_all(r);
	if (code == SQLITE_OK)
		return DBREAD_OK;
	snprintf(ret_reason, 128, "%s", sqlite3_errmsg(r->db));
	return DBREAD_BROKEN;
}

int
dbread(const char *path, struct logread *log, char ret_reason[128])
{
	struct reader r = { .log = log };
	int result = check_and_read(&r, path, ret_reason);

	for (int i = 0; i < KIND_COUNT; i++)
		sqlite3_finalize(r.statements[i]);
	sqlite3_close(r.db);
	buf_done(&r.line);
	return result;
}
