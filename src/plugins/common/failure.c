/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/failure.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/parse.h"
#include "base/str.h"
#include "json/edit.h"

#include <math.h>

/* --- status --- */

static const struct {
	int http;
	gk_code code;
} codes[] = {
	{ 400, GK_INVALID_ARGUMENT },
	{ 401, GK_UNAUTHENTICATED },
	{ 402, GK_FAILED_PRECONDITION },
	{ 403, GK_PERMISSION_DENIED },
	{ 404, GK_NOT_FOUND },
	{ 408, GK_DEADLINE_EXCEEDED },
	{ 409, GK_ABORTED },
	{ 412, GK_FAILED_PRECONDITION },
	{ 413, GK_INVALID_ARGUMENT },
	{ 422, GK_INVALID_ARGUMENT },
	{ 424, GK_FAILED_PRECONDITION },
	{ 429, GK_RESOURCE_EXHAUSTED },
	{ 499, GK_CANCELLED },
	{ 501, GK_UNIMPLEMENTED },
	{ 502, GK_UNAVAILABLE },
	{ 503, GK_UNAVAILABLE },
	{ 504, GK_DEADLINE_EXCEEDED },
	{ 529, GK_UNAVAILABLE },
};

gk_code gk_failure_code(int http)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].http == http)
			return codes[i].code;
	return http >= 500 && http < 600 ? GK_INTERNAL : GK_UNKNOWN;
}

/* --- when to ask again --- */

static bool parse_seconds(const char *text, size_t len, uint64_t *ret)
{
	double seconds;

	if (!gk_parse_real(text, len, &seconds) || seconds < 0 || seconds > 1e12)
		return false;
	*ret = (uint64_t)llround(seconds * 1000);
	return true;
}

bool gk_failure_retry_after(const char *value, uint64_t now_ms, uint64_t *ret)
{
	size_t len;
	int64_t when;

	value += strspn(value, " \t");
	if (gk_clock_read_http(value, &when)) {
		int64_t wait = when * 1000 - (int64_t)now_ms;

		*ret = wait > 0 ? (uint64_t)wait : 0;
		return true;
	}
	len = strcspn(value, ","); /* of several fields the first counts */
	while (len && strchr(" \t", value[len - 1]))
		len--;
	return parse_seconds(value, len, ret);
}

/* An integer of 64 bits, which protocol buffers write as a string. */
static double seconds_in(const json_t *delay)
{
	const char *text = gk_json_str_peek(delay, "seconds");
	double seconds;

	return text && gk_parse_real(text, strlen(text), &seconds)
		       ? seconds
		       : gk_json_real_at(delay, "seconds", 0);
}

/* google.rpc.RetryInfo: "58s", "0.5s" or {seconds, nanos}. */
static bool google_delay(const json_t *body, uint64_t *ret)
{
	json_t *detail;
	size_t i;

	json_array_foreach (gk_json_at_peek(body, "error.details"), i, detail) {
		const json_t *delay = json_object_get(detail, "retryDelay");
		const char *text = json_string_value(delay);
		size_t len = text ? strlen(text) : 0;

		if (len > 1 && text[len - 1] == 's' && parse_seconds(text, len - 1, ret))
			return true;
		if (json_is_object(delay)) {
			double seconds =
				seconds_in(delay) + gk_json_real_at(delay, "nanos", 0) / 1e9;

			*ret = seconds > 0 && seconds < 1e12 ? (uint64_t)llround(seconds * 1000)
							     : 0;
			return true;
		}
	}
	return false;
}

static int64_t retry_of_body(int http, const json_t *body)
{
	double estimate = gk_json_real_at(body, "estimated_time", -1);
	uint64_t ms;

	if (google_delay(body, &ms))
		return (int64_t)ms;
	if (http == 503 && estimate >= 0 && estimate < 1e12) /* a model that is being loaded */
		return llround(estimate * 1000);
	return -1;
}

static int64_t retry_of_headers(const gk_reply *reply)
{
	const char *exact = gk_reply_header_peek(reply, "retry-after-ms");
	const char *value = gk_reply_header_peek(reply, "retry-after");
	uint64_t ms;

	/* As if it were seconds, a thousand times too many. */
	if (exact && gk_failure_retry_after(exact, 0, &ms))
		return (int64_t)(ms / 1000);
	if (value && gk_failure_retry_after(value, reply->now_ms, &ms))
		return (int64_t)ms;
	return -1;
}

/* --- the message --- */

/* Appends text, or what else it is as JSON. */
static bool put(gk_buf *text, const json_t *value)
{
	gk_auto_str char *written = NULL;

	if (!value || json_is_null(value))
		return false;
	if (json_is_string(value)) {
		gk_buf_put(text, json_string_value(value), json_string_length(value));
		return json_string_length(value) > 0;
	}
	written = gk_json_write(value, NULL);
	if (written)
		gk_buf_puts(text, written);
	return written;
}

/* What Google's details add, without the marks around an original error. */
static void put_details(gk_buf *text, const json_t *body)
{
	static const char mark[] = "[ORIGINAL ERROR]";
	const char *described = gk_json_str_peek(body, "error_description");
	json_t *detail;
	size_t i;

	if (described) /* of a service that gives tokens */
		gk_buf_printf(text, ": %s", described);
	json_array_foreach (gk_json_at_peek(body, "error.details"), i, detail) {
		const char *more = gk_json_str_peek(detail, "detail");
		const char *cut = more ? strstr(more, mark) : NULL;

		if (!more)
			continue;
		more = cut ? cut + strlen(mark) : more;
		more += strspn(more, " ");
		gk_buf_printf(text, " %.*s", (int)(cut ? strcspn(more, "[") : strlen(more)), more);
	}
}

static void put_reason(gk_buf *text, const json_t *body, const char *raw)
{
	static const char *const paths[] = { "error.message", "error", "message", "detail",
		"errors[0].message" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const json_t *value = gk_json_at_peek(body, paths[i]);

		/* An object of another form is told whole, with the raw body. */
		if ((json_is_string(value) || gk_str_equal(paths[i], "detail")) &&
			put(text, value)) {
			put_details(text, body);
			return;
		}
	}
	gk_buf_puts(text, raw ? raw : "");
}

/* `http` 0: there is none. */
static gk_code code_of(int http, const json_t *body)
{
	const char *name = gk_json_str_peek(body, "error.status");
	int code = name ? gk_code_from_name(name) : -1;

	if (code > 0)
		return (gk_code)code;
	return http ? gk_failure_code(http) : GK_INTERNAL;
}

static gk_code tell(gk_error *err, gk_code code, const char *who, const gk_outgoing *out, int http,
	const json_t *body, const char *raw)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_str char *clean = NULL;
	size_t len;

	put_reason(&text, body, raw);
	if (!gk_buf_failed(&text))
		clean = gk_outgoing_scrub(out, text.data ? text.data : "", text.len);
	if (!clean)
		return gk_error_no_memory(err);
	len = strlen(clean);
	if (len > GK_MAX_VENDOR_MESSAGE)
		len = GK_MAX_VENDOR_MESSAGE;
	len = gk_str_valid_utf8(clean, len);
	if (http)
		return gk_error_set(
			err, code, "%s: [%d]%s%.*s", who, http, len ? " " : "", (int)len, clean);
	return gk_error_set(err, code, "%s: %.*s", who, (int)len, clean);
}

/* Fills `err` with a status that is known already, and with how long to wait. */
static gk_code set(gk_error *err, gk_code code, const char *who, const gk_outgoing *out, int http,
	const json_t *body, const char *text, int64_t retry_ms)
{
	json_t *details;

	code = tell(err, code, who, out, http, body, text);
	if (retry_ms < 0)
		retry_ms = retry_of_body(http, body);
	if (retry_ms < 0 || !err)
		return code;
	details = json_pack("{s:{s:I}}", "responseMetadata", "retryAfterMs", (json_int_t)retry_ms);
	return gk_error_details_take(err, details);
}

gk_code gk_failure_set(gk_error *err, const char *who, const gk_outgoing *out, int http,
	const json_t *body, const char *text, int64_t retry_ms)
{
	return set(err, code_of(http, body), who, out, http, body, text, retry_ms);
}

gk_code gk_failure_of_reply(const char *who, const gk_outgoing *out, gk_reply *reply, gk_error *err)
{
	int http = gk_reply_status(reply);
	int64_t retry_ms = retry_of_headers(reply);
	gk_auto_error gk_error ignored = { 0 };
	gk_auto_json json_t *body = NULL;
	gk_auto_str char *text = NULL;
	size_t len = 0, start;
	gk_code rc = gk_reply_read_all(reply, GK_MAX_VENDOR_FAILURE, &text, &len, &ignored);

	if (rc == GK_CANCELLED)
		return gk_error_move(err, &ignored);
	if (http >= 300 && http < 400)
		return gk_error_set(
			err, GK_UNKNOWN, "%s: [%d] redirects are not followed", who, http);
	/* A body that broke off says less, but the status says what matters. */
	start = rc == GK_OK ? gk_body_start(text, len) : 0;
	if (rc == GK_OK && gk_json_parse(text + start, len - start, GK_MAX_VENDOR_FAILURE, &body,
				   NULL) != GK_OK)
		body = NULL;
	/* Google's, where a stream was asked for, is in a list. */
	return gk_failure_set(err, who, out, http,
		json_is_array(body) ? json_array_get(body, 0) : body, text, retry_ms);
}

bool gk_failure_is(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");

	return json_is_object(error) || json_is_string(error) ||
	       json_array_size(json_object_get(answer, "errors")) > 0 ||
	       gk_str_equal(gk_json_str_peek(answer, "object"), "error");
}

/* Some have codes of their own, which are no HTTP status. */
static int status_in(const json_t *answer)
{
	const json_t *error = json_object_get(answer, "error");
	int64_t code = gk_json_int_at(json_is_object(error) ? error : answer, "code", 0);

	return code >= 400 && code < 600 ? (int)code : 0;
}

gk_code gk_failure_in_answer(
	gk_error *err, const char *who, const gk_outgoing *out, const json_t *answer)
{
	int http = status_in(answer);

	return set(err, code_of(http, answer), who, out, http, answer, NULL, -1);
}

gk_code gk_failure_as(
	gk_error *err, gk_code code, const char *who, const gk_outgoing *out, const json_t *answer)
{
	return set(err, code, who, out, 0, answer, NULL, -1);
}
