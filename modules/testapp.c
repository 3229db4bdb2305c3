/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the end-to-end tests call: the same actions, inputs and failures as the application behind the recorded
 * transcripts of the reflection API and the flow server. */
#include <genkit/genkit.h>

#include <time.h>

#define OBJECT(members, required)                                                                  \
	"{\"type\":\"object\",\"properties\":{" members "},\"required\":[" required                \
	"],\"additionalProperties\":true,\"$schema\":\"http://json-schema.org/draft-07/schema#\"}"
#define NUMBER   "{\"type\":\"number\"}"
#define STRING   "{\"type\":\"string\"}"
#define A_NUMBER "{\"type\":\"number\"," DRAFT "}"
#define A_STRING "{\"type\":\"string\"," DRAFT "}"
#define DRAFT    "\"$schema\":\"http://json-schema.org/draft-07/schema#\""
#define COUNT    OBJECT("\"count\":" NUMBER, "\"count\"")

/* --- flows --- */

static gk_code greet(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *auth = json_object_get(gk_ctx_context(ctx), "auth");
	gk_auto_str char *who = auth ? gk_json_write(auth, NULL) : NULL;

	(void)err;
	*ret = json_pack("{s:o}", "message",
		json_sprintf("hello %s%s%s", gk_json_str_peek(input, "name"), who ? " auth=" : "",
			who ? who : ""));
	return GK_OK;
}

static gk_code streamy(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t n = (json_int_t)json_number_value(input), i;

	for (i = 0; i < n; i++) {
		gk_code rc = gk_sleep(ctx, 20, err);

		if (rc == GK_OK)
			rc = gk_ctx_send(ctx, json_pack("{s:I}", "count", i), err);
		if (rc != GK_OK)
			return rc;
	}
	*ret = json_sprintf("done %d, streamed: %d times", (int)n, (int)i);
	return GK_OK;
}

static gk_code streamy_throwy(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t n = (json_int_t)json_number_value(input);

	for (json_int_t i = 0; i < n; i++) {
		gk_code rc;

		if (i == 2)
			return gk_error_set_plain(err, "boom after 2");
		rc = gk_ctx_send(ctx, json_pack("{s:I}", "count", i), err);
		if (rc != GK_OK)
			return rc;
	}
	*ret = json_string("x");
	return GK_OK;
}

static gk_code throwy(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	return gk_error_set_plain(err, "whoops");
}

static gk_code throwy_status(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set(err, GK_NOT_FOUND, "no such widget");
	return gk_error_details_take(err, json_pack("{s:i}", "widget", 7));
}

static gk_code throwy_user(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set(err, GK_PERMISSION_DENIED, "not allowed");
	return gk_error_details_take(err, json_pack("{s:s}", "why", "policy"));
}

/* Nothing but a value was thrown: the wire has no message at all. */
static gk_code throw_string(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret;
	gk_error_set_plain(err, "just a string");
	if (err)
		err->message_missing = true;
	return GK_INTERNAL;
}

static gk_code bad_output(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_pack("{s:s}", "n", "str");
	return GK_OK;
}

static gk_code void_flow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)ret, (void)err;
	return GK_OK;
}

static gk_code null_flow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_null();
	return GK_OK;
}

static gk_code slow(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_string("start"), err);

	if (rc == GK_OK)
		rc = gk_sleep(ctx, input ? (uint64_t)json_number_value(input) : 20000, err);
	if (rc == GK_OK)
		*ret = json_string("finished");
	return rc;
}

static gk_code take_a_while(void *arg, gk_error *err)
{
	const unsigned *ms = arg;
	struct timespec time = { .tv_sec = *ms / 1000, .tv_nsec = *ms % 1000 * 1000000l };

	(void)err;
	nanosleep(&time, NULL);
	return GK_OK;
}

/* Does not look whether it was cancelled. */
static gk_code stubborn(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	unsigned ms = input ? (unsigned)json_integer_value(input) : 500;
	gk_code rc = gk_work(ctx, take_a_while, &ms, err);

	if (rc != GK_OK && rc != GK_CANCELLED)
		return rc;
	gk_error_clear(err);
	*ret = json_string("finished anyway");
	return GK_OK;
}

static gk_code context_of(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input, (void)err;
	*ret = json_pack("{s:O}", "context", gk_ctx_context(ctx));
	return GK_OK;
}

static gk_code bidi(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *prefix = gk_json_str_peek(gk_ctx_init(ctx), "p");
	unsigned n = 0;

	(void)input;
	for (;;) {
		gk_auto_json json_t *item = NULL;
		gk_code rc = gk_ctx_receive(ctx, &item, err);

		if (rc == GK_OK && item)
			rc = gk_ctx_send(ctx,
				json_sprintf("%s%s", prefix ? prefix : "", json_string_value(item)),
				err);
		if (rc != GK_OK)
			return rc;
		if (!item)
			break;
		n++;
	}
	*ret = json_sprintf("got %u", n);
	return GK_OK;
}

static gk_code define_flows(gk_app *app, gk_error *err)
{
	gk_auto_json json_t *team = json_pack("{s:s}", "team", "demo");
	const gk_flow_opts flows[] = {
		{ .name = "greet",
			.input = OBJECT("\"name\":" STRING ",\"age\":" NUMBER, "\"name\""),
			.output = OBJECT("\"message\":" STRING, "\"message\""),
			.metadata = team,
			.run = greet },
		{ .name = "streamy",
			.input = A_NUMBER,
			.output = A_STRING,
			.stream = COUNT,
			.run = streamy },
		{ .name = "durable",
			.input = A_NUMBER,
			.output = A_STRING,
			.stream = COUNT,
			.run = streamy },
		{ .name = "streamyThrowy",
			.input = A_NUMBER,
			.output = A_STRING,
			.stream = COUNT,
			.run = streamy_throwy },
		{ .name = "durableThrowy",
			.input = A_NUMBER,
			.output = A_STRING,
			.stream = COUNT,
			.run = streamy_throwy },
		{ .name = "throwy", .run = throwy },
		{ .name = "throwyStatus", .run = throwy_status },
		{ .name = "throwyUser", .run = throwy_user },
		{ .name = "throwString", .run = throw_string },
		{ .name = "badOutput",
			.output = OBJECT("\"n\":" NUMBER, "\"n\""),
			.run = bad_output },
		{ .name = "voidFlow", .run = void_flow },
		{ .name = "nullFlow", .run = null_flow },
		{ .name = "slow",
			.input = "{\"anyOf\":[{\"not\":{}}," NUMBER "]," DRAFT "}",
			.stream = STRING,
			.run = slow },
		{ .name = "stubborn", .run = stubborn },
		{ .name = "ctx", .run = context_of },
		{ .name = "secure", .run = context_of },
		{ .name = "bidi",
			.input = A_STRING,
			.output = A_STRING,
			.stream = STRING,
			.init = OBJECT("\"p\":" STRING, "\"p\""),
			.is_bidi = true,
			.run = bidi },
	};
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < sizeof(flows) / sizeof(flows[0]); i++) {
		gk_flow_opts opts = flows[i];

		opts.size = sizeof(opts);
		rc = gk_define_flow(app, &opts, err);
	}
	return rc;
}

/* --- tools, resources, a dynamic provider --- */

static gk_code weather(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_sprintf("sunny in %s", gk_json_str_peek(input, "city"));
	return GK_OK;
}

static gk_code multi(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_pack(
		"{s:O, s:[{s:s}]}", "output", json_object_get(input, "q"), "content", "text", "x");
	return GK_OK;
}

static gk_code content_of(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const char *fixed = gk_ctx_user(ctx);

	(void)err;
	*ret = json_pack(
		"{s:[{s:s}]}", "content", "text", fixed ? fixed : gk_json_str_peek(input, "uri"));
	return GK_OK;
}

static gk_code dynamic(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_sprintf("dyn %s", gk_json_str_peek(input, "a"));
	return GK_OK;
}

static gk_code offer(gk_ctx *ctx, gk_action_list *list, void *user, gk_error *err)
{
	gk_auto_json json_t *metadata = json_pack("{s:s, s:b}", "type", "tool", "dynamic", 1);
	gk_action *action = NULL;
	gk_code rc;

	(void)user;
	rc = gk_action_new(gk_ctx_app(ctx),
		GK_OPTS(gk_action_opts, .type = "tool", .name = "dyn", .description = "dynamic",
			.input = OBJECT("\"a\":" STRING, "\"a\""), .output = A_STRING,
			.metadata = metadata, .run = dynamic),
		&action, err);
	if (rc == GK_OK && !gk_action_list_add(list, action))
		rc = gk_error_no_memory(err);
	gk_action_unref(action);
	return rc;
}

static gk_code define_tools(gk_app *app, gk_error *err)
{
	gk_code rc;

	rc = gk_define_tool(app,
		GK_OPTS(gk_tool_opts, .name = "weather", .description = "Gets weather",
			.input = OBJECT("\"city\":" STRING, "\"city\""), .output = A_STRING,
			.run = weather),
		err);
	if (rc == GK_OK)
		rc = gk_define_tool(app,
			GK_OPTS(gk_tool_opts, .name = "multi", .description = "multipart tool",
				.input = OBJECT("\"q\":" STRING, "\"q\""), .is_multipart = true,
				.run = multi),
			err);
	if (rc == GK_OK)
		rc = gk_define_tool(app,
			GK_OPTS(gk_tool_opts, .name = "askUser", .description = "asks",
				.input = OBJECT("\"q\":" STRING, "\"q\""), .output = A_STRING),
			err);
	if (rc == GK_OK)
		rc = gk_define_resource(app,
			GK_OPTS(gk_resource_opts, .name = "res", .uri = "file:///a.txt",
				.description = "r", .run = content_of, .user = "r"),
			err);
	if (rc == GK_OK)
		rc = gk_define_resource(app,
			GK_OPTS(gk_resource_opts, .name = "resT",
				.uri_template = "file:///{id}.txt", .run = content_of),
			err);
	if (rc == GK_OK)
		rc = gk_define_action_provider(app,
			GK_OPTS(gk_provider_opts, .name = "dap", .description = "d",
				.fetch = offer),
			err);
	return rc;
}

/* --- custom and background actions --- */

static gk_code member_x(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_incref(json_object_get(input, "x"));
	return GK_OK;
}

static gk_code bg_start(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)input, (void)err;
	*ret = json_pack("{s:s, s:b}", "id", "op1", "done", 0);
	return GK_OK;
}

static gk_code bg_check(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx, (void)err;
	*ret = json_deep_copy(input);
	if (!*ret || json_object_set_new(*ret, "done", json_true()) < 0 ||
		json_object_set_new(*ret, "output",
			json_pack("{s:s, s:{s:s, s:[{s:s}]}}", "finishReason", "stop", "message",
				"role", "model", "content", "text", "bg")) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

static gk_code bg_cancel(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	*ret = json_deep_copy(input);
	if (!*ret || json_object_set_new(*ret, "done", json_true()) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

GK_MODULE(testapp, app, err)
{
	static const char *const media[] = { "media", NULL };
	gk_auto_json json_t *model = json_pack("{s:s}", "name", "demo/echo");
	gk_code rc = define_flows(app, err);

	if (rc == GK_OK)
		rc = define_tools(app, err);
	if (rc == GK_OK)
		rc = gk_define_action(app,
			GK_OPTS(gk_action_opts, .type = "custom", .name = "cust",
				.input =
					"{\"type\":\"object\",\"properties\":{\"x\":{\"type\":\"integer\"}},"
					"\"required\":[\"x\"],\"additionalProperties\":false}",
				.run = member_x),
			err);
	if (rc == GK_OK)
		rc = gk_define_background_model(app,
			GK_OPTS(gk_background_model_opts,
				.model = { .name = "demo/bg", .label = "BG", .output = media },
				.start = bg_start, .check = bg_check, .cancel = bg_cancel),
			err);
	if (rc == GK_OK)
		rc = gk_set_value(app, "defaultModel", "defaultModel", model, err);
	return rc;
}
