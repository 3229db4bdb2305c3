/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Filters that go by marks: they give what a look at every trace would give, page by page, whatever became of the traces. */
#include "traces.h"

#include "base/limits.h"
#include "store/sqlite.h"

#include <math.h>
#include <unistd.h>

#define TRACES 600

/* What the store should know of a trace. */
typedef struct known {
	char id[16];
	const char *type, *name;
	int status; /* -1: it runs */
	double start;
	int64_t sequence;
	bool is_there;
} known;

static gk_sqlite *sqlite;
static known traces[TRACES];
static size_t count;
static int64_t sequence;
static uint64_t random_state;

static unsigned pick(unsigned below)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % below);
}

static void setup(void)
{
	traces_start(NULL);
	gk_trace_store_close(gk_steal(traces_store));
	ck_assert_int_eq(unlink(traces_path), 0);
	sqlite = (gk_sqlite *)gk_sqlite_backend_new(traces_path);
	ck_assert_int_eq(sqlite->base.type->open(&sqlite->base, NULL), GK_OK);
	memset(traces, 0, sizeof(traces));
	count = 0;
	sequence = 0;
	random_state = 88172645463325252ull;
}

static void teardown(void)
{
	sqlite->base.type->free(&sqlite->base);
	traces_reopen(NULL);
	traces_stop();
}

/* --- what is there --- */

static void save(known *trace)
{
	gk_trace_batch batch = { .spans = 1 };
	gk_trace_post *post = gk_trace_post_new(trace->id);
	gk_span_row row = { .key = "r",
		.name = trace->name,
		.type = "action",
		.subtype = trace->type,
		.doc = "{}",
		.doc_len = 2,
		.start_ms = trace->start,
		.end_ms = trace->status < 0 ? 0 : trace->start + 1e9,
		.status = trace->status,
		.is_new = !trace->is_there };

	if (trace->status >= 0 && row.end_ms <= 0)
		row.end_ms = 1;
	trace->sequence = ++sequence;
	trace->is_there = true;
	STAILQ_INIT(&batch.posts);
	STAILQ_INIT(&batch.logs);
	ck_assert(post && gk_trace_post_add(post, &row));
	post->owner = 1;
	post->has_start = post->has_end = true;
	STAILQ_INSERT_TAIL(&batch.posts, post, link);
	ck_assert_int_eq(sqlite->base.type->write(&sqlite->base, &batch, NULL), GK_OK);
	gk_trace_post_free(post);
}

static const char *const types[] = { "flow", "model", "tool" };
static const char *const names[] = { "echo", "Echoing", "rare", "other", "sum", "" };
static const double odd_starts[] = { 0, -5, -1e12, 1e15, 3e15 + 0.5, 0.25, 1e300 };

static void add_random(void)
{
	known *trace = &traces[count];

	snprintf(trace->id, sizeof(trace->id), "t%zu", count++);
	trace->type = types[pick(8) ? 0 : 1 + pick(2)];
	trace->name = names[pick(16) ? pick(2) : pick(6)];
	trace->status = pick(12) ? 0 : (int)pick(3) - 1;
	trace->start = pick(20) ? 1e12 + pick(4000) / 4.0 : odd_starts[pick(7)];
	save(trace);
}

/* It goes on, under another name and from another time. */
static void change_random(void)
{
	known *trace = &traces[pick((unsigned)count)];

	if (!trace->is_there)
		return;
	trace->name = names[pick(5)];
	trace->status = (int)pick(3);
	trace->start = 1e12 + pick(4000);
	save(trace);
}

static void delete_random(void)
{
	known *trace = &traces[pick((unsigned)count)];
	uint64_t deleted;

	ck_assert_int_eq(
		sqlite->base.type->remove(&sqlite->base, trace->id, &deleted, NULL), GK_OK);
	ck_assert_uint_eq(deleted, trace->is_there);
	trace->is_there = false;
}

static void fold(void)
{
	ck_assert_int_eq(gk_sqlite_fold_all(sqlite, NULL), GK_OK);
}

/* --- what a filter should give --- */

typedef bool judge(const known *trace);

static bool has_name(const known *trace, const char *name)
{
	return *trace->name && strcmp(trace->name, name) == 0;
}

static bool is_flow(const known *trace)
{
	return strcmp(trace->type, "flow") == 0;
}

static bool is_rare(const known *trace)
{
	return has_name(trace, "rare");
}

static bool is_error(const known *trace)
{
	return *trace->name && trace->status == 1;
}

static bool is_failed_tool(const known *trace)
{
	return strcmp(trace->type, "tool") == 0 && is_error(trace);
}

static bool is_running_or_error(const known *trace)
{
	return *trace->name && trace->status != 0 && trace->status != 2;
}

static bool is_one_of_two(const known *trace)
{
	return has_name(trace, "rare") || has_name(trace, "sum");
}

static bool sounds_like_echo(const known *trace)
{
	return has_name(trace, "echo") || has_name(trace, "Echoing");
}

static bool is_early_echo(const known *trace)
{
	return has_name(trace, "echo") && trace->start != 0 && trace->start < 1e12 + 300 &&
	       trace->start >= 1e12 + 100;
}

static bool is_none(const known *trace)
{
	(void)trace;
	return false;
}

static bool is_not_flow(const known *trace)
{
	return sounds_like_echo(trace) && !is_flow(trace);
}

static const struct {
	const char *filter;
	judge *matches;
} cases[] = {
	{ "{'eq':{'type':'flow'}}", is_flow },
	{ "{'eq':{'name':'rare'}}", is_rare },
	{ "{'eq':{'status':1}}", is_error },
	{ "{'eq':{'type':'tool','status':[1]}}", is_failed_tool },
	{ "{'eq':{'status':['UNKNOWN',1]}}", is_running_or_error },
	{ "{'eq':{'name':['rare','sum',5]}}", is_one_of_two },
	{ "{'contains':{'name':'EcHo'}}", sounds_like_echo },
	{ "{'eq':{'name':'echo'},'lt':{'start':1000000000300},'gte':{'start':1000000000100}}",
		is_early_echo },
	{ "{'eq':{'name':'nobody'}}", is_none },
	{ "{'eq':{'name':[]}}", is_none },
	{ "{'eq':{'status':'1'}}", is_none },
	{ "{'contains':{'name':'nothing'}}", is_none },
	{ "{'eq':{'name':['echo','Echoing']},'neq':{'type':'flow'}}", is_not_flow },
};

static int newest_first(const void *a, const void *b)
{
	const known *x = *(const known *const *)a, *y = *(const known *const *)b;
	double left = x->start == 0 ? -INFINITY : x->start;
	double right = y->start == 0 ? -INFINITY : y->start;

	if (left != right)
		return left < right ? 1 : -1;
	return x->sequence < y->sequence ? 1 : -1;
}

/* Their ids, each with a blank behind it. */
static char *expected(judge *matches)
{
	const known *found[TRACES];
	gk_buf text = GK_BUF_INIT(0);
	size_t n = 0;

	for (size_t i = 0; i < count; i++)
		if (traces[i].is_there && matches(&traces[i]))
			found[n++] = &traces[i];
	qsort(found, n, sizeof(*found), newest_first);
	gk_buf_puts(&text, "");
	for (size_t i = 0; i < n; i++)
		gk_buf_printf(&text, "%s ", found[i]->id);
	return gk_buf_take(&text, NULL);
}

/* The same from the store, in pages of so many. */
static char *listed(json_t *filter, unsigned limit)
{
	gk_buf text = GK_BUF_INIT(0);
	uint64_t offset = 0;
	bool has_more = true;

	gk_buf_puts(&text, "");
	while (has_more) {
		gk_auto_buf gk_buf page = GK_BUF_INIT(0);
		gk_auto_json json_t *value = NULL;
		gk_trace_query query = { .limit = limit, .offset = offset, .filter = filter };
		json_t *list, *one;
		size_t i;

		ck_assert_int_eq(gk_sqlite_list(&sqlite->base, &query, &page, NULL), GK_OK);
		ck_assert_int_eq(gk_json_parse(page.data, page.len, 0, &value, NULL), GK_OK);
		list = json_object_get(value, "traces");
		json_array_foreach (list, i, one)
			gk_buf_printf(
				&text, "%s ", json_string_value(json_object_get(one, "traceId")));
		has_more = json_object_get(value, "continuationToken") != NULL;
		ck_assert(!has_more || json_array_size(list) == limit);
		offset += limit;
	}
	return gk_buf_take(&text, NULL);
}

static void check_all(void)
{
	fold();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		gk_auto_json json_t *filter = json(cases[i].filter);
		gk_auto_str char *want = expected(cases[i].matches);

		for (unsigned limit = 1000; limit > 2; limit /= 12) {
			gk_auto_str char *got = listed(filter, limit);

			ck_assert_msg(strcmp(want, got) == 0, "%s by %u: %.300s, not %.300s",
				cases[i].filter, limit, got, want);
		}
	}
}

/* --- tests --- */

START_TEST(a_filter_gives_what_a_look_at_every_trace_would)
{
	for (unsigned round = 0; round < 4; round++) {
		while (count < TRACES / 4 * (round + 1))
			add_random();
		check_all();
		for (unsigned i = 0; i < 30; i++)
			change_random();
		for (unsigned i = 0; i < 10; i++)
			delete_random();
		check_all();
	}
}
END_TEST

START_TEST(a_page_that_is_asked_for_by_itself_is_the_same)
{
	gk_auto_json json_t *filter = json("{'eq':{'type':'flow'}}");
	gk_auto_str char *all = NULL, *want = NULL;
	gk_auto_buf gk_buf page = GK_BUF_INIT(0);
	const char *id;

	while (count < TRACES)
		add_random();
	fold();
	all = expected(is_flow);
	id = all;
	for (int i = 0; i < 200; i++)
		id = strchr(id, ' ') + 1;
	ck_assert_int_gt(
		asprintf(&want, "\"traceId\":\"%.*s\"", (int)(strchr(id, ' ') - id), id), 0);
	ck_assert_int_eq(gk_sqlite_list(&sqlite->base,
				 &(gk_trace_query){ .limit = 1, .offset = 200, .filter = filter },
				 &page, NULL),
		GK_OK);
	ck_assert_msg(strstr(page.data, want), "%s: %s", want, page.data);
}
END_TEST

static int64_t number(const char *sql)
{
	int64_t value = -1;

	ck_assert_int_eq(gk_db_number(&sqlite->db, sql, &value, NULL), GK_OK);
	return value;
}

START_TEST(traces_that_begin_together_share_their_marks)
{
	for (unsigned i = 0; i < 100; i++) {
		known *trace = &traces[count];

		snprintf(trace->id, sizeof(trace->id), "t%zu", count++);
		trace->type = "flow";
		trace->name = "echo";
		trace->start = 32000 + i * (GK_STORE_MARK_MS / 100.0);
		save(trace);
	}
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM marks"), 3);
	ck_assert_int_eq(
		number("SELECT count(*) FROM marks WHERE at = 32000 AND until = 32032"), 3);
}
END_TEST

START_TEST(marks_go_with_the_traces_they_lead_to)
{
	bool more = true;

	for (unsigned i = 0; i < 560; i++) {
		known *trace = &traces[count];

		snprintf(trace->id, sizeof(trace->id), "t%zu", count++);
		trace->type = "flow";
		trace->name = names[i % 5];
		trace->start = 1e12 + 100.0 * i;
		save(trace);
	}
	fold();
	ck_assert_int_eq(number("SELECT count(*) FROM marks"), 1680);
	ck_assert_int_gt(1680, GK_STORE_MARKS_KNOWN); /* some gave way to others */
	while (more)
		ck_assert_int_eq(sqlite->base.type->sweep(&sqlite->base,
					 &(gk_trace_limits){ .max_traces = 20 }, &more, NULL),
			GK_OK);
	for (size_t i = 0; i < 540; i++)
		traces[i].is_there = false;
	/* one more may end just where the first trace begins */
	ck_assert_int_ge(number("SELECT count(*) FROM marks"), 60);
	ck_assert_int_le(number("SELECT count(*) FROM marks"), 63);
	traces[count] = traces[0]; /* an old one comes again: its marks are not remembered */
	snprintf(traces[count].id, sizeof(traces[count].id), "new");
	save(&traces[count++]);
	check_all();
}
END_TEST

static int count_steps(void *user)
{
	(*(unsigned *)user)++;
	return 0;
}

/* Of all pages of a list, in SQLite's instructions. */
static unsigned cost(const char *text)
{
	gk_auto_json json_t *filter = json(text);
	gk_auto_str char *ids = NULL;
	unsigned steps = 0;
	gk_db *db = gk_sqlite_borrow(sqlite, NULL);

	sqlite3_progress_handler(db->handle, 1, count_steps, &steps);
	gk_sqlite_return(sqlite, db); /* and the first that is free is borrowed again */
	ids = listed(filter, 1000);
	ck_assert(strstr(ids, "t0 "));
	sqlite3_progress_handler(db->handle, 0, NULL, NULL);
	return steps;
}

START_TEST(a_filter_by_start_as_well_looks_through_no_more)
{
	for (unsigned i = 0; i < 300; i++) {
		known *trace = &traces[count];

		snprintf(trace->id, sizeof(trace->id), "t%zu", count++);
		trace->type = "flow";
		trace->name = names[i % 3];
		trace->start = 1e12 + 100.0 * i;
		save(trace);
	}
	fold();
	ck_assert_uint_lt(cost("{'eq':{'name':'echo'},'gte':{'start':1},'lte':{'start':2e12}}"),
		2 * cost("{'eq':{'name':'echo'}}"));
}
END_TEST

START_TEST(a_part_of_a_name_finds_what_has_no_start)
{
	gk_auto_json json_t *filter = json("{'contains':{'name':'ODD'}}");
	gk_auto_str char *ids = NULL;

	while (count < 3) {
		known *trace = &traces[count];

		snprintf(trace->id, sizeof(trace->id), "t%zu", count++);
		trace->type = "flow";
		trace->name = count == 1 ? "odd" : count == 2 ? "even" : "oddly";
		trace->start = count == 3 ? 1e12 : 0;
		save(trace);
	}
	fold();
	ids = listed(filter, 10);
	ck_assert_str_eq(ids, "t2 t0 ");
}
END_TEST

static Suite *walk_suite(void)
{
	Suite *suite = suite_create("trace walk");
	TCase *tests = tcase_create("walk");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_filter_gives_what_a_look_at_every_trace_would);
	tcase_add_test(tests, a_page_that_is_asked_for_by_itself_is_the_same);
	tcase_add_test(tests, traces_that_begin_together_share_their_marks);
	tcase_add_test(tests, marks_go_with_the_traces_they_lead_to);
	tcase_add_test(tests, a_filter_by_start_as_well_looks_through_no_more);
	tcase_add_test(tests, a_part_of_a_name_finds_what_has_no_start);
	suite_add_tcase(suite, tests);
	return suite;
}

UNIT_MAIN(walk_suite)
