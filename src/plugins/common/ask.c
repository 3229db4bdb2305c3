/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/ask.h"

#include "base/str.h"
#include "json/edit.h"
#include "loop/fiber.h"
#include "plugins/common/gate.h"
#include "plugins/common/failure.h"
#include "plugins/common/message.h"
#include "plugins/common/token.h"
#include "plugins/common/traced.h"

#include <strings.h>

/* What happened on the way, with the provider's name before it. */
static gk_code on_the_way(gk_error *err, const char *who, gk_code rc)
{
	if (rc != GK_CANCELLED)
		gk_error_prefix(err, "%s: ", who);
	return rc;
}

/* A request from the gate to the end of its answer. */
typedef struct visit {
	gk_gate_pass pass;
	gk_reply reply;
} visit;

static void visit_done(visit *it)
{
	gk_reply_done(&it->reply);
	gk_gate_leave(&it->pass);
}
#define auto_visit GK_CLEANUP(visit_done)

/* Whether the service is to blame for what came of it, and not whoever called it off. */
static bool is_outage(gk_code rc)
{
	return (rc == GK_UNAVAILABLE || rc == GK_DEADLINE_EXCEEDED) &&
	       gk_scope_reason(gk_fiber_scope(gk_fiber_self())) == GK_OK;
}

/* 501 is an answer: the service does not know the method. */
static gk_gate_outcome outcome_of(int status)
{
	return status == 408 || (status >= 500 && status != 501) ? GK_GATE_BAD : GK_GATE_GOOD;
}

static gk_code refused(visit *it, const char *who, const gk_outgoing *out, gk_error *err)
{
	int status = gk_reply_status(&it->reply);
	gk_auto_error gk_error failure = { 0 };

	gk_failure_of_reply(who, out, &it->reply, &failure);
	if (outcome_of(status) == GK_GATE_GOOD)
		gk_gate_heard(&it->pass);
	it->pass.outcome = outcome_of(status);
	it->pass.retry_ms = gk_json_int_at(failure.details, "responseMetadata.retryAfterMs", -1);
	return gk_error_move(err, &failure);
}

/* Sends it and says of the gate's pass what a failure means. */
static gk_code send(gk_ctx *ctx, gk_outgoing *out, visit *it, gk_error *err)
{
	gk_code rc = gk_send(ctx, out, &it->reply, err);

	if (rc != GK_OK)
		it->pass.outcome = is_outage(rc) ? GK_GATE_BAD : GK_GATE_NEUTRAL;
	return rc;
}

/* Sends it with a token; one that the service does not take (any more) is renewed, once. That there is no token says nothing
 * of the service. */
static gk_code send_with_token(gk_ctx *ctx, gk_outgoing *out, visit *it, gk_error *err)
{
	gk_reply *ret = &it->reply;

	for (int tries = 0;; tries++) {
		char *token = NULL;
		gk_code rc = gk_token_get(out->tokens, ctx, &token, err);

		if (rc != GK_OK)
			return rc;
		gk_outgoing_secret(out, "Authorization", "Bearer ", token);
		rc = send(ctx, out, it, err);
		if (rc == GK_OK && gk_reply_status(ret) == 401)
			gk_token_drop(out->tokens, token);
		gk_token_free(token);
		if (rc != GK_OK || tries || gk_reply_status(ret) != 401)
			return rc;
		gk_reply_done(ret);
	}
}

static gk_code ask(gk_ctx *ctx, const char *who, gk_outgoing *out, visit *it, gk_error *err)
{
	gk_code rc = gk_gate_enter(out->gate, ctx, &it->pass, err);
	int status;

	if (rc != GK_OK)
		return rc;
	gk_outgoing_finish_url(out);
	rc = out->tokens ? send_with_token(ctx, out, it, err) : send(ctx, out, it, err);
	if (rc != GK_OK)
		return on_the_way(err, who, rc);
	status = out->status = gk_reply_status(&it->reply);
	if (status < 200 || status >= 300)
		return refused(it, who, out, err);
	gk_gate_heard(&it->pass);
	it->pass.outcome = GK_GATE_GOOD;
	return GK_OK;
}

/* A connection that broke after the answer had begun: what there is of it must not pass for all of it. */
static gk_code broken(visit *it, gk_error *err, const char *who, gk_code rc)
{
	it->pass.outcome = is_outage(rc) ? GK_GATE_BAD : GK_GATE_NEUTRAL;
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
	size_t start = gk_body_start(it->text, it->len);

	return gk_json_parse(
		it->text + start, it->len - start, GK_MAX_VENDOR_BODY, &it->value, err);
}

static gk_code no_json(const char *who, gk_code rc, gk_error *why, gk_error *err)
{
	if (rc != GK_INVALID_ARGUMENT)
		return on_the_way(err, who, gk_error_move(err, why));
	return gk_error_set(err, GK_INTERNAL, "%s: the answer is not JSON: %s", who,
		why->message ? why->message : "");
}

gk_code gk_ask_parse(const char *who, const char *text, size_t len, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	parsing it = { .text = text, .len = len };
	gk_code rc = parse(&it, &why);

	if (rc != GK_OK)
		return no_json(who, rc, &why, err);
	*ret = it.value;
	return GK_OK;
}

gk_code gk_ask_parse_whole(
	const char *who, const char *text, size_t len, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error why = { 0 };
	parsing it = { .text = text, .len = len };
	gk_code rc = len <= GK_PARSE_ON_LOOP ? parse(&it, &why) : gk_work_run(parse, &it, &why);

	if (rc == GK_OK) {
		*ret = it.value;
		return GK_OK;
	}
	json_decref(it.value);
	return no_json(who, rc, &why, err);
}

gk_code gk_ask_json(gk_ctx *ctx, const char *who, gk_outgoing *out, json_t **ret, gk_error *err)
{
	gk_auto_str char *text = NULL;
	size_t len;
	gk_code rc = gk_ask_bytes(ctx, who, out, &text, &len, NULL, err);

	return rc == GK_OK ? gk_ask_parse_whole(who, text, len, ret, err) : rc;
}

gk_code gk_ask_bytes(gk_ctx *ctx, const char *who, gk_outgoing *out, char **ret, size_t *len_ret,
	char **type_ret, gk_error *err)
{
	auto_visit visit it = { 0 };
	gk_code rc = ask(ctx, who, out, &it, err);
	const char *type;

	if (rc != GK_OK)
		return rc;
	rc = gk_reply_read_all(&it.reply, GK_MAX_VENDOR_BODY, ret, len_ret, err);
	if (rc != GK_OK)
		return broken(&it, err, who, rc);
	type = gk_reply_header_peek(&it.reply, "content-type");
	if (type_ret && type && !(*type_ret = strdup(type))) {
		free(*ret);
		*ret = NULL;
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

/* --- piece by piece --- */

/* No line of a stream of events begins like JSON or HTML; what is before that (blank, or of a byte order mark, maybe the rest of
 * one) is passed over then. `*is_open_ret`: nothing has begun yet. */
static bool begins_no_stream(const char **data, size_t *len, bool *is_open_ret)
{
	size_t i = 0;

	while (i < *len && strchr(" \t\r\n\xef\xbb\xbf", (*data)[i]) && (*data)[i])
		i++;
	*is_open_ret = i == *len;
	if (*is_open_ret || !strchr("{[<", (*data)[i]) || !(*data)[i])
		return false;
	*data += i;
	*len -= i;
	return true;
}

/* What there is instead of a stream, `data` first: JSON, that it may be of use, or an error that shows it. */
static gk_code read_whole(visit *it, const char *who, const gk_outgoing *out, const char *data,
	size_t len, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf body = GK_BUF_INIT(GK_MAX_VENDOR_BODY);
	gk_auto_json json_t *answer = NULL;
	gk_auto_str char *clean = NULL;
	const json_t *said;
	gk_code rc = GK_OK;

	while (rc == GK_OK && len) {
		gk_buf_put(&body, data, len);
		if (gk_buf_failed(&body))
			return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
				"%s: the answer has more than %u bytes, or memory ran out", who,
				GK_MAX_VENDOR_BODY);
		rc = gk_reply_read(&it->reply, &data, &len, err);
	}
	if (rc != GK_OK)
		return broken(it, err, who, rc);
	rc = gk_ask_parse_whole(who, body.data, body.len, &answer, err);
	if (rc != GK_OK && rc != GK_INTERNAL)
		return rc;
	/* Google's, where a stream was asked for, is in a list. */
	said = json_is_array(answer) ? json_array_get(answer, 0) : answer;
	if (gk_failure_is(said))
		return gk_failure_in_answer(err, who, out, said);
	if (answer && ret) {
		*ret = gk_steal(answer);
		return GK_OK;
	}
	clean = gk_outgoing_scrub(out, body.data,
		body.len < GK_MAX_VENDOR_FAILURE ? body.len : GK_MAX_VENDOR_FAILURE);
	return clean ? gk_error_set(err, GK_INTERNAL, "%s: the answer is no stream of events: %.*s",
			       who,
			       (int)gk_str_valid_utf8(clean, strnlen(clean, GK_MAX_VENDOR_MESSAGE)),
			       clean)
		     : gk_error_no_memory(err);
}

/* Some stop right behind the word that ends the answer, without the blank line that ends an event. */
static bool ends_with_word(const gk_sse *sse)
{
	static const char field[] = "data:";
	const char *line = sse->line.data;
	size_t len = sse->line.len, name = sizeof(field) - 1;

	if (sse->has_data)
		return !len && gk_ask_is_done(sse->data.data, sse->data.len);
	if (len < name || memcmp(line, field, name) != 0)
		return false;
	name += len > name && line[name] == ' ';
	return gk_ask_is_done(line + name, len - name);
}

gk_code gk_ask_events_or_json(gk_ctx *ctx, const char *who, gk_outgoing *out, gk_sse *sse,
	const bool *is_done, json_t **whole_ret, gk_error *err)
{
	auto_visit visit it = { 0 };
	gk_code rc = ask(ctx, who, out, &it, err);
	bool is_first = true;
	const char *data;
	size_t len;

	while (rc == GK_OK && !(is_done && *is_done)) {
		rc = gk_reply_read(&it.reply, &data, &len, err);
		if (rc != GK_OK)
			return broken(&it, err, who, rc);
		if (!len && is_done && ends_with_word(sse))
			return gk_sse_push(sse, "\n\n", 2, err);
		if (!len)
			break;
		if (is_first && begins_no_stream(&data, &len, &is_first))
			return read_whole(&it, who, out, data, len, whole_ret, err);
		rc = gk_sse_push(sse, data, len, err);
	}
	if (rc == GK_OK)
		gk_reply_leave(&it.reply);
	return rc;
}

gk_code gk_ask_events(gk_ctx *ctx, const char *who, gk_outgoing *out, gk_sse *sse,
	const bool *is_done, gk_error *err)
{
	return gk_ask_events_or_json(ctx, who, out, sse, is_done, NULL, err);
}

bool gk_ask_is_done(const char *data, size_t len)
{
	while (len && data[len - 1] == ' ')
		len--;
	return len == 6 && memcmp(data, "[DONE]", 6) == 0;
}

gk_code gk_ask_lines(
	gk_ctx *ctx, const char *who, gk_outgoing *out, gk_ndjson *lines, gk_error *err)
{
	auto_visit visit it = { 0 };
	gk_code rc = ask(ctx, who, out, &it, err);
	const char *data;
	size_t len;

	while (rc == GK_OK) {
		rc = gk_reply_read(&it.reply, &data, &len, err);
		if (rc != GK_OK)
			return broken(&it, err, who, rc);
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

gk_code gk_ask_emit_whole(gk_ctx *ctx, const json_t *response, gk_error *err)
{
	json_t *content = gk_json_at_peek(response, "message.content"), *chunk;

	if (!json_array_size(content))
		return GK_OK;
	chunk = gk_chunk_new(0, json_incref(content));
	return chunk ? gk_ctx_send(ctx, chunk, err) : gk_error_no_memory(err);
}
