/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Conversations that are kept, without a model: an agent that counts what it was told, one that takes its time, a chat. */
#include <genkit/genkit.h>

/* --- agents --- */

static gk_code answer(gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	json_int_t told = gk_json_int_at(gk_agent_custom_peek(session), "told", 0) + 1;
	const char *text = gk_ctx_printf(ctx, "That was number %d.", (int)told);
	gk_code rc = gk_agent_set_custom_take(ctx, session, json_pack("{s:I}", "told", told), err);

	turn->finish_reason = "stop";
	return rc == GK_OK
		       ? gk_agent_add_message_take(session, gk_message_of_text("model", text), err)
		       : rc;
}

static gk_code answer_later(
	gk_ctx *ctx, gk_agent_session *session, gk_agent_turn *turn, gk_error *err)
{
	gk_code rc = gk_sleep(ctx, 60000, err);

	return rc == GK_OK ? answer(ctx, session, turn, err) : rc;
}

/* --- a chat --- */

static gk_code chat(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_session gk_session *session = NULL;
	gk_auto_chat gk_chat *talk = NULL;
	gk_auto_response gk_response *response = NULL;
	gk_code rc = gk_session_load(ctx,
		GK_OPTS(gk_session_opts, .store = gk_session_store_peek(gk_ctx_app(ctx)),
			.id = gk_json_str_peek(input, "id")),
		&session, err);

	if (rc == GK_OK)
		rc = gk_session_chat(ctx, session,
			GK_OPTS(gk_chat_opts,
				.options = GK_OPTS(gk_generate_opts, .model = "test/echo")),
			&talk, err);
	if (rc == GK_OK)
		rc = gk_chat_send(ctx, talk, gk_json_str_peek(input, "text"), &response, err);
	if (rc == GK_OK)
		*ret = json_pack(
			"{s:I}", "messages", (json_int_t)json_array_size(gk_chat_messages(talk)));
	return rc;
}

GK_MODULE(talk, app, err)
{
	gk_code rc = gk_define_test_models(app, err);

	if (rc == GK_OK)
		rc = gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = "counter", .turn = answer,
				.is_stored = true),
			err);
	if (rc == GK_OK)
		rc = gk_define_agent(app,
			GK_OPTS(gk_agent_opts, .name = "sleeper", .turn = answer_later,
				.is_stored = true),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "chat", .input = "{id: string, text: string}",
				.run = chat),
			err);
	return rc;
}
