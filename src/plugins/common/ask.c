/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/ask.h"

#include "loop/fiber.h"
#include "plugins/common/failure.h"

#include <strings.h>

/* What happened on the way, with the provider's name before it. */
static gk_code on_the_way(gk_error *err, const char *who, gk_code rc)
{
	if (rc != GK_CANCELLED)
		gk_error_prefix(err, "%s: ", who);
	return rc;
}

static gk_code ask(
	gk_ctx *ctx, const char *who, const gk_outgoing *out, gk_reply *ret, gk_error *err)
{
	gk_code rc = gk_net_send(gk_ctx_app(ctx), out, ret, err);
	int status;

	if (rc != GK_OK)
		return on_the_way(err, who, rc);
	status = gk_reply_status(ret);
	return status >= 200 && status < 300 ? GK_OK : gk_failure_of_reply(who, out, ret, err);
}

/* A connection that broke after the answer had begun: what there is of it must not pass for all of it. */
static gk_code broken(gk_error *err, const char *who, gk_code rc)
{
	if (rc != GK_UNAVAILABLE || !err)
		return on_the_way(err, who, rc);
	err->code = GK_INTERNAL;
	gk_error_prefix(err, "%s: the stream broke off: ", who);
	return GK_INTERNAL;
}

/* --- whole --- */

typedef struct parsing {
	const char *text;
	size_t len;
	json_t *value;
} parsing;

static gk_code parse(void *arg, gk_error *err)
{
	parsing *it = arg;

	return gk_json_parse(it->text, it->len, GK_MAX_VENDOR_BODY, &it->value, err);
}

gk_code gk_ask_parse(const char *who, const char *text, size_t len, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	gk_code rc = gk_json_parse(text, len, GK_MAX_VENDOR_BODY, ret, &why);

	if (rc != GK_INVALID_ARGUMENT)
		return rc == GK_OK ? GK_OK : gk_error_move(err, &why);
	return gk_error_set(err, GK_INTERNAL, "%s: the answer is not JSON: %s", who,
		why.message ? why.message : "");
}

gk_code gk_ask_json(
	gk_ctx *ctx, const char *who, const gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	gk_auto_str char *text = NULL;
	parsing it = { 0 };
	gk_code rc = gk_ask_bytes(ctx, who, out, &text, &it.len, NULL, err);

	if (rc != GK_OK)
		return rc;
	if (it.len <= GK_PARSE_ON_LOOP)
		return gk_ask_parse(who, text, it.len, ret, err);
	it.text = text;
	rc = gk_work_run(parse, &it, &why);
	if (rc == GK_OK) {
		*ret = it.value;
		return GK_OK;
	}
	json_decref(it.value);
	if (rc != GK_INVALID_ARGUMENT)
		return gk_error_move(err, &why);
	return gk_error_set(err, GK_INTERNAL, "%s: the answer is not JSON", who);
}

gk_code gk_ask_bytes(gk_ctx *ctx, const char *who, const gk_outgoing *out, char **ret,
	size_t *len_ret, char **type_ret, gk_error *err)
{
	gk_auto_reply gk_reply reply = { 0 };
	gk_code rc = ask(ctx, who, out, &reply, err);
	const char *type;

	if (rc != GK_OK)
		return rc;
	rc = gk_reply_read_all(&reply, GK_MAX_VENDOR_BODY, ret, len_ret, err);
	if (rc != GK_OK)
		return broken(err, who, rc);
	type = gk_reply_header_peek(&reply, "content-type");
	if (type_ret && type && !(*type_ret = strdup(type))) {
		free(*ret);
		*ret = NULL;
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- piece by piece --- */

gk_code gk_ask_events(gk_ctx *ctx, const char *who, const gk_outgoing *out, gk_sse *sse,
	const bool *is_done, gk_error *err)
{
	gk_auto_reply gk_reply reply = { 0 };
	gk_code rc = ask(ctx, who, out, &reply, err);
	const char *data;
	size_t len;

	while (rc == GK_OK && !(is_done && *is_done)) {
		rc = gk_reply_read(&reply, &data, &len, err);
		if (rc != GK_OK)
			return broken(err, who, rc);
		if (!len)
			break;
		rc = gk_sse_push(sse, data, len, err);
	}
	return rc;
}

gk_code gk_ask_lines(
	gk_ctx *ctx, const char *who, const gk_outgoing *out, gk_ndjson *lines, gk_error *err)
{
	gk_auto_reply gk_reply reply = { 0 };
	gk_code rc = ask(ctx, who, out, &reply, err);
	const char *data;
	size_t len;

	while (rc == GK_OK) {
		rc = gk_reply_read(&reply, &data, &len, err);
		if (rc != GK_OK)
			return broken(err, who, rc);
		if (!len)
			return gk_ndjson_end(lines, err);
		rc = gk_ndjson_push(lines, data, len, err);
	}
	return rc;
}

gk_code gk_ask_emit(json_t *chunk_take, void *ctx, gk_error *err)
{
	return gk_ctx_send(ctx, chunk_take, err);
}
