/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The tables of sessions, and every statement that is kept prepared (sessions section 11.1, with sessions and contents in
 * tables of their own: docs/decisions/0011-sessions.md). */
#include "store/sessions_internal.h"

const char *const gk_session_tables =
	"CREATE TABLE session_realms(id INTEGER PRIMARY KEY, store TEXT NOT NULL,"
	" owner TEXT NOT NULL, UNIQUE(store, owner));"
	"CREATE INDEX sr_owner ON session_realms(owner);"
	/* its numbers are never used again: contents are known by them */
	"CREATE TABLE sessions(id INTEGER PRIMARY KEY AUTOINCREMENT, realm INTEGER NOT NULL,"
	" session_id TEXT, is_chat INTEGER NOT NULL, agent TEXT, state INTEGER,"
	" created_ms INTEGER NOT NULL, touched_ms INTEGER NOT NULL,"
	" UNIQUE(realm, session_id, is_chat));"
	"CREATE INDEX se_touched ON sessions(touched_ms);"
	"CREATE TABLE session_parts(session INTEGER NOT NULL, part INTEGER NOT NULL, prev INTEGER,"
	" doc BLOB NOT NULL, PRIMARY KEY(session, part)) WITHOUT ROWID;"
	"CREATE TABLE snapshots(id INTEGER PRIMARY KEY, realm INTEGER NOT NULL,"
	" snapshot_id TEXT NOT NULL, session INTEGER NOT NULL, parent_id TEXT, parent INTEGER,"
	" children INTEGER NOT NULL DEFAULT 0, status TEXT, finish_reason TEXT, error TEXT,"
	" extra TEXT, created_ms INTEGER NOT NULL, updated_ms INTEGER, heartbeat_ms INTEGER,"
	" runner TEXT, version INTEGER NOT NULL, tail INTEGER NOT NULL, messages INTEGER NOT NULL,"
	" rest INTEGER NOT NULL, UNIQUE(realm, snapshot_id));"
	/* leaves are those with 0 children; the row's number, which is the order of insertion, ends every index */
	"CREATE INDEX sn_session ON snapshots(session, children, created_ms);"
	/* those whose parent is not there, or not yet */
	"CREATE INDEX sn_orphan ON snapshots(session, parent_id)"
	" WHERE parent IS NULL AND parent_id IS NOT NULL;"
	"CREATE INDEX sn_pending ON snapshots(runner) WHERE runner IS NOT NULL;"
	"CREATE TABLE chat_threads(session INTEGER NOT NULL, name TEXT NOT NULL, ord INTEGER NOT NULL,"
	" preamble TEXT, tail INTEGER NOT NULL, messages INTEGER NOT NULL,"
	" PRIMARY KEY(session, name)) WITHOUT ROWID;"
	"INSERT INTO meta(key, value) VALUES('session_bytes', 0), ('sessions', 1);";

#define REALM "(SELECT id FROM session_realms WHERE store = ?1 AND owner = ?2)"
/* As gk_snapshot_row_read() takes them. */
#define COLUMNS                                                                                    \
	"n.id, n.version, n.snapshot_id, s.session_id, n.parent_id, s.agent, n.status,"            \
	" n.finish_reason, n.error, n.extra, n.created_ms, n.updated_ms, n.heartbeat_ms,"          \
	" n.session, n.tail, n.messages, n.rest, n.children"

const char *const gk_session_sql_texts[GK_SESSION_SQL_COUNTS] = {
	[GK_SESSION_BEGIN_READ] = "BEGIN",
	[GK_SESSION_FIND_REALM] = "SELECT id FROM session_realms WHERE store = ?1 AND owner = ?2",
	[GK_SESSION_ADD_REALM] = "INSERT INTO session_realms(store, owner) VALUES(?1, ?2)",
	[GK_SESSION_FIND] = "SELECT id, touched_ms FROM sessions WHERE realm = ?1"
			    " AND session_id = ?2 AND is_chat = ?3",
	[GK_SESSION_ADD] = "INSERT INTO sessions(realm, session_id, is_chat, agent, created_ms,"
			   " touched_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?5)",
	[GK_SESSION_TOUCH] = "UPDATE sessions SET touched_ms = ?2 WHERE id = ?1",
	[GK_SESSION_LAST_PART] = "SELECT max(part) FROM session_parts WHERE session = ?1",
	[GK_SESSION_ADD_PART] =
		"INSERT INTO session_parts(session, part, prev, doc) VALUES(?1, ?2, ?3, ?4)",
	[GK_SESSION_GET_PART] =
		"SELECT prev, doc FROM session_parts WHERE session = ?1 AND part = ?2",
	[GK_SESSION_ADD_BYTES] = "UPDATE meta SET value = value + ?1 WHERE key = 'session_bytes'",
	[GK_SNAPSHOT_FIND] =
		"SELECT n.id, n.version, n.status, n.session, s.session_id, n.created_ms, n.parent,"
		" n.parent_id FROM snapshots n JOIN sessions s ON s.id = n.session"
		" WHERE n.realm = ?1 AND n.snapshot_id = ?2",
	[GK_SNAPSHOT_LOAD] =
		"SELECT " COLUMNS " FROM snapshots n JOIN sessions s ON s.id = n.session"
		" WHERE n.realm = " REALM " AND n.snapshot_id = ?3",
	[GK_SNAPSHOT_LATEST] =
		"SELECT " COLUMNS " FROM sessions s JOIN snapshots n ON n.session = s.id"
		" WHERE s.realm = " REALM " AND s.session_id = ?3 AND s.is_chat = 0"
		" AND n.children = 0 ORDER BY n.created_ms DESC, n.id DESC LIMIT 2",
	[GK_SNAPSHOT_LEAVES] =
		"SELECT count(*), sum(n.children = 0) FROM sessions s JOIN snapshots n"
		" ON n.session = s.id WHERE s.realm = " REALM
		" AND s.session_id = ?3 AND s.is_chat = 0",
	[GK_SNAPSHOT_ROWS] =
		"SELECT " COLUMNS " FROM sessions s JOIN snapshots n ON n.session = s.id"
		" WHERE s.id = ?1 ORDER BY n.id",
	[GK_SNAPSHOT_ADD] =
		"INSERT INTO snapshots(realm, snapshot_id, session, parent_id, parent, status,"
		" finish_reason, error, extra, created_ms, updated_ms, heartbeat_ms, runner, version,"
		" tail, messages, rest, children) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
		" ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
	[GK_SNAPSHOT_REPLACE_ROW] =
		"UPDATE snapshots SET session = ?3, parent_id = ?4, parent = ?5, status = ?6,"
		" finish_reason = ?7, error = ?8, extra = ?9, created_ms = ?10, updated_ms = ?11,"
		" heartbeat_ms = ?12, runner = ?13, version = ?14, tail = ?15, messages = ?16,"
		" rest = ?17, children = ifnull(?18, children) WHERE realm = ?1 AND snapshot_id = ?2",
	[GK_SNAPSHOT_SET_ABORTED] = "UPDATE snapshots SET status = 'aborted', runner = NULL,"
				    " version = max(version + 1, ?2) WHERE id = ?1",
	[GK_SNAPSHOT_SET_HEARTBEAT] = "UPDATE snapshots SET heartbeat_ms = ?2 WHERE id = ?1",
	[GK_SNAPSHOT_FIND_PARENT] = "SELECT id FROM snapshots WHERE realm = ?1 AND snapshot_id = ?2"
				    " AND session = ?3",
	[GK_SNAPSHOT_ADD_CHILD] = "UPDATE snapshots SET children = children + 1 WHERE id = ?1",
	[GK_SNAPSHOT_DROP_CHILD] =
		"UPDATE snapshots SET children = max(children - 1, 0) WHERE id = ?1",
	[GK_SNAPSHOT_COUNT_ORPHANS] =
		"SELECT count(*) FROM snapshots WHERE session = ?1 AND parent_id = ?2"
		" AND snapshot_id <> ?2 AND parent IS NULL AND parent_id IS NOT NULL",
	[GK_SNAPSHOT_ADOPT] =
		"UPDATE snapshots SET parent = ?3 WHERE session = ?1 AND parent_id = ?2"
		" AND snapshot_id <> ?2 AND parent IS NULL AND parent_id IS NOT NULL",
	[GK_SNAPSHOT_DISOWN] =
		"UPDATE snapshots SET parent = NULL WHERE session = ?1 AND parent = ?2",
	[GK_SNAPSHOT_PARENT] = "SELECT parent FROM snapshots WHERE id = ?1",
	[GK_SNAPSHOT_DROP] = "DELETE FROM snapshots WHERE id = ?1",
	[GK_SNAPSHOT_PENDING] = "SELECT id, runner FROM snapshots WHERE runner IS NOT NULL",
	[GK_SNAPSHOT_FAIL] =
		"UPDATE snapshots SET status = 'failed', finish_reason = 'failed', error = ?2,"
		" runner = NULL, heartbeat_ms = NULL, updated_ms = ?3,"
		" version = max(version + 1, ?4) WHERE id = ?1",
	[GK_CHAT_FIND_THREAD] = "SELECT tail, messages, ord FROM chat_threads"
				" WHERE session = ?1 AND name = ?2",
	[GK_CHAT_PUT_THREAD] =
		"INSERT INTO chat_threads(session, name, ord, preamble, tail, messages)"
		" VALUES(?1, ?2, (SELECT count(*) FROM chat_threads WHERE session = ?1), ?3, ?4, ?5)"
		" ON CONFLICT(session, name) DO UPDATE SET preamble = excluded.preamble,"
		" tail = excluded.tail, messages = excluded.messages",
	[GK_CHAT_PUT_STATE] = "UPDATE sessions SET state = ?2 WHERE id = ?1",
	[GK_CHAT_LOAD] = "SELECT s.id, s.state FROM sessions s WHERE s.realm = " REALM
			 " AND s.session_id = ?3 AND s.is_chat = 1",
	[GK_CHAT_THREADS] = "SELECT name, preamble, tail, messages FROM chat_threads"
			    " WHERE session = ?1 ORDER BY ord",
	[GK_CHAT_STATE] = "SELECT state FROM sessions WHERE id = ?1",
	[GK_SESSION_DROP_SNAPSHOTS] = "DELETE FROM snapshots WHERE session = ?1",
	[GK_SESSION_DROP_THREADS] = "DELETE FROM chat_threads WHERE session = ?1",
	[GK_SESSION_BYTES] = "SELECT sum(length(doc)) FROM session_parts WHERE session = ?1",
	[GK_SESSION_DROP_PARTS] = "DELETE FROM session_parts WHERE session = ?1",
	[GK_SESSION_DROP] = "DELETE FROM sessions WHERE id = ?1",
	[GK_SESSION_DROP_REALM] = "DELETE FROM session_realms WHERE id = ?1"
				  " AND NOT EXISTS(SELECT 1 FROM sessions WHERE realm = ?1)",
};

sqlite3_stmt *gk_session_sql(gk_db *db, gk_session_sql_id which, gk_error *err)
{
	sqlite3_stmt **statement = &db->sessions[which];

	if (!*statement && sqlite3_prepare_v3(db->handle, gk_session_sql_texts[which], -1,
				   SQLITE_PREPARE_PERSISTENT, statement, NULL) != SQLITE_OK)
		gk_db_fail(db, "the store cannot read its tables", err);
	return *statement;
}

bool gk_session_step(gk_db *db, sqlite3_stmt *statement, gk_code *rc, gk_error *err)
{
	int status = sqlite3_step(statement);

	if (status != SQLITE_ROW && status != SQLITE_DONE)
		*rc = gk_db_fail(db, "the store", err);
	return status == SQLITE_ROW;
}

gk_code gk_session_begin_read(gk_db *db, gk_error *err)
{
	sqlite3_stmt *s = gk_session_sql(db, GK_SESSION_BEGIN_READ, err);

	return s ? gk_db_run(db, s, err) : GK_UNAVAILABLE;
}
