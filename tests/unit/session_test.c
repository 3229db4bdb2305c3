/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Sessions and chats beyond what the vectors say: who waits for whom, who sees what, what is current. */
#include "core.h"

#include "ai/ai.h"

#include <genkit/genkit.h>

static gk_error err;

static void set_up(void)
{
	gk_auto_json json_t *model = json_string("test/echo");

	core_start();
	ck_assert_int_eq(gk_ai_init(core_app, NULL), GK_OK);
	ck_assert_int_eq(gk_define_test_models(core_app, NULL), GK_OK);
	ck_assert_int_eq(
		gk_set_value(core_app, "defaultModel", "defaultModel", model, NULL), GK_OK);
}

static void tear_down(void)
{
	core_stop();
	gk_error_clear(&err);
}

static gk_session *make_session(gk_ctx *ctx, const gk_session_opts *opts)
{
	gk_session *session = NULL;

	ck_assert_int_eq(gk_session_new(ctx, opts, &session, NULL), GK_OK);
	return session;
}

static gk_chat *make_chat(gk_ctx *ctx, gk_session *session, const gk_chat_opts *opts)
{
	gk_chat *chat = NULL;

	ck_assert_int_eq(gk_session_chat(ctx, session, opts, &chat, NULL), GK_OK);
	return chat;
}

static void say(gk_ctx *ctx, gk_chat *chat, const char *text)
{
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_chat_send(ctx, chat, text, &response, &err);

	ck_assert_msg(rc == GK_OK, "%s", err.message);
}

/* --- ids --- */

static gk_code look_at_ids(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *given =
		make_session(ctx, GK_OPTS(gk_session_opts, .id = "  mine "));
	gk_auto_session gk_session *blank = make_session(ctx, GK_OPTS(gk_session_opts, .id = "  "));
	gk_auto_session gk_session *none = make_session(ctx, NULL);

	(void)input, (void)ret, (void)error;
	ck_assert_str_eq(gk_session_id(given), "mine");
	ck_assert_uint_eq(strlen(gk_session_id(blank)), 36);
	ck_assert_str_ne(gk_session_id(blank), gk_session_id(none));
	ck_assert_ptr_null(gk_session_state(none));
	return GK_OK;
}

START_TEST(a_session_without_an_id_gets_one)
{
	core_in_run(look_at_ids, NULL);
}
END_TEST

/* --- stores --- */

static gk_code load_without_store(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_session *session = NULL;

	(void)input, (void)ret, (void)error;
	ck_assert_int_eq(gk_session_load(ctx, GK_OPTS(gk_session_opts, .id = "a"), &session, &err),
		GK_INVALID_ARGUMENT);
	assert_error(&err, GK_INVALID_ARGUMENT, "options.store is required");
	return GK_OK;
}

START_TEST(a_session_is_loaded_from_a_store)
{
	core_in_run(load_without_store, NULL);
}
END_TEST

static gk_code say_as(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	const gk_session_opts opts = {
		.size = sizeof(opts), .store = gk_session_store_peek(core_app), .id = "tuesday"
	};
	gk_auto_session gk_session *session = NULL;
	gk_auto_chat gk_chat *chat = NULL;

	(void)input, (void)error;
	ck_assert_int_eq(gk_session_load(ctx, &opts, &session, NULL), GK_OK);
	chat = make_chat(ctx, session, NULL);
	say(ctx, chat, "hello");
	*ret = json_integer((json_int_t)json_array_size(gk_chat_messages(chat)));
	return GK_OK;
}

static json_int_t run_as(const char *uid)
{
	gk_auto_json json_t *context = json_pack("{s:{s:s}}", "auth", "uid", uid);
	gk_run *run = core_begin(GK_OPTS(
		gk_run_opts, .app = core_app, .key = "/flow/say", .context = uid ? context : NULL));
	json_int_t ret;

	core_finish(run);
	ck_assert_ptr_null(gk_run_error_peek(run));
	ret = json_integer_value(gk_run_result_peek(run));
	gk_run_unref(run);
	return ret;
}

START_TEST(a_session_is_its_owners_alone)
{
	core_flow("say", say_as, NULL);
	ck_assert_int_eq(run_as("alice"), 2);
	ck_assert_int_eq(run_as("bob"), 2);
	ck_assert_int_eq(run_as(NULL), 2);
	ck_assert_int_eq(run_as("alice"), 4);
	ck_assert_int_eq(run_as("bob"), 4);
}
END_TEST

/* --- one after the other --- */

typedef struct pair {
	gk_session *session;
	gk_chat *chats[2];
} pair;

static gk_code send_one(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	(void)input, (void)ret, (void)error;
	say(ctx, gk_ctx_user(ctx), "x");
	return GK_OK;
}

static gk_code send_both(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *session = make_session(ctx, NULL);
	gk_auto_chat gk_chat *chat = make_chat(ctx, session, NULL);
	gk_auto_chat gk_chat *other =
		make_chat(ctx, session, GK_OPTS(gk_chat_opts, .thread = "other"));
	gk_parallel items[] = { { .fn = send_one, .user = chat }, { .fn = send_one, .user = chat },
		{ .fn = send_one, .user = other } };

	(void)input, (void)ret;
	ck_assert_int_eq(gk_run_parallel(ctx, items, 3, error), GK_OK);
	ck_assert_uint_eq(json_array_size(gk_session_thread(session, "main")), 4);
	ck_assert_uint_eq(json_array_size(gk_session_thread(session, "other")), 2);
	return GK_OK;
}

START_TEST(who_sends_in_the_same_thread_waits)
{
	core_in_run(send_both, NULL);
}
END_TEST

/* --- the current one --- */

static gk_code give_id(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_session *session = gk_session_current(ctx, error);

	(void)input;
	if (!session)
		return GK_FAILED_PRECONDITION;
	*ret = json_pack(
		"[s, O]", gk_session_id(session), json_object_get(gk_ctx_context(ctx), "state"));
	return GK_OK;
}

static gk_code call_inside(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	return gk_run_action(ctx, "/flow/id", input, ret, error);
}

static gk_code run_in_session(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_json json_t *state = json_pack("{s:i}", "n", 1);
	gk_auto_session gk_session *session =
		make_session(ctx, GK_OPTS(gk_session_opts, .id = "s", .state = state));
	gk_auto_json json_t *found = NULL;

	(void)input, (void)ret;
	ck_assert_int_eq(
		gk_session_run(ctx, session, call_inside, NULL, NULL, &found, error), GK_OK);
	assert_json(found, "['s',{'n':1}]");
	ck_assert_ptr_null(gk_session_current(ctx, &err));
	assert_error(&err, GK_FAILED_PRECONDITION, "not running within a session");
	return GK_OK;
}

START_TEST(what_runs_below_a_session_finds_it)
{
	core_flow("id", give_id, NULL);
	core_in_run(run_in_session, NULL);
}
END_TEST

/* --- failure --- */

static gk_code chat_with_nothing(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *session = make_session(ctx, NULL);
	gk_auto_chat gk_chat *chat =
		make_chat(ctx, session, GK_OPTS(gk_chat_opts, .prompt = "missing"));
	gk_response *response = NULL;

	(void)input, (void)ret, (void)error;
	ck_assert_int_eq(gk_chat_send(ctx, chat, "hi", &response, &err), GK_NOT_FOUND);
	assert_error(&err, GK_NOT_FOUND, "Prompt missing not found");
	ck_assert_uint_eq(json_array_size(gk_chat_messages(chat)), 0);
	return GK_OK;
}

START_TEST(a_prompt_that_fails_is_told_when_something_is_said)
{
	core_in_run(chat_with_nothing, NULL);
}
END_TEST

static gk_ctx *sender;

static gk_code keep_text(gk_ctx *ctx, gk_progress *progress, void *user, gk_error *error)
{
	(void)error;
	ck_assert_ptr_eq(ctx, sender);
	json_array_append_new(user, json_string(gk_progress_text_so_far(progress)));
	return GK_OK;
}

static gk_code chat_and_watch(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *session = make_session(ctx, NULL);
	gk_auto_chat gk_chat *chat = make_chat(ctx, session, NULL);
	gk_auto_response gk_response *response = NULL;
	gk_auto_json json_t *texts = json_array();

	(void)input, (void)ret, (void)error;
	sender = ctx;
	ck_assert_int_eq(gk_chat_send_with(ctx, chat,
				 GK_OPTS(gk_generate_opts, .prompt = "hi", .on_progress = keep_text,
					 .user = texts),
				 &response, &err),
		GK_OK);
	assert_json(texts, "['3','32','321']");
	return GK_OK;
}

START_TEST(who_sends_may_watch_the_answer_grow)
{
	core_in_run(chat_and_watch, NULL);
}
END_TEST

static gk_code read_nothing(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const char *id, json_t **ret, gk_error *error)
{
	(void)ctx, (void)store, (void)realm, (void)id, (void)error;
	*ret = NULL;
	return GK_OK;
}

static gk_code save_nothing(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_snapshot_change *change, gk_snapshot_saved *ret, gk_error *error)
{
	(void)ctx, (void)store, (void)realm, (void)change, (void)ret;
	return gk_error_set(error, GK_UNAVAILABLE, "the disk is full");
}

static gk_code save_no_chat(gk_ctx *ctx, gk_session_store *store, const gk_session_realm *realm,
	const gk_chat_change *change, gk_error *error)
{
	(void)ctx, (void)store, (void)realm, (void)change;
	return gk_error_set(error, GK_UNAVAILABLE, "the disk is full");
}

static void free_nothing(gk_session_store *store)
{
	(void)store;
}

static const gk_session_store_type broken_type = {
	.abi = GK_SESSION_STORE_ABI,
	.name = "broken",
	.get = read_nothing,
	.latest = read_nothing,
	.save = save_nothing,
	.chat_save = save_no_chat,
	.free = free_nothing,
};
static gk_session_store broken = { .type = &broken_type };

static gk_code send_to_broken(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *session =
		make_session(ctx, GK_OPTS(gk_session_opts, .store = &broken));
	gk_auto_chat gk_chat *chat = make_chat(ctx, session, NULL);
	gk_response *response = NULL;

	(void)input, (void)ret, (void)error;
	ck_assert_int_eq(gk_chat_send(ctx, chat, "hi", &response, &err), GK_UNAVAILABLE);
	assert_error(&err, GK_UNAVAILABLE, "the disk is full");
	ck_assert_uint_eq(json_array_size(gk_session_thread(session, "main")), 2);
	return GK_OK;
}

START_TEST(a_store_that_fails_fails_the_message)
{
	core_in_run(send_to_broken, NULL);
}
END_TEST

START_TEST(an_application_takes_one_store_of_its_own)
{
	ck_assert_int_eq(gk_set_session_store(core_app, &broken, &err), GK_OK);
	ck_assert_ptr_eq(gk_session_store_peek(core_app), &broken);
	ck_assert(!gk_session_store_can_watch(&broken));
	ck_assert_int_eq(gk_set_session_store(core_app, &broken, &err), GK_FAILED_PRECONDITION);
}
END_TEST

START_TEST(a_store_that_cannot_do_what_it_must_is_refused)
{
	static const gk_session_store_type type = {
		.abi = GK_SESSION_STORE_ABI, .name = "empty", .free = free_nothing
	};
	static const gk_session_store_type newer = { .abi = GK_SESSION_STORE_ABI + 1,
		.free = free_nothing };
	gk_session_store store = { .type = &type };

	ck_assert_int_eq(gk_set_session_store(core_app, &store, &err), GK_INVALID_ARGUMENT);
	store.type = &newer;
	ck_assert_int_eq(gk_set_session_store(core_app, &store, &err), GK_INVALID_ARGUMENT);
}
END_TEST

/* --- without memory --- */

static gk_code say_once(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_session gk_session *session = NULL;
	gk_auto_chat gk_chat *chat = NULL;
	gk_auto_response gk_response *response = NULL;
	gk_session_store *store = gk_session_store_peek(gk_ctx_app(ctx));
	gk_code rc =
		gk_session_load(ctx, GK_OPTS(gk_session_opts, .store = store), &session, error);

	(void)input, (void)ret;
	if (rc == GK_OK)
		rc = gk_session_chat(ctx, session, NULL, &chat, error);
	return rc == GK_OK ? gk_chat_send(ctx, chat, "hello", &response, error) : rc;
}

static bool say_it_once(void)
{
	return core_try("/flow/say", NULL);
}

START_TEST(memory_may_run_out)
{
	core_flow("say", say_once, NULL);
	ck_assert_ptr_nonnull(gk_session_store_peek(core_app));
	fault_sweep(say_it_once);
	ck_assert(say_it_once());
}
END_TEST

static gk_code put_thread(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_json json_t *messages = json_array();

	(void)ret;
	return gk_chat_save(ctx, gk_session_store_peek(gk_ctx_app(ctx)),
		&(gk_session_realm){ .store = "s", .owner = "" },
		GK_OPTS(gk_chat_change, .session_id = "x", .thread = json_string_value(input),
			.messages = messages),
		error);
}

static gk_code count_threads(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *error)
{
	gk_auto_json json_t *chat = NULL;

	(void)input, (void)ret;
	ck_assert_int_eq(
		gk_chat_load(ctx, gk_session_store_peek(gk_ctx_app(ctx)),
			&(gk_session_realm){ .store = "s", .owner = "" }, "x", &chat, error),
		GK_OK);
	ck_assert_uint_eq(json_object_size(json_object_get(chat, "threads")), 2);
	return GK_OK;
}

static json_t *second;

static bool put_second(void)
{
	return core_try("/flow/put", second);
}

START_TEST(a_thread_that_finds_no_memory_takes_no_other_with_it)
{
	second = json_string("b");
	core_flow("put", put_thread, NULL);
	ck_assert_ptr_nonnull(gk_session_store_peek(core_app));
	json_decref(core_run("/flow/put", json_string("a")));
	fault_sweep_passing(put_second);
	core_in_run(count_threads, NULL);
	json_decref(second);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session");
	TCase *c = tcase_create("chats");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, a_session_without_an_id_gets_one);
	tcase_add_test(c, a_session_is_loaded_from_a_store);
	tcase_add_test(c, a_session_is_its_owners_alone);
	tcase_add_test(c, who_sends_in_the_same_thread_waits);
	tcase_add_test(c, what_runs_below_a_session_finds_it);
	tcase_add_test(c, a_prompt_that_fails_is_told_when_something_is_said);
	tcase_add_test(c, who_sends_may_watch_the_answer_grow);
	tcase_add_test(c, a_store_that_fails_fails_the_message);
	tcase_add_test(c, an_application_takes_one_store_of_its_own);
	tcase_add_test(c, a_store_that_cannot_do_what_it_must_is_refused);
	tcase_add_test(c, memory_may_run_out);
	tcase_add_test(c, a_thread_that_finds_no_memory_takes_no_other_with_it);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
