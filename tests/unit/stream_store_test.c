/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "base/limits.h"
#include "loop/loop_internal.h"
#include "server/stream_store.h"

#include <stdio.h>

static gk_loop *loop;
static gk_stream_store *store;

static void make(const gk_stream_memory_opts *opts)
{
	ck_assert_int_eq(gk_stream_memory_new(loop, opts, &store, NULL), GK_OK);
}

static void setup(void)
{
	ck_assert_int_eq(gk_loop_new(&loop, NULL), GK_OK);
	store = NULL;
}

static void teardown(void)
{
	gk_stream_store_unref(store);
	gk_loop_free(loop);
}

static gk_stream_writer *open_stream(const char *id)
{
	gk_stream_writer *writer = NULL;

	ck_assert_int_eq(store->type->open(store, id, &writer, NULL), GK_OK);
	return writer;
}

static gk_code append(gk_stream_writer *writer, gk_stream_kind kind, const char *text)
{
	return store->type->append(writer, &(gk_stream_event){ kind, text, strlen(text) }, NULL);
}

/* A stream that has ended, with one chunk. */
static void finished(const char *id, const char *text)
{
	gk_stream_writer *writer = open_stream(id);

	ck_assert_int_eq(append(writer, GK_STREAM_CHUNK, text), GK_OK);
	ck_assert_int_eq(append(writer, GK_STREAM_RESULT, "end"), GK_OK);
	store->type->close(writer);
}

static bool exists(const char *id)
{
	gk_stream_reader *reader = NULL;
	gk_code rc = store->type->read(store, id, &reader, NULL);

	if (rc == GK_OK)
		store->type->done(reader);
	return rc == GK_OK;
}

/* A fiber that collects events as text. */
typedef struct collector {
	gk_stream_reader *reader;
	char text[256];
	gk_code rc;
	bool is_done;
} collector;

static void collect(void *user)
{
	collector *c = user;
	gk_stream_event event = { .kind = GK_STREAM_CHUNK };

	while (c->rc == GK_OK && event.kind == GK_STREAM_CHUNK) {
		c->rc = store->type->next(c->reader, &event, NULL);
		if (c->rc == GK_OK)
			snprintf(c->text + strlen(c->text), sizeof(c->text) - strlen(c->text),
				"%d:%.*s ", (int)event.kind, (int)event.len, event.text);
	}
	store->type->done(c->reader);
	c->is_done = true;
}

static void start(collector *c, const char *id, gk_scope *scope)
{
	*c = (collector){ .rc = GK_OK };
	ck_assert_int_eq(store->type->read(store, id, &c->reader, NULL), GK_OK);
	ck_assert_int_eq(gk_fiber_start(loop, "collect", scope, collect, c, NULL, NULL), GK_OK);
}

START_TEST(readers_see_everything_from_the_beginning_and_what_follows)
{
	gk_stream_writer *writer;
	collector early, late, after;

	make(NULL);
	writer = open_stream("a");
	start(&early, "a", NULL);
	ck_assert_int_eq(append(writer, GK_STREAM_CHUNK, "one"), GK_OK);
	gk_loop_turn(loop, 0);
	ck_assert_str_eq(early.text, "0:one ");
	start(&late, "a", NULL);
	ck_assert_str_eq(late.text, "0:one ");
	ck_assert_int_eq(append(writer, GK_STREAM_CHUNK, ""), GK_OK);
	ck_assert_int_eq(append(writer, GK_STREAM_ERROR, "bad"), GK_OK);
	store->type->close(writer);
	gk_loop_turn(loop, 0);
	start(&after, "a", NULL);
	ck_assert(early.is_done && late.is_done && after.is_done);
	ck_assert_str_eq(early.text, "0:one 0: 2:bad ");
	ck_assert_str_eq(late.text, "0:one 0: 2:bad ");
	ck_assert_str_eq(after.text, "0:one 0: 2:bad ");
}
END_TEST

START_TEST(ids_are_unique_and_unknown_ones_not_found)
{
	gk_stream_writer *writer, *other = NULL;

	make(NULL);
	writer = open_stream("a");
	ck_assert_int_eq(store->type->open(store, "a", &other, NULL), GK_ALREADY_EXISTS);
	ck_assert(exists("a"));
	ck_assert(!exists("b"));
	store->type->close(writer);
}
END_TEST

START_TEST(a_writer_that_vanishes_ends_its_stream_with_an_error)
{
	collector c;
	gk_stream_writer *writer;

	make(NULL);
	writer = open_stream("a");
	start(&c, "a", NULL);
	store->type->close(writer);
	gk_loop_turn(loop, 0);
	ck_assert(c.is_done);
	ck_assert_int_eq(strncmp(c.text, "2:{\"error\":{\"status\":\"UNAVAILABLE\"", 34), 0);
}
END_TEST

START_TEST(a_reader_can_be_called_off)
{
	collector c;
	gk_scope *scope = gk_scope_new(loop, NULL);
	gk_stream_writer *writer;

	make(NULL);
	writer = open_stream("a");
	start(&c, "a", scope);
	gk_scope_cancel(scope, GK_CANCELLED);
	gk_loop_turn(loop, 0);
	ck_assert(c.is_done);
	ck_assert_int_eq(c.rc, GK_CANCELLED);
	gk_scope_unref(scope);
	store->type->close(writer);
}
END_TEST

START_TEST(a_finished_stream_expires)
{
	make(GK_OPTS(gk_stream_memory_opts, .ttl_ms = 20));
	finished("a", "x");
	ck_assert(exists("a"));
	gk_loop_turn(loop, 10);
	finished("b", "x");
	for (int i = 0; i < 1000 && exists("a"); i++)
		gk_loop_turn(loop, 5);
	ck_assert(!exists("a"));
	for (int i = 0; i < 1000 && exists("b"); i++)
		gk_loop_turn(loop, 5);
	ck_assert(!exists("b"));
	finished("c", "x");
	for (int i = 0; i < 1000 && exists("c"); i++)
		gk_loop_turn(loop, 5);
	ck_assert(!exists("c"));
}
END_TEST

START_TEST(the_oldest_finished_stream_makes_room_for_another)
{
	gk_stream_writer *writer, *other = NULL;

	make(GK_OPTS(gk_stream_memory_opts, .max_streams = 2));
	finished("a", "x");
	finished("b", "x");
	writer = open_stream("c");
	ck_assert(!exists("a"));
	ck_assert(exists("b"));
	other = open_stream("d");
	ck_assert(!exists("b"));
	ck_assert_int_eq(store->type->open(store, "e", &(gk_stream_writer *){ NULL }, NULL),
		GK_RESOURCE_EXHAUSTED);
	store->type->close(writer);
	store->type->close(other);
}
END_TEST

START_TEST(bytes_are_limited_but_the_end_always_fits)
{
	char large[1000] = "";
	gk_stream_writer *writer;
	collector c;
	gk_code rc = GK_OK;
	int chunks = 0;

	make(GK_OPTS(gk_stream_memory_opts, .max_bytes = 4000));
	memset(large, 'x', sizeof(large) - 1);
	finished("a", large);
	finished("b", large);
	writer = open_stream("c");
	while (rc == GK_OK && chunks < 10) {
		rc = append(writer, GK_STREAM_CHUNK, large);
		chunks += rc == GK_OK;
	}
	ck_assert_int_eq(rc, GK_RESOURCE_EXHAUSTED);
	ck_assert_int_eq(chunks, 3); /* both others have made room */
	ck_assert(!exists("a") && !exists("b"));
	ck_assert_int_eq(append(writer, GK_STREAM_ERROR, large), GK_OK);
	store->type->close(writer);
	start(&c, "c", NULL);
	ck_assert(c.is_done);
	writer = open_stream("d");
	ck_assert_int_eq(append(writer, GK_STREAM_CHUNK, large), GK_OK);
	ck_assert(!exists("c"));
	ck_assert_int_eq(append(writer, GK_STREAM_RESULT, "end"), GK_OK);
	store->type->close(writer);
}
END_TEST

START_TEST(so_many_streams_are_kept_when_nothing_else_is_said)
{
	gk_stream_writer *writer;
	char id[16];

	make(NULL);
	for (unsigned i = 0; i < GK_MAX_DURABLE_STREAMS; i++) {
		snprintf(id, sizeof(id), "%u", i);
		finished(id, "x");
	}
	ck_assert(exists("0"));
	writer = open_stream("one more");
	ck_assert(!exists("0"));
	ck_assert(exists("1"));
	store->type->close(writer);
}
END_TEST

START_TEST(so_many_bytes_are_kept_when_nothing_else_is_said)
{
	size_t len = 1u << 20, taken = 0;
	gk_auto_str char *text = malloc(len + 1);
	gk_stream_writer *writer;

	memset(text, 'x', len);
	text[len] = '\0';
	make(NULL);
	writer = open_stream("a");
	while (append(writer, GK_STREAM_CHUNK, text) == GK_OK)
		taken += len;
	ck_assert_uint_le(taken, GK_MAX_DURABLE_BYTES);
	ck_assert_uint_gt(taken, GK_MAX_DURABLE_BYTES - 2 * len); /* each has a header */
	ck_assert_int_eq(append(writer, GK_STREAM_RESULT, "end"), GK_OK);
	store->type->close(writer);
}
END_TEST

START_TEST(a_finished_stream_is_kept_so_long_when_nothing_else_is_said)
{
	uint64_t now;

	make(NULL);
	finished("a", "x");
	now = gk_loop_now_ms(loop);
	ck_assert_uint_gt(loop->first_timer->due_ms, now + GK_DURABLE_STREAM_TTL_MS - 1000);
	ck_assert_uint_le(loop->first_timer->due_ms, now + GK_DURABLE_STREAM_TTL_MS + 1000);
}
END_TEST

START_TEST(a_reader_keeps_a_stream_that_was_forgotten)
{
	gk_stream_reader *reader = NULL;
	collector c = { .rc = GK_OK };

	make(GK_OPTS(gk_stream_memory_opts, .max_streams = 1));
	finished("a", "x");
	ck_assert_int_eq(store->type->read(store, "a", &reader, NULL), GK_OK);
	finished("b", "x");
	ck_assert(!exists("a"));
	c.reader = reader;
	ck_assert_int_eq(gk_fiber_start(loop, "collect", NULL, collect, &c, NULL, NULL), GK_OK);
	ck_assert_str_eq(c.text, "0:x 1:end ");
}
END_TEST

START_TEST(a_reader_keeps_the_store)
{
	gk_stream_store *mine;
	collector c;

	make(NULL);
	finished("a", "x");
	mine = store;
	c = (collector){ .rc = GK_OK };
	ck_assert_int_eq(store->type->read(store, "a", &c.reader, NULL), GK_OK);
	gk_stream_store_unref(mine);
	ck_assert_int_eq(gk_fiber_start(loop, "collect", NULL, collect, &c, NULL, NULL), GK_OK);
	ck_assert_str_eq(c.text, "0:x 1:end ");
	store = NULL;
}
END_TEST

static bool record(void)
{
	gk_stream_writer *writer = NULL;
	gk_stream_reader *reader = NULL;
	gk_code rc = gk_stream_memory_new(loop, NULL, &store, NULL);

	if (rc != GK_OK)
		return false;
	rc = store->type->open(store, "a", &writer, NULL);
	if (rc == GK_OK) {
		rc = append(writer, GK_STREAM_CHUNK, "x");
		if (rc == GK_OK)
			rc = append(writer, GK_STREAM_RESULT, "y");
		store->type->close(writer);
	}
	if (rc == GK_OK)
		rc = store->type->read(store, "a", &reader, NULL);
	if (reader)
		store->type->done(reader);
	store = gk_stream_store_unref(store);
	return rc == GK_OK;
}

START_TEST(recording_survives_a_lack_of_memory)
{
	fault_sweep(record);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("stream store");
	TCase *t = tcase_create("memory");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, readers_see_everything_from_the_beginning_and_what_follows);
	tcase_add_test(t, ids_are_unique_and_unknown_ones_not_found);
	tcase_add_test(t, a_writer_that_vanishes_ends_its_stream_with_an_error);
	tcase_add_test(t, a_reader_can_be_called_off);
	tcase_add_test(t, a_finished_stream_expires);
	tcase_add_test(t, the_oldest_finished_stream_makes_room_for_another);
	tcase_add_test(t, bytes_are_limited_but_the_end_always_fits);
	tcase_add_test(t, so_many_streams_are_kept_when_nothing_else_is_said);
	tcase_add_test(t, so_many_bytes_are_kept_when_nothing_else_is_said);
	tcase_add_test(t, a_finished_stream_is_kept_so_long_when_nothing_else_is_said);
	tcase_add_test(t, a_reader_keeps_a_stream_that_was_forgotten);
	tcase_add_test(t, a_reader_keeps_the_store);
	tcase_add_test(t, recording_survives_a_lack_of_memory);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
