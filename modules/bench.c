/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The flows that `make bench` drives: the same names and the same work as the peers' programs. */
#include <genkit/genkit.h>

static gk_code echo(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)ctx;
	(void)err;
	*ret = json_pack("{s:O}", "text", json_object_get(input, "text"));
	return GK_OK;
}

static gk_code stream(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_int_t count = gk_json_int_at(input, "count", 0);

	for (json_int_t i = 0; i < count; i++) {
		gk_code rc = gk_ctx_send(ctx, json_pack("{s:I}", "i", i), err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_sprintf("sent %" JSON_INTEGER_FORMAT, count);
	return GK_OK;
}

/* Waits, streaming one chunk first: what an open, idle stream costs. */
static gk_code wait_open(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_code rc = gk_ctx_send(ctx, json_string("open"), err);

	if (rc == GK_OK)
		rc = gk_sleep(ctx, (uint64_t)gk_json_int_at(input, "ms", 60000), err);
	if (rc == GK_OK)
		*ret = json_null();
	return rc;
}

#define TEXT                                                                                       \
	"{\"type\":\"object\",\"properties\":{\"text\":{\"type\":\"string\"}},\"required\":[\"text\"]}"
#define COUNT                                                                                      \
	"{\"type\":\"object\",\"properties\":{\"count\":{\"type\":\"number\"}},\"required\":[\"count\"]}"

GK_MODULE(bench, app, err)
{
	gk_code rc;

	rc = gk_define_flow(app,
		GK_OPTS(gk_flow_opts, .name = "echo", .input = TEXT, .output = TEXT, .run = echo),
		err);
	if (rc == GK_OK)
		rc = gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "stream", .input = COUNT,
				.output = "{\"type\":\"string\"}", .run = stream),
			err);
	if (rc == GK_OK)
		rc = gk_define_flow(
			app, GK_OPTS(gk_flow_opts, .name = "wait", .run = wait_open), err);
	return rc;
}
