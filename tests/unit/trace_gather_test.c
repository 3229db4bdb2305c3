/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Traces of one span, which go into the tables many at once: they come there as others do. */
#include "traces.h"

#include "store/sqlite.h"

#include <unistd.h>

static gk_sqlite *sqlite;

static void setup(void)
{
	traces_start(NULL);
	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	sqlite = (gk_sqlite *)gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(sqlite->base.type->open(&sqlite->base, NULL), GK_OK);
}

static void teardown(void)
{
	sqlite->base.type->free(&sqlite->base);
	traces_reopen(NULL);
	traces_stop();
}

/* --- helpers --- */

static gk_trace_batch batch;

static void begin(void)
{
	batch = (gk_trace_batch){ .spans = 0 };
	STAILQ_INIT(&batch.posts);
	STAILQ_INIT(&batch.logs);
}

/* A post of one span that has ended, as the recorder makes them. */
static gk_trace_post *add(const char *trace_id, const gk_span_row *more)
{
	gk_trace_post *post = gk_trace_post_new(trace_id);
	gk_span_row row = { .key = "r",
		.name = "flow",
		.type = "action",
		.doc = "{\"spanId\":\"r\"}",
		.start_ms = 5,
		.end_ms = 7,
		.is_new = true };

	if (more)
		row = *more;
	row.doc_len = strlen(row.doc);
	ck_assert(post && gk_trace_post_add(post, &row));
	post->owner = 1;
	if (!row.parent) {
		post->name = STAILQ_FIRST(&post->rows)->name;
		post->has_start = post->has_end = true;
		post->start_ms = row.start_ms;
		post->end_ms = row.end_ms;
	}
	STAILQ_INSERT_TAIL(&batch.posts, post, link);
	batch.spans++;
	return post;
}

static void end(void)
{
	gk_auto_error gk_error err = { 0 };
	gk_trace_post *post;

	ck_assert_msg(
		sqlite->base.type->write(&sqlite->base, &batch, &err) == GK_OK, "%s", err.message);
	while ((post = STAILQ_FIRST(&batch.posts))) {
		STAILQ_REMOVE_HEAD(&batch.posts, link);
		gk_trace_post_free(post);
	}
}

static void fold(void)
{
	gk_auto_error gk_error err = { 0 };

	ck_assert_msg(gk_sqlite_fold_all(sqlite, &err) == GK_OK, "%s", err.message);
}

/* All that the tables hold, but for when it was folded. */
static char *tables(void)
{
	sqlite3_stmt *s = gk_db_prepare(&sqlite->db,
		"SELECT (SELECT group_concat(concat, char(10)) FROM (SELECT quote(trace_id) || ' '"
		" || id || quote(display_name) || quote(start_ms) || quote(end_ms) || has_root"
		" || quote(root_pk) || quote(root_type) || quote(root_name) || quote(root_start)"
		" || quote(root_end) || quote(root_status) || quote(session_id) || span_count"
		" || error_count || tok_in || ' ' || tok_out || ' ' || bytes || quote(root_summary)"
		" || ' ' || seq AS concat FROM traces ORDER BY id))"
		" || (SELECT group_concat(concat, char(10)) FROM (SELECT id || quote(span_key)"
		" || quote(parent_span_id) || quote(type) || quote(start_ms) || quote(end_ms)"
		" || quote(status) || quote(owner) || quote(doc) AS concat FROM spans ORDER BY id))"
		" || (SELECT group_concat(key || value || trace_pk) FROM trace_labels)",
		NULL);
	char *text = NULL;

	ck_assert(s && sqlite3_step(s) == SQLITE_ROW);
	ck_assert(gk_db_copy_text(s, 0, &text) && text);
	sqlite3_finalize(s);
	return text;
}

static int64_t number(const char *sql)
{
	int64_t value = -1;

	ck_assert_int_eq(gk_db_number(&sqlite->db, sql, &value, NULL), GK_OK);
	return value;
}

/* --- tests --- */

static void add_all_kinds(bool is_new)
{
	static char large[2 * GK_STORE_PACK];
	const gk_span_row base = {
		.key = "r", .name = "f", .doc = "{}", .start_ms = 5, .end_ms = 7, .is_new = is_new
	};
	gk_span_row row = base;
	char id[16];

	snprintf(large, sizeof(large), "{\"attributes\":{\"genkit:input\":\"%0*d\"}}",
		(int)sizeof(large) - 100, 7);
	row.status = -1;
	add("no-status", &row);
	row.status = 2;
	row.type = "action";
	add("error", &row);
	row.subtype = "model";
	row.tokens_in = 11;
	row.tokens_out = 13;
	add("model", &row);
	row.session = "s";
	row.labels = "genkitx:a\0b\0genkitx:c\0\0";
	add("labels", &row);
	row = base;
	row.name = "";
	row.start_ms = 0;
	add("nameless", &row);
	row = base;
	row.doc = large;
	add("large", &row);
	for (unsigned i = 0; i < GK_STORE_GATHERED; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		row = base;
		row.end_ms = 7 + i;
		add(id, &row);
	}
}

START_TEST(a_trace_of_one_span_comes_into_the_tables_as_any_other)
{
	gk_auto_str char *gathered = NULL, *one_by_one = NULL;

	begin();
	add_all_kinds(true);
	end();
	fold();
	gathered = tables();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), GK_STORE_GATHERED + 6);
	while (number("SELECT count(*) FROM traces")) {
		uint64_t count;

		ck_assert_int_eq(
			sqlite->base.type->remove(&sqlite->base, NULL, &count, NULL), GK_OK);
	}
	sqlite->data_version = 0; /* as if opened anew */
	ck_assert_int_eq(gk_db_exec(&sqlite->db, "UPDATE meta SET value = 0", NULL), GK_OK);
	begin();
	add_all_kinds(false);
	end();
	fold();
	one_by_one = tables();
	ck_assert(strcmp(gathered, one_by_one) == 0);
}
END_TEST

START_TEST(so_does_a_large_batch_that_passes_the_journal)
{
	char id[16];

	begin();
	for (unsigned i = 0; i < GK_STORE_DIRECT_OWN; i++) {
		snprintf(id, sizeof(id), "t%u", i);
		add(id, NULL);
	}
	end();
	ck_assert_int_eq(number("SELECT count(*) FROM journal"), 0);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), GK_STORE_DIRECT_OWN);
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), GK_STORE_DIRECT_OWN);
}
END_TEST

START_TEST(a_trace_that_is_there_already_gets_the_span)
{
	begin();
	add("a", NULL);
	end();
	fold();
	begin();
	add("b", NULL);
	add("a", &(gk_span_row){
			 .key = "s", .name = "again", .doc = "{}", .end_ms = 9, .is_new = true });
	add("c", NULL);
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 3);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), 4);
	ck_assert_int_eq(number("SELECT span_count FROM traces WHERE trace_id = 'a'"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM traces WHERE trace_id = 'a'"
				" AND root_name = 'flow' AND display_name = 'again' AND seq = 5"),
		1);
}
END_TEST

START_TEST(two_of_one_trace_can_be_gathered_at_once)
{
	begin();
	add("a", NULL);
	add("a", &(gk_span_row){
			 .key = "s", .name = "again", .doc = "{}", .end_ms = 9, .is_new = true });
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), 2);
	ck_assert_int_eq(number("SELECT span_count FROM traces"), 2);
}
END_TEST

START_TEST(what_follows_a_gathered_trace_finds_it)
{
	begin();
	add("a", NULL);
	add("a", &(gk_span_row){ .key = "child",
			 .parent = "r",
			 .name = "feedback",
			 .doc = "{}",
			 .end_ms = 9,
			 .is_new = true });
	add("b", NULL);
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM spans WHERE id >> 20 ="
				" (SELECT id FROM traces WHERE trace_id = 'a')"),
		2);
}
END_TEST

/* That the trace is there turns out, and it comes into mind, while what follows looks for it. */
START_TEST(what_follows_one_of_a_trace_that_is_there_finds_it_as_well)
{
	begin();
	add("a", NULL);
	end();
	fold();
	begin();
	add("a", &(gk_span_row){
			 .key = "s", .name = "again", .doc = "{}", .end_ms = 9, .is_new = true });
	add("a", &(gk_span_row){ .key = "child",
			 .parent = "s",
			 .name = "feedback",
			 .doc = "{}",
			 .end_ms = 9,
			 .is_new = true });
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 1);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), 3);
	ck_assert_int_eq(number("SELECT span_count FROM traces"), 3);
}
END_TEST

START_TEST(one_that_cannot_be_merged_is_lost_alone_among_those_gathered)
{
	ck_assert_int_eq(gk_db_exec(&sqlite->db,
				 "CREATE TRIGGER refuse BEFORE INSERT ON traces WHEN"
				 " NEW.trace_id = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
				 NULL),
		GK_OK);
	begin();
	add("a", NULL);
	add("bad", NULL);
	add("c", NULL);
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 2);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), 2);
	ck_assert_uint_eq(sqlite->sizes.dropped, 1);
	begin();
	add("d", NULL);
	end();
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM traces"), 3);
}
END_TEST

START_TEST(rows_of_the_journal_are_held_up_to_a_size)
{
	static char doc[GK_STORE_DIRECT_SIZE / 2];

	memset(doc, ' ', sizeof(doc) - 1);
	memcpy(doc, "{}", 2);
	for (unsigned i = 0; i < 6; i++) {
		char id[16];

		snprintf(id, sizeof(id), "t%u", i);
		begin();
		add(id, &(gk_span_row){
				.key = "r", .name = "f", .doc = doc, .end_ms = 9, .is_new = true });
		end();
	}
	fold();
	ck_assert(SLIST_EMPTY(&sqlite->held));
	ck_assert_uint_eq(sqlite->held_size, 0);
	ck_assert_int_eq(number("SELECT count(*) FROM spans"), 6);
}
END_TEST

static Suite *gather_suite(void)
{
	Suite *suite = suite_create("trace gather");
	TCase *tests = tcase_create("gather");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_trace_of_one_span_comes_into_the_tables_as_any_other);
	tcase_add_test(tests, so_does_a_large_batch_that_passes_the_journal);
	tcase_add_test(tests, a_trace_that_is_there_already_gets_the_span);
	tcase_add_test(tests, two_of_one_trace_can_be_gathered_at_once);
	tcase_add_test(tests, what_follows_a_gathered_trace_finds_it);
	tcase_add_test(tests, what_follows_one_of_a_trace_that_is_there_finds_it_as_well);
	tcase_add_test(tests, one_that_cannot_be_merged_is_lost_alone_among_those_gathered);
	tcase_add_test(tests, rows_of_the_journal_are_held_up_to_a_size);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(gather_suite)
