/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The vector store: what is indexed is found. */
#include "core.h"

#include <genkit/embedder.h>

/* [length, 1] for a text; as many embeddings for a document as its metadata says. */
static gk_code embed_lengths(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *embeddings = json_array();
	json_t *document;
	size_t i;

	(void)ctx;
	json_array_foreach (json_object_get(request, "input"), i, document) {
		gk_auto_str char *text = gk_document_text(document);
		int64_t parts = gk_json_int_at(document, "metadata.parts", 1);
		float numbers[2] = { text ? (float)strlen(text) : 0, 1 };

		for (int64_t part = 0; part < parts; part++) {
			gk_auto_json json_t *metadata =
				parts > 1 ? json_pack("{s:I}", "part", (json_int_t)part) : NULL;
			json_t *one = gk_embedding_new(numbers, 2, metadata);

			if (!one || json_array_append_new(embeddings, one) < 0)
				return gk_error_no_memory(err);
		}
	}
	*ret = json_pack("{s:O}", "embeddings", embeddings);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code embed_nothing(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = json("{'embeddings':[{'embedding':[]}]}");
	return GK_OK;
}

static gk_code index_input(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret;
	return gk_index(ctx, GK_OPTS(gk_index_opts, .indexer = "s", .documents = input), err);
}

static gk_code retrieve_input(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_retrieve(ctx,
		GK_OPTS(gk_retrieve_opts, .retriever = "s", .query = gk_json_str_peek(input, "q"),
			.options = json_object_get(input, "options")),
		ret, err);
}

static void define_embedder(gk_action_fn *fn)
{
	ck_assert_int_eq(gk_define_embedder(core_app,
				 GK_OPTS(gk_embedder_opts, .name = "lengths", .run = fn), NULL),
		GK_OK);
}

static void define(gk_action_fn *embed)
{
	define_embedder(embed);
	ck_assert_int_eq(gk_define_vector_store(core_app,
				 GK_OPTS(gk_vector_store_opts, .name = "s", .label = "S",
					 .embedder = "lengths"),
				 NULL),
		GK_OK);
	core_flow("index", index_input, NULL);
	core_flow("retrieve", retrieve_input, NULL);
}

static void index_text(const char *documents)
{
	json_decref(core_run("/flow/index", json(documents)));
}

static void assert_found(const char *request, const char *expected)
{
	gk_auto_json json_t *found = core_run("/flow/retrieve", json(request));

	assert_json(found, expected);
}

START_TEST(what_was_indexed_is_found_the_nearest_first)
{
	define(embed_lengths);
	assert_found("{'q':'x'}", "[]");
	index_text("['aaaa',{'content':[{'text':'a'}],'metadata':{'m':1}}]");
	index_text("['aa']");
	index_text("[]");
	assert_found("{'q':'x'}",
		"[{'content':[{'text':'a'}],'metadata':{'m':1}},{'content':[{'text':'aa'}]},"
		"{'content':[{'text':'aaaa'}]}]");
	assert_found("{'q':'xxxxx','options':{'k':1}}", "[{'content':[{'text':'aaaa'}]}]");
	assert_found("{'q':'x','options':{'k':0}}", "[]");
	assert_found("{'q':'x','options':{'k':-1}}", "[]");
	core_fail("/flow/retrieve", json("{'q':'x','options':{'k':'many'}}"), GK_INVALID_ARGUMENT,
		NULL);
}
END_TEST

START_TEST(three_are_found_if_nothing_else_is_said)
{
	gk_auto_json json_t *found = NULL;

	define(embed_lengths);
	index_text("['a','aa','aaa','aaaa']");
	found = core_run("/flow/retrieve", json("{'q':'x'}"));
	ck_assert_uint_eq(json_array_size(found), 3);
	assert_found("{'q':'x','options':{'k':1000000000}}",
		"[{'content':[{'text':'a'}]},{'content':[{'text':'aa'}]},{'content':[{'text':'aaa'}]},"
		"{'content':[{'text':'aaaa'}]}]");
}
END_TEST

START_TEST(a_document_of_several_parts_is_found_by_each)
{
	define(embed_lengths);
	index_text("[{'content':[{'text':'a'}],'metadata':{'parts':2}},'b']");
	assert_found("{'q':'x'}",
		"[{'content':[{'text':'a'}],'metadata':{'parts':2,'embedMetadata':{'part':0}}},"
		"{'content':[{'text':'a'}],'metadata':{'parts':2,'embedMetadata':{'part':1}}},"
		"{'content':[{'text':'b'}]}]");
}
END_TEST

START_TEST(an_embedder_that_gives_no_vector_is_refused)
{
	define(embed_nothing);
	core_fail("/flow/index", json("['a']"), GK_INVALID_ARGUMENT,
		"embedder lengths gave a vector without numbers, or too many");
}
END_TEST

START_TEST(it_is_defined_whole_or_not_at_all)
{
	define_embedder(embed_lengths);
	ck_assert_int_eq(
		gk_define_vector_store(core_app, GK_OPTS(gk_vector_store_opts, .name = "s"), NULL),
		GK_INVALID_ARGUMENT);
	ck_assert_int_eq(
		gk_define_retriever(core_app,
			GK_OPTS(gk_retriever_opts, .name = "s", .run = embed_lengths), NULL),
		GK_OK);
	ck_assert_int_eq(
		gk_define_vector_store(core_app,
			GK_OPTS(gk_vector_store_opts, .name = "s", .embedder = "lengths"), NULL),
		GK_ALREADY_EXISTS);
	ck_assert_ptr_null(gk_app_find_action_peek(core_app, "/indexer/s"));
	ck_assert_int_eq(
		gk_define_vector_store(core_app,
			GK_OPTS(gk_vector_store_opts, .name = "", .embedder = "lengths"), NULL),
		GK_INVALID_ARGUMENT);
}
END_TEST

/* --- without memory --- */

static json_t *documents;

static bool run_key(const char *key, json_t *input)
{
	gk_run *run;
	bool ok = gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = key, .input = input),
			  &run, NULL) == GK_OK;

	if (ok) {
		ok = gk_run_is_done(run) && !gk_run_error_peek(run);
		gk_run_unref(run);
	}
	return ok;
}

static gk_code find(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_retrieve(
		ctx, GK_OPTS(gk_retrieve_opts, .retriever = "s", .query = "x"), ret, err);
}

static bool define_index_and_find(void)
{
	bool ok = gk_define_vector_store(core_app,
			  GK_OPTS(gk_vector_store_opts, .name = "s", .embedder = "lengths"),
			  NULL) == GK_OK;

	ok = ok && run_key("/flow/index", documents) && run_key("/flow/find", NULL);
	gk_app_remove_action(core_app, "/indexer/s");
	gk_app_remove_action(core_app, "/retriever/s");
	return ok;
}

START_TEST(a_store_without_memory_fails_cleanly)
{
	define_embedder(embed_lengths);
	core_flow("index", index_input, NULL);
	core_flow("find", find, NULL);
	documents = json("['a',{'content':[{'text':'b'}],'metadata':{'parts':2}}]");
	fault_sweep(define_index_and_find);
	json_decref(documents);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("vector_store");
	TCase *tests = tcase_create("vector_store"), *unseen = tcase_create("unseen");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, what_was_indexed_is_found_the_nearest_first);
	tcase_add_test(tests, three_are_found_if_nothing_else_is_said);
	tcase_add_test(tests, a_document_of_several_parts_is_found_by_each);
	tcase_add_test(tests, an_embedder_that_gives_no_vector_is_refused);
	tcase_add_test(tests, it_is_defined_whole_or_not_at_all);
	suite_add_tcase(it, tests);
	tcase_add_checked_fixture(unseen, core_start_unseen, core_stop);
	tcase_add_test(unseen, a_store_without_memory_fails_cleanly);
	suite_add_tcase(it, unseen);
	return it;
}

UNIT_MAIN(suite)
