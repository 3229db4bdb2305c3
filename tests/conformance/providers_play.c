/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "providers.h"

#include "base/str.h"
#include "plugins/common/media.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

typedef struct answer {
	play *it;
	const json_t *response;
	char *body;
	size_t len, at, cut;
} answer;

void play_complain(play *it, const char *format, ...)
{
	va_list args;

	if (it->complaint)
		return;
	va_start(args, format);
	if (vasprintf(&it->complaint, format, args) < 0)
		abort();
	va_end(args);
}

static json_t *exchange_at(const play *it, size_t i)
{
	return i < PLAY_EXCHANGES ? json_array_get(json_object_get(it->doc, "exchanges"), i) : NULL;
}

static bool is_optional(const json_t *exchange)
{
	return json_is_true(gk_json_at_peek(exchange, "request.optional"));
}

/* The exchange that a request is; NULL, with a complaint, when it is none. */
static json_t *find(play *it, const gk_outgoing *out)
{
	bool any = gk_str_equal(gk_json_str_peek(it->doc, "exchangeOrder"), "any");
	gk_auto_str char *first = NULL;
	json_t *exchange;

	for (size_t i = 0; (exchange = exchange_at(it, i)); i++) {
		char *differs;

		if (it->used[i])
			continue;
		differs = request_differs(it->doc, json_object_get(exchange, "request"), out);
		if (!differs) {
			it->used[i] = true;
			return exchange;
		}
		if (!first)
			first = differs;
		else
			free(differs);
		if (!any && !is_optional(exchange))
			break;
	}
	play_complain(it, "request %s %s fits no exchange: %s", out->method, out->url,
		first ? first : "there is none left");
	return NULL;
}

static void load_body(answer *res)
{
	const char *text = gk_json_str_peek(res->response, "text");
	const char *base64 = gk_json_str_peek(res->response, "base64");
	const json_t *body = json_object_get(res->response, "body");

	if (text) {
		res->len = strlen(text);
		res->body = strdup(text);
	} else if (base64) {
		if (!gk_base64_decode(base64, strlen(base64), &res->body, &res->len))
			abort();
	} else if (body) {
		res->body = gk_json_write(body, &res->len);
	}
}

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err);

/* The request again, where the answer says it is to go; as the HTTP client does for what may be redirected. */
static gk_code follow(
	play *it, const gk_outgoing *out, const char *location, void **ret, gk_error *err)
{
	gk_outgoing next = *out;
	gk_auto_str char *url = strdup(location);

	next.url = url;
	next.redirects--;
	return start(it, &next, ret, err);
}

static gk_code start(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	play *it = user;
	json_t *exchange =
		json_array_size(json_object_get(it->doc, "exchanges")) > 0 ? find(it, out) : NULL;
	const json_t *response = json_object_get(exchange, "response");
	answer *res;

	if (!exchange) {
		if (!json_array_size(json_object_get(it->doc, "exchanges")) &&
			!strstr(out->url, "metadata.google.internal"))
			play_complain(it, "unexpected request %s %s", out->method, out->url);
		return gk_error_set(err, GK_UNAVAILABLE, "connection refused");
	}
	if (json_object_get(response, "transportError"))
		return gk_error_set(err, GK_UNAVAILABLE, "%s", "connection refused");
	if (out->redirects && gk_json_int_at(response, "status", 200) / 100 == 3 &&
		gk_json_at_peek(response, "headers.location"))
		return follow(it, out, gk_json_str_peek(response, "headers.location"), ret, err);
	res = calloc(1, sizeof(*res));
	res->it = it;
	res->response = response;
	load_body(res);
	*ret = res;
	return GK_OK;
}

static int status(void *reply)
{
	return (int)gk_json_int_at(((answer *)reply)->response, "status", 200);
}

static const char *header(void *reply, const char *name)
{
	const char *key;
	json_t *value;

	json_object_foreach (json_object_get(((answer *)reply)->response, "headers"), key, value)
		if (strcasecmp(key, name) == 0) /* of a header that comes twice, the first */
			return json_string_value(
				json_is_array(value) ? json_array_get(value, 0) : value);
	return NULL;
}

/* Where the piece ends that begins at res->at. */
static size_t piece_end(answer *res)
{
	const json_t *split = json_object_get(res->response, "split");

	switch (res->it->cut) {
	case PLAY_BYTES:
		return res->at + 1;
	case PLAY_SPLIT:
		while (res->cut < json_array_size(split)) {
			json_int_t at = json_integer_value(json_array_get(split, res->cut++));

			if ((size_t)at > res->at && (size_t)at < res->len)
				return (size_t)at;
		}
		return res->len;
	case PLAY_RANDOM:
		return res->at + 1 + (size_t)rand_r(&res->it->seed) % 40;
	default:
		return res->len;
	}
}

static gk_code read_piece(void *reply, const char **ret, size_t *len_ret, gk_error *err)
{
	answer *res = reply;
	size_t end = res->at < res->len ? piece_end(res) : res->len;

	(void)err;
	if (end > res->len)
		end = res->len;
	*ret = res->body ? res->body + res->at : "";
	*len_ret = end - res->at;
	res->at = end;
	return GK_OK;
}

static void free_answer(void *reply)
{
	answer *res = reply;

	free(res->body);
	free(res);
}

const gk_transport play_transport = {
	.start = start,
	.status = status,
	.header_peek = header,
	.read = read_piece,
	.free = free_answer,
};

void play_finish(play *it)
{
	json_t *exchange;

	for (size_t i = 0; (exchange = exchange_at(it, i)); i++)
		if (!it->used[i] && !is_optional(exchange))
			play_complain(it, "exchange %zu (%s) never happened", i,
				gk_json_str_peek(exchange, "request.url"));
}

void play_done(play *it)
{
	free(it->complaint);
	play_move_out(it);
}
