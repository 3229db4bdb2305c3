/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The tables of each version of the store's file, and what becomes of a file of a version before. */
#include "traces.h"

#include "store/sqlite.h"

#include <unistd.h>

static void setup(void)
{
	traces_start(NULL);
}

static void teardown(void)
{
	traces_stop();
}

/* What a new file is made of is what an old one becomes. */
static char *schema(void)
{
	gk_auto_error gk_error err = { 0 };
	sqlite3_stmt *s;
	char *text = NULL;
	gk_db db;

	ck_assert_int_eq(gk_db_open(&db, traces_path, true, &err), GK_OK);
	s = gk_db_prepare(&db,
		"SELECT group_concat(sql, char(10)) || (SELECT group_concat(key || value) FROM meta)"
		" FROM (SELECT sql FROM main.sqlite_schema WHERE sql IS NOT NULL ORDER BY name)",
		&err);
	ck_assert_msg(s && sqlite3_step(s) == SQLITE_ROW, "%s", err.message);
	ck_assert(gk_db_copy_text(s, 0, &text));
	sqlite3_finalize(s);
	gk_db_close(&db);
	return text;
}

static const char old_rows[] =
	"INSERT INTO traces(id, trace_id, has_root, root_pk, root_name, root_start, span_count,"
	" updated_ms) VALUES(1, 'a', 1, 2, 'root a', 1, 2, 5), (2, 'b', 1, 3, 'root b', 2, 1, 5);"
	"INSERT INTO spans(id, trace_pk, span_key, parent_span_id, name, type, start_ms, end_ms)"
	" VALUES(1, 1, 'child', 'r', 'c', 'action', 1, 2), (2, 1, 'r', NULL, 'n', 'action', 1, 2),"
	" (3, 2, 'r', NULL, 'n', 'action', 1, 2);"
	"INSERT INTO span_docs VALUES(1, x'00' || '{\"spanId\":\"child\"}'),"
	" (2, x'00' || '{\"spanId\":\"r\",\"attributes\":{\"genkit:input\":\"needle\"}}'),"
	" (3, x'00' || '{\"spanId\":\"r\"}');"
	"INSERT INTO span_fts(rowid, input, output, error) VALUES(2, 'needle', '', '');"
	"UPDATE meta SET value = 3";

static void migrate(int64_t to)
{
	gk_auto_error gk_error err = { 0 };
	gk_db db;

	ck_assert_int_eq(gk_db_open(&db, traces_path, false, &err), GK_OK);
	ck_assert_msg(gk_db_migrate(&db, to, &err) == GK_OK, "%s", err.message);
	gk_db_close(&db);
}

/* FNV-1a. */
static uint64_t fingerprint(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash;
}

START_TEST(the_tables_of_a_version_that_was_released_stay_as_they_are)
{
	static const uint64_t released[GK_DB_VERSION] = { 0xcbeef7783698ce69u, 0x6f4276e59ea69644u,
		0x552f3f637fa978e6u };

	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	for (int64_t version = 1; version <= GK_DB_VERSION; version++) {
		gk_auto_str char *text = NULL;

		migrate(version);
		text = schema();
		ck_assert_msg(fingerprint(text) == released[version - 1], "0x%llx: %s",
			(unsigned long long)fingerprint(text), text);
	}
	traces_reopen(NULL);
}
END_TEST

START_TEST(who_finds_the_tables_made_meanwhile_writes_as_safely)
{
	gk_auto_error gk_error err = { 0 };
	int64_t level = 0;
	gk_db db;

	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	ck_assert_int_eq(gk_db_open(&db, traces_path, false, &err), GK_OK); /* a new file */
	migrate(GK_DB_VERSION);                                             /* by another process */
	ck_assert_int_eq(gk_db_migrate(&db, GK_DB_VERSION, &err), GK_OK);
	ck_assert_int_eq(gk_db_number(&db, "PRAGMA synchronous", &level, &err), GK_OK);
	ck_assert_int_eq(level, 1); /* NORMAL */
	gk_db_close(&db);
	traces_reopen(NULL);
}
END_TEST

START_TEST(a_new_file_is_as_one_of_the_version_before_becomes)
{
	gk_auto_str char *fresh = schema(), *migrated = NULL;

	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	migrate(1);
	migrate(GK_DB_VERSION);
	migrated = schema();
	ck_assert_str_eq(fresh, migrated);
	traces_reopen(NULL);
}
END_TEST

START_TEST(a_file_of_the_version_before_keeps_its_traces)
{
	gk_auto_json json_t *a = NULL, *check = NULL;
	gk_auto_str char *all = NULL, *found = NULL;

	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	migrate(1);
	traces_change(old_rows);
	traces_reopen(NULL);
	all = traces_ids(NULL, NULL);
	ck_assert_str_eq(all, "b a");
	a = traces_load("a");
	assert_json(json_object_get(a, "spans"),
		"{'child':{'spanId':'child'},'r':{'spanId':'r','attributes':{'genkit:input':'needle'}}}");
	found = traces_ids(NULL, "needle");
	ck_assert_str_eq(found, "a");
	check = traces_do(GK_STORE_CHECK, NULL);
	assert_json(check, "{'ok':true,'messages':[]}");
	traces_post_root("a");
	ck_assert_int_eq(traces_number("SELECT count(*) FROM spans"), 3);
}
END_TEST

START_TEST(filters_find_what_a_file_of_the_version_before_held)
{
	static const struct {
		const char *filter, *ids;
	} cases[] = {
		{ "{'eq':{'name':'x'}}", "huge late c b old none" },
		{ "{'eq':{'type':'tool'}}", "c" },
		{ "{'eq':{'status':2}}", "b" },
		{ "{'eq':{'status':'UNKNOWN'}}", "old" },
	};

	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	migrate(2);
	traces_change(
		"INSERT INTO traces(id, trace_id, has_root, root_type, root_name, root_start,"
		" root_status, updated_ms) VALUES(1, 'none', 1, 'flow', 'x', NULL, 0, 5),"
		" (2, 'old', 1, 'flow', 'x', -7.5, NULL, 5), (3, 'b', 1, 'flow', 'x', 31.9, 2, 5),"
		" (4, 'c', 1, 'tool', 'x', 1e12 + 32, 0, 5), (5, 'late', 1, 'flow', 'x', 1e15, 0, 5),"
		" (6, 'huge', 1, 'flow', 'x', 1e300, 0, 5), (7, 'nameless', 1, 'flow', NULL, 5, 0, 5),"
		" (8, 'child', 0, 'flow', 'x', 6, 0, 5)");
	traces_reopen(NULL);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gk_auto_str char *ids = traces_ids(cases[i].filter, NULL);

		ck_assert_str_eq(ids, cases[i].ids);
	}
	ck_assert_int_eq(traces_number("SELECT count(*) FROM marks WHERE until != at + 32"), 6);
}
END_TEST

static Suite *version_suite(void)
{
	Suite *suite = suite_create("trace versions");
	TCase *tests = tcase_create("versions");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, the_tables_of_a_version_that_was_released_stay_as_they_are);
	tcase_add_test(tests, who_finds_the_tables_made_meanwhile_writes_as_safely);
	tcase_add_test(tests, a_new_file_is_as_one_of_the_version_before_becomes);
	tcase_add_test(tests, a_file_of_the_version_before_keeps_its_traces);
	tcase_add_test(tests, filters_find_what_a_file_of_the_version_before_held);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(version_suite)
