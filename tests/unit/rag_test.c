/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Documents, embedders, retrievers, indexers, rerankers. The vectors (core/documents.yaml, core/rag-eval.yaml) say the
 * rest. */
#include "core.h"

#include "base/log.h"

#include <genkit/document.h>

static void must(gk_code rc, gk_error *err)
{
	if (rc != GK_OK)
		ck_abort_msg("%s", err->message);
}

/* --- documents --- */

static unsigned warnings;

static void count_warnings(const gk_log_record *record, void *user)
{
	(void)user;
	warnings += record->level == GK_LOG_WARN;
}

static unsigned warnings_of(const char *embeddings_text)
{
	gk_auto_json json_t *document = gk_document_of_text("x", NULL);
	gk_auto_json json_t *embeddings = json(embeddings_text), *documents;

	warnings = 0;
	gk_log_set_sink(count_warnings, NULL);
	documents = gk_document_split(document, embeddings);
	ck_assert_uint_eq(json_array_size(documents), json_array_size(embeddings));
	gk_log_set_sink(NULL, NULL);
	return warnings;
}

START_TEST(documents_that_cannot_be_told_apart_are_warned_of)
{
	ck_assert_uint_eq(warnings_of("[]"), 0);
	ck_assert_uint_eq(warnings_of("[{'embedding':[1]}]"), 0);
	ck_assert_uint_eq(warnings_of("[{'embedding':[1]},{'embedding':[2]}]"), 1);
	ck_assert_uint_eq(warnings_of("[{'metadata':{'n':1}},{'metadata':{'n':2}}]"), 0);
	ck_assert_uint_eq(warnings_of("[{'metadata':{'n':1}},{},{'metadata':{'n':1}}]"), 1);
}
END_TEST

START_TEST(the_copies_of_a_document_are_their_own)
{
	gk_auto_json json_t *document = json("{'content':[{'text':'x'}],'metadata':{'a':1}}");
	gk_auto_json json_t *embeddings = json("[{'metadata':{'n':1}}]"), *list = NULL;

	list = gk_document_split(document, embeddings);
	assert_json(
		list, "[{'content':[{'text':'x'}],'metadata':{'a':1,'embedMetadata':{'n':1}}}]");
	assert_json(document, "{'content':[{'text':'x'}],'metadata':{'a':1}}");
}
END_TEST

START_TEST(a_document_without_text_and_media_has_no_data)
{
	gk_auto_json json_t *document = json("{'content':[{'custom':{}}]}");
	gk_auto_str char *data = gk_document_data(document);

	ck_assert_str_eq(data, "");
	ck_assert_ptr_null(gk_document_data_type_peek(document));
}
END_TEST

/* --- embedders --- */

static gk_code embed_lengths(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	json_t *embeddings = json_array(), *document;
	size_t i;

	(void)ctx, (void)err;
	json_array_foreach (json_object_get(request, "input"), i, document) {
		gk_auto_str char *text = gk_document_text(document);
		float length = (float)strlen(text);

		json_array_append_new(embeddings,
			gk_embedding_new(&length, 1, json_object_get(request, "options")));
	}
	*ret = json_pack("{s:o}", "embeddings", embeddings);
	return GK_OK;
}

static void define_lengths(void)
{
	gk_error err = { 0 };

	must(gk_define_embedder(core_app,
		     GK_OPTS(gk_embedder_opts, .name = "lengths", .label = "Lengths",
			     .supports = GK_EMBEDS_TEXT | GK_EMBEDS_VIDEO, .multilingual = GK_YES,
			     .dimensions = 1, .config = "unit?: string", .run = embed_lengths),
		     &err),
		&err);
}

START_TEST(an_embedder_says_what_it_can_do)
{
	gk_action *action;

	define_lengths();
	action = gk_app_find_action_peek(core_app, "/embedder/lengths");
	assert_json(gk_action_metadata_peek(action),
		"{'type':'embedder','info':{'label':'Lengths','supports':{'input':['text','video'],"
		"'multilingual':true},'dimensions':1},'embedder':{'customOptions':{'type':'object',"
		"'properties':{'unit':{'type':['string','null']}},'additionalProperties':false}}}");
}
END_TEST

static gk_code embed_several(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_embed_many(ctx,
		GK_OPTS(gk_embed_many_opts, .embedder = "lengths",
			.content = json_object_get(input, "content"),
			.metadata = json_object_get(input, "metadata"),
			.options = json_object_get(input, "options")),
		ret, err);
}

START_TEST(several_texts_and_documents_are_embedded_in_one_call)
{
	gk_auto_json json_t *result = NULL;

	define_lengths();
	core_flow("f", embed_several, NULL);
	result = core_run("/flow/f", json("{'content':['ab',{'content':[{'text':'abc'}]}],"
					  "'metadata':{'m':1},'options':{'o':1}}"));
	assert_json(result,
		"[{'embedding':[2],'metadata':{'o':1}},{'embedding':[3],'metadata':{'o':1}}]");
	ck_assert_str_eq(gk_json_str_peek(core_attributes("lengths"), "genkit:input"),
		"{\"input\":[{\"content\":[{\"text\":\"ab\"}],\"metadata\":{\"m\":1}},{\"content\":[{"
		"\"text\":\"abc\"}]}],\"options\":{\"o\":1}}");
	core_fail("/flow/f", json("{'content':'ab'}"), GK_INVALID_ARGUMENT,
		"documents are given as a list");
	core_fail("/flow/f", json("{'content':[null]}"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

static gk_code embed_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	return gk_embed(ctx, GK_OPTS(gk_embed_opts, .embedder = "lengths"), ret, err);
}

START_TEST(something_is_needed_to_embed)
{
	define_lengths();
	core_flow("f", embed_nothing, NULL);
	core_fail("/flow/f", NULL, GK_INVALID_ARGUMENT, "neither a text nor a document");
}
END_TEST

START_TEST(an_embedding_holds_numbers_that_json_has)
{
	static const float values[] = { 1, 0.5f, -2 }, none[] = { 1.0f / 0.0f };
	gk_auto_json json_t *embedding = gk_embedding_new(values, 3, NULL);

	assert_json(embedding, "{'embedding':[1,0.5,-2]}");
	ck_assert_ptr_null(gk_embedding_new(none, 1, NULL));
}
END_TEST

static gk_code define_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)ret;
	return gk_define_embedder(gk_ctx_app(ctx),
		GK_OPTS(gk_embedder_opts, .name = "late", .run = embed_lengths), err);
}

START_TEST(no_embedder_is_defined_at_run_time)
{
	gk_error err = { 0 };

	must(gk_define_action(core_app,
		     GK_OPTS(gk_action_opts, .type = "custom", .name = "c", .run = define_inside),
		     &err),
		&err);
	core_fail("/custom/c", NULL, GK_FAILED_PRECONDITION, NULL);
}
END_TEST

/* --- retrievers and indexers --- */

static gk_code give_documents(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack("{s:[O]}", "documents", json_object_get(request, "query"));
	return GK_OK;
}

static gk_code retrieve_with(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	return gk_retrieve(ctx,
		GK_OPTS(gk_retrieve_opts, .retriever = "r",
			.query = gk_json_str_peek(input, "query"),
			.query_document = json_object_get(input, "document"),
			.options = json_object_get(input, "options")),
		ret, err);
}

static void define_retriever(const char *config)
{
	gk_error err = { 0 };

	must(gk_define_retriever(core_app,
		     GK_OPTS(gk_retriever_opts, .name = "r", .label = "R", .media = GK_NO,
			     .config = config, .run = give_documents),
		     &err),
		&err);
	core_flow("f", retrieve_with, NULL);
}

START_TEST(options_are_checked_when_they_are_given)
{
	gk_auto_json json_t *without = NULL, *with = NULL;

	define_retriever("k: integer");
	without = core_run("/flow/f", json("{'query':'q'}"));
	assert_json(without, "[{'content':[{'text':'q'}]}]");
	with = core_run("/flow/f", json("{'document':{'content':[]},'options':{'k':1}}"));
	assert_json(with, "[{'content':[]}]");
	core_fail("/flow/f", json("{'query':'q','options':{'k':'x'}}"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(references_within_the_schema_of_options_are_kept)
{
	gk_auto_json json_t *good = NULL;

	define_retriever("{\"type\":\"object\",\"definitions\":{\"n\":{\"type\":\"integer\"}},"
			 "\"properties\":{\"k\":{\"$ref\":\"#/definitions/n\"},"
			 "\"c\":{\"const\":{\"$ref\":\"#\"}}}}");
	good = core_run("/flow/f", json("{'query':'q','options':{'k':1,'c':{'$ref':'#'}}}"));
	core_fail("/flow/f", json("{'query':'q','options':{'k':'x'}}"), GK_INVALID_ARGUMENT, NULL);
}
END_TEST

START_TEST(a_retriever_says_what_it_can_do)
{
	gk_action *action;

	define_retriever(NULL);
	action = gk_app_find_action_peek(core_app, "/retriever/r");
	assert_json(gk_action_metadata_peek(action),
		"{'type':'retriever','info':{'label':'R','supports':{'media':false}},'retriever':{}}");
}
END_TEST

static gk_code take_documents(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ret, (void)err;
	*(size_t *)gk_ctx_user(ctx) += json_array_size(json_object_get(request, "documents"));
	return GK_OK;
}

static gk_code index_input(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ret;
	return gk_index(ctx, GK_OPTS(gk_index_opts, .indexer = "i", .documents = input), err);
}

START_TEST(an_indexer_takes_texts_and_documents)
{
	gk_auto_json json_t *result = NULL;
	gk_error err = { 0 };
	size_t taken = 0;

	must(gk_define_indexer(core_app,
		     GK_OPTS(gk_retriever_opts, .name = "i", .label = "I", .run = take_documents,
			     .user = &taken),
		     &err),
		&err);
	core_flow("f", index_input, NULL);
	result = core_run("/flow/f", json("['a',{'content':[]}]"));
	ck_assert_ptr_null(result);
	ck_assert_uint_eq(taken, 2);
	assert_json(gk_action_metadata_peek(gk_app_find_action_peek(core_app, "/indexer/i")),
		"{'type':'indexer','embedderInfo':{'label':'I'},'indexer':{}}");
}
END_TEST

/* --- simple retrievers --- */

static unsigned freed;

static void count_free(void *user)
{
	(void)user;
	freed++;
}

static gk_code give_items(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)request, (void)err;
	*ret = json(gk_ctx_user(ctx));
	return GK_OK;
}

static gk_code shout(json_t *item, void *user, json_t **ret, gk_error *err)
{
	(void)user, (void)err;
	*ret = json_sprintf("%s!", gk_json_str_peek(item, "t"));
	return GK_OK;
}

static gk_code parts(json_t *item, void *user, json_t **ret, gk_error *err)
{
	(void)item, (void)user, (void)err;
	*ret = json("[{'text':'a'},{'text':'b'}]");
	return GK_OK;
}

static gk_code refuse(json_t *item, void *user, json_t **ret, gk_error *err)
{
	(void)item, (void)user, (void)ret;
	return gk_error_set(err, GK_OUT_OF_RANGE, "not this item");
}

static void define_simple(const char *items, gk_item_fn *content_of, gk_item_fn *metadata_of,
	const char *const *names)
{
	gk_error err = { 0 };

	must(gk_define_simple_retriever(core_app,
		     GK_OPTS(gk_simple_retriever_opts, .name = "r", .content_of = content_of,
			     .metadata_of = metadata_of, .metadata = names, .run = give_items,
			     .user = (void *)items, .free_user = count_free),
		     &err),
		&err);
	core_flow("f", retrieve_with, NULL);
}

START_TEST(functions_may_say_what_is_content_and_metadata)
{
	gk_auto_json json_t *result = NULL;

	define_simple("[{'t':'x','n':1}]", shout, shout, NULL);
	core_fail("/flow/f", json("{'query':'q'}"), GK_INVALID_ARGUMENT,
		NULL); /* a text is no metadata */
	gk_app_remove_action(core_app, "/retriever/r");
	gk_app_remove_action(core_app, "/flow/f");
	define_simple("[{'t':'x','n':1}]", parts, NULL, NULL);
	result = core_run("/flow/f", json("{'query':'q'}"));
	assert_json(result, "[{'content':[{'text':'a'},{'text':'b'}],'metadata':{'t':'x','n':1}}]");
}
END_TEST

START_TEST(the_failure_of_such_a_function_is_the_calls)
{
	define_simple("[{'t':'x'}]", shout, refuse, NULL);
	core_fail("/flow/f", json("{'query':'q'}"), GK_OUT_OF_RANGE, "not this item");
}
END_TEST

START_TEST(metadata_are_the_members_that_are_named_and_there)
{
	static const char *const names[] = { "n", "none", NULL };
	gk_auto_json json_t *result = NULL;

	define_simple("[{'t':'x','n':1,'m':2}]", shout, NULL, names);
	result = core_run("/flow/f", json("{'query':'q'}"));
	assert_json(result, "[{'content':[{'text':'x!'}],'metadata':{'n':1}}]");
}
END_TEST

START_TEST(a_simple_retriever_gives_a_list)
{
	freed = 0;
	define_simple("{}", NULL, NULL, NULL);
	core_fail("/flow/f", json("{'query':'q'}"), GK_INVALID_ARGUMENT,
		"a simple retriever gives a list of items");
	gk_app_remove_action(core_app, "/retriever/r");
	ck_assert_uint_eq(freed, 1);
}
END_TEST

START_TEST(what_a_definition_got_stays_the_callers_when_it_fails)
{
	gk_simple_retriever_opts opts = {
		.size = sizeof(opts), .run = give_items, .free_user = count_free
	};

	freed = 0;
	ck_assert_int_eq(gk_define_simple_retriever(core_app, &opts, NULL), GK_INVALID_ARGUMENT);
	opts.name = "r";
	opts.config = "a: nosuchtype";
	ck_assert_int_eq(gk_define_simple_retriever(core_app, &opts, NULL), GK_INVALID_ARGUMENT);
	opts.run = NULL;
	ck_assert_int_eq(gk_define_simple_retriever(core_app, &opts, NULL), GK_INVALID_ARGUMENT);
	ck_assert_uint_eq(freed, 0);
}
END_TEST

/* --- rerankers --- */

START_TEST(ranked_documents_are_in_the_order_of_their_scores)
{
	gk_auto_json json_t *document = json("{'content':[{'text':'x'}],'metadata':{'a':1}}");
	gk_auto_json json_t *list = json_array(), *best = NULL, *all = NULL;
	static const double scores[] = { 1, 3, 2, 3 };

	for (size_t i = 0; i < 4; i++) {
		json_t *own = gk_ranked_document(document, scores[i]);

		json_object_set_new(own, "place", json_integer((json_int_t)i));
		json_array_append_new(list, own);
	}
	best = gk_ranked_documents(list, 2);
	assert_json(best,
		"{'documents':[{'content':[{'text':'x'}],'metadata':{'a':1,'score':3},'place':1},"
		"{'content':[{'text':'x'}],'metadata':{'a':1,'score':3},'place':3}]}");
	all = gk_ranked_documents(list, 0);
	ck_assert_uint_eq(json_array_size(json_object_get(all, "documents")), 4);
	assert_json(document, "{'content':[{'text':'x'}],'metadata':{'a':1}}");
	ck_assert_ptr_null(gk_ranked_document(document, 1.0 / 0.0));
}
END_TEST

/* --- without memory --- */

static json_t *items;

static gk_code give_the_items(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	(void)ctx, (void)request, (void)err;
	*ret = json_incref(items);
	return GK_OK;
}

static bool define_and_run(void)
{
	gk_error err = { 0 };
	gk_run *run;
	bool ok = gk_define_simple_retriever(core_app,
			  GK_OPTS(gk_simple_retriever_opts, .name = "r", .config = "k: integer",
				  .content = "t", .run = give_the_items),
			  &err) == GK_OK &&
		  gk_run_start(GK_OPTS(gk_run_opts, .app = core_app, .key = "/flow/f"), &run,
			  &err) == GK_OK;

	gk_error_clear(&err);
	if (ok) {
		ok = gk_run_is_done(run) && !gk_run_error_peek(run);
		gk_run_unref(run);
	}
	gk_app_remove_action(core_app, "/retriever/r");
	return ok;
}

static gk_code retrieve_and_rank(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *documents = NULL, *ranked = json_array();
	json_t *one;
	gk_code rc = gk_retrieve(
		ctx, GK_OPTS(gk_retrieve_opts, .retriever = "r", .query = "q"), &documents, err);

	(void)input;
	if (rc != GK_OK)
		return rc;
	one = gk_ranked_document(json_array_get(documents, 0), 1);
	if (!one || json_array_append_new(ranked, one) < 0)
		return gk_error_no_memory(err);
	*ret = gk_ranked_documents(ranked, 0);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

START_TEST(retrieval_without_memory_fails_cleanly)
{
	core_flow("f", retrieve_and_rank, NULL);
	items = json("[{'t':'x','n':1},'y']");
	fault_sweep(define_and_run);
	json_decref(items);
}
END_TEST

static Suite *suite(void)
{
	Suite *it = suite_create("rag");
	TCase *tests = tcase_create("rag"), *unseen = tcase_create("unseen");

	tcase_add_checked_fixture(tests, core_start, core_stop);
	tcase_add_test(tests, documents_that_cannot_be_told_apart_are_warned_of);
	tcase_add_test(tests, the_copies_of_a_document_are_their_own);
	tcase_add_test(tests, a_document_without_text_and_media_has_no_data);
	tcase_add_test(tests, an_embedder_says_what_it_can_do);
	tcase_add_test(tests, several_texts_and_documents_are_embedded_in_one_call);
	tcase_add_test(tests, something_is_needed_to_embed);
	tcase_add_test(tests, an_embedding_holds_numbers_that_json_has);
	tcase_add_test(tests, no_embedder_is_defined_at_run_time);
	tcase_add_test(tests, options_are_checked_when_they_are_given);
	tcase_add_test(tests, references_within_the_schema_of_options_are_kept);
	tcase_add_test(tests, a_retriever_says_what_it_can_do);
	tcase_add_test(tests, an_indexer_takes_texts_and_documents);
	tcase_add_test(tests, functions_may_say_what_is_content_and_metadata);
	tcase_add_test(tests, the_failure_of_such_a_function_is_the_calls);
	tcase_add_test(tests, metadata_are_the_members_that_are_named_and_there);
	tcase_add_test(tests, a_simple_retriever_gives_a_list);
	tcase_add_test(tests, what_a_definition_got_stays_the_callers_when_it_fails);
	tcase_add_test(tests, ranked_documents_are_in_the_order_of_their_scores);
	suite_add_tcase(it, tests);
	tcase_add_checked_fixture(unseen, core_start_unseen, core_stop);
	tcase_add_test(unseen, retrieval_without_memory_fails_cleanly);
	suite_add_tcase(it, unseen);
	return it;
}

UNIT_MAIN(suite)
