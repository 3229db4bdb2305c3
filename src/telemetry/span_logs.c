/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/span_logs.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "config.h"
#include "json/edit.h"
#include "telemetry/span_metrics.h"

#include <genkit/json.h>
#include <openssl/evp.h>
#include <stdio.h>

#define COMPONENT "genkit"
#define SOURCE    "c"
#define BASE64    "base64,"

/* What every record of a span says. */
typedef struct saying {
	const gk_span *span;
	gk_buf path; /* "menu > generate > mock/m" */
	char *whole; /* the path as attributes have it */
	const char *session_id;
} saying;

/* --- where --- */

/* The names of the spans that have a type, from the outermost on. Turns are inside of each other: there may be hundreds. */
static void put_names(gk_buf *buf, const gk_span *span)
{
	gk_auto_str const gk_span **chain = NULL;
	size_t count = 0;

	for (const gk_span *at = span; at; at = at->above)
		count++;
	chain = calloc(count, sizeof(*chain));
	for (const gk_span *at = span; chain && at; at = at->above)
		chain[--count] = at;
	for (; chain && buf->len < GK_SPAN_LOG_PATH; count++) {
		if (chain[count]->type && !chain[count]->is_foreign) {
			gk_buf_puts(buf, buf->len ? " > " : "");
			gk_buf_puts(buf, chain[count]->name);
		}
		if (chain[count] == span)
			break;
	}
}

static void cut(gk_buf *buf, size_t max)
{
	if (buf->len > max)
		buf->len = gk_str_valid_utf8(buf->data, max);
	if (buf->data)
		buf->data[buf->len] = '\0';
}

static void begin(saying *s, const gk_span *span)
{
	*s = (saying){ .span = span, .path = GK_BUF_INIT(0), .whole = gk_span_path(span) };
	put_names(&s->path, span);
	cut(&s->path, GK_SPAN_LOG_PATH);
	for (const gk_span *at = span; at && !s->session_id; at = at->above)
		s->session_id = json_string_value(json_object_get(at->metadata, "agent:sessionId"));
}

static void end(saying *s)
{
	gk_buf_done(&s->path);
	free(s->whole);
}

static const char *path_of(const saying *s)
{
	return s->path.data ? s->path.data : "";
}

/* --- records --- */

static json_t *fields_of(const saying *s)
{
	return json_pack("{s:s, s:s*, s:s, s:s*}", "path", path_of(s), "qualifiedPath", s->whole,
		"featureName", gk_span_metrics_feature(s->span), "sessionId", s->session_id);
}

static void GK_PRINTF(4, 5)
	say(const saying *s, gk_log_level level, json_t *fields_take, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	gk_log_with(level, COMPONENT, s->span->trace_id, s->span->id, fields_take, format, args);
	va_end(args);
	json_decref(fields_take);
}

/* --- parts of messages --- */

static void put_json(gk_buf *buf, const json_t *value)
{
	gk_auto_str char *text = json_is_string(value) ? strdup(json_string_value(value))
						       : gk_json_write(value, NULL);

	gk_buf_puts(buf, text ? text : "");
}

/* What is in a data URL stays out of the log: its digest tells whether it is the same. */
static void put_media(gk_buf *buf, const char *url)
{
	const char *data = strstr(url, BASE64);
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!gk_str_has_prefix(url, "data:")) {
		gk_buf_puts(buf, url);
		return;
	}
	if (!data || !EVP_Digest(data + sizeof(BASE64) - 1, strlen(data + sizeof(BASE64) - 1),
			     digest, &len, EVP_sha256(), NULL)) {
		gk_buf_puts(buf, "<unknown media format>");
		return;
	}
	gk_buf_put(buf, url, (size_t)(data - url) + sizeof(BASE64) - 1);
	gk_buf_puts(buf, "<sha256(");
	for (unsigned i = 0; i < len; i++)
		gk_buf_printf(buf, "%02x", digest[i]);
	gk_buf_puts(buf, ")>");
}

static void put_tool(gk_buf *buf, const char *what, const char *member, const json_t *tool)
{
	const char *name = gk_json_str_peek(tool, "name"), *ref = gk_json_str_peek(tool, "ref");

	gk_buf_printf(buf, "%s: %s, ref: %s, %s: ", what, name ? name : "", ref ? ref : "", member);
	put_json(buf, json_object_get(tool, member));
}

static void put_part(gk_buf *buf, const json_t *part)
{
	const char *text = gk_json_str_peek(part, "text"),
		   *url = gk_json_str_peek(part, "media.url");
	json_t *value;

	if (text)
		gk_buf_puts(buf, text);
	else if ((value = json_object_get(part, "data")))
		put_json(buf, value);
	else if (url)
		put_media(buf, url);
	else if ((value = json_object_get(part, "toolRequest")))
		put_tool(buf, "Tool request", "input", value);
	else if ((value = json_object_get(part, "toolResponse")))
		put_tool(buf, "Tool response", "output", value);
	else if ((value = json_object_get(part, "custom")))
		put_json(buf, value);
	else
		gk_buf_puts(buf, "<unknown format>");
	cut(buf, GK_SPAN_LOG_CONTENT);
}

/* "(part 1 of 2 in message 1 of 3)"; what there is one of is not counted. */
static void put_counts(gk_buf *buf, size_t part, size_t parts, size_t message, size_t messages)
{
	if (parts > 1 && messages > 1)
		gk_buf_printf(buf, "(part %zu of %zu in message %zu of %zu)", part + 1, parts,
			message + 1, messages);
	else if (parts > 1)
		gk_buf_printf(buf, "(part %zu of %zu)", part + 1, parts);
	else if (messages > 1)
		gk_buf_printf(buf, "(message %zu of %zu)", message + 1, messages);
}

/* One record a part. `more` (borrowed) is added to each. */
static void say_message(saying *s, const char *what, const json_t *message, size_t index,
	size_t messages, json_t *more)
{
	const json_t *content = json_object_get(message, "content");
	size_t parts = json_array_size(content), i;
	json_t *part;

	json_array_foreach (content, i, part) {
		gk_auto_buf gk_buf text = GK_BUF_INIT(0), counts = GK_BUF_INIT(0);
		json_t *fields = fields_of(s);

		put_part(&text, part);
		put_counts(&counts, i, parts, index, messages);
		if (json_object_update(fields, more) < 0 ||
			!gk_json_set_str(fields, "model", s->span->name) ||
			!gk_json_set_str(fields, "content", text.data ? text.data : "") ||
			!gk_json_set_take(
				fields, "role", json_incref(json_object_get(message, "role"))) ||
			!gk_json_set_int(fields, "partIndex", (int64_t)i) ||
			!gk_json_set_int(fields, "totalParts", (int64_t)parts) ||
			!gk_json_set_int(fields, "messageIndex", (int64_t)index) ||
			!gk_json_set_int(fields, "totalMessages", (int64_t)messages))
			json_object_clear(fields); /* the message says what it can */
		say(s, GK_LOG_INFO, fields, "%s[%s, %s] %s", what, path_of(s), s->span->name,
			counts.data ? counts.data : "");
	}
}

/* --- models --- */

static void say_config(saying *s)
{
	json_t *config = json_object_get(s->span->input, "config"), *fields = fields_of(s);
	json_t *limit = json_object_get(config, "maxOutputTokens");
	json_t *stops = json_object_get(config, "stopSequences");

	if (!gk_json_set_str(fields, "model", s->span->name) ||
		(limit && !gk_json_set(fields, "maxOutputTokens", limit)) ||
		(stops && !gk_json_set(fields, "stopSequences", stops)) ||
		!gk_json_set_str(fields, "source", SOURCE) ||
		!gk_json_set_str(fields, "sourceVersion", PACKAGE_VERSION))
		json_object_clear(fields);
	say(s, GK_LOG_INFO, fields, "Config[%s, %s]", path_of(s), s->span->name);
}

static void say_conversation(saying *s)
{
	const json_t *messages = json_object_get(s->span->input, "messages");
	const json_t *answer = json_object_get(s->span->output, "message");
	gk_auto_json json_t *none = json_object(), *more = NULL;
	json_t *message;
	size_t i;

	json_array_foreach (messages, i, message)
		say_message(s, "Input", message, i, json_array_size(messages), none);
	more = json_pack("{s:i, s:i, s:O*, s:O*}", "candidateIndex", 0, "totalCandidates", 1,
		"finishReason", json_object_get(s->span->output, "finishReason"), "finishMessage",
		json_object_get(s->span->output, "finishMessage"));
	if (answer && more)
		say_message(s, "Output", answer, 0, 1, more);
}

/* --- everything else --- */

static void say_value(saying *s, const char *what, const json_t *value)
{
	const gk_span *span = s->span;
	const char *feature = span->is_root ? span->name : gk_span_metrics_feature(span);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *shown = value ? gk_span_shown(span, value) : NULL;
	gk_auto_str char *written = NULL;
	json_t *fields = fields_of(s);

	if (!value) {
		json_decref(fields);
		return;
	}
	written = shown ? gk_json_write(shown, NULL) : NULL;
	gk_buf_puts(&text, written ? written : "");
	cut(&text, GK_SPAN_LOG_CONTENT);
	if (!gk_json_set_str(fields, "content", text.data ? text.data : ""))
		json_object_clear(fields);
	say(s, GK_LOG_INFO, fields, "%s[%s, %s]", what, path_of(s), feature);
}

static void say_failure(saying *s)
{
	gk_auto_str char *message = gk_span_error_message(s->span);
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	char type[GK_SPAN_ERROR_TYPE_SIZE];
	json_t *fields = fields_of(s);

	if (!gk_span_error_type(s->span, type))
		snprintf(type, sizeof(type), "<unknown>");
	gk_buf_puts(&text, message ? message : "");
	cut(&text, GK_SPAN_LOG_MESSAGE);
	if (!gk_json_set_str(fields, "name", type) ||
		!gk_json_set_str(fields, "message", text.data ? text.data : "") ||
		!gk_json_set_str(fields, "source", SOURCE) ||
		!gk_json_set_str(fields, "sourceVersion", PACKAGE_VERSION))
		json_object_clear(fields);
	say(s, GK_LOG_ERROR, fields, "Error[%s, %s] %s", path_of(s), type,
		text.data ? text.data : "");
}

/* The path of such a span is "/{FLOW}". */
static void say_engagement(const gk_span *span)
{
	saying s = { .span = span };
	size_t len = span->path ? strlen(span->path) : 0;
	bool is_feedback = json_object_get(span->metadata, "feedbackValue") != NULL;

	if (len > 3)
		say(&s, GK_LOG_INFO, json_incref(span->metadata), "%s[%.*s]",
			is_feedback ? "UserFeedback" : "UserAcceptance", (int)(len - 3),
			span->path + 2);
}

static bool is_worth_its_values(const gk_span *span)
{
	return span->is_root || gk_str_equal(span->subtype, "tool") ||
	       gk_str_equal(span->subtype, "tool.v2") || strcmp(span->name, "generate") == 0;
}

static void ended(const gk_span *span, void *user)
{
	const gk_span_logs *it = user;
	bool is_model = gk_str_equal(span->subtype, "model") && !span->is_root && span->input;
	bool is_info_on = gk_log_is_on(GK_LOG_INFO), shows_io = is_info_on && it->shows_io;
	saying s;

	if (!span->type || !gk_log_is_on(span->is_failure_source ? GK_LOG_ERROR : GK_LOG_INFO))
		return;
	if (span->is_appended) {
		say_engagement(span);
		return;
	}
	begin(&s, span);
	if (is_model && is_info_on)
		say_config(&s);
	if (is_model && shows_io)
		say_conversation(&s);
	if (!is_model && shows_io && is_worth_its_values(span)) {
		say_value(&s, "Input", span->input);
		say_value(&s, "Output", span->output);
	}
	if (span->is_failure_source)
		say_failure(&s);
	end(&s);
}

void gk_span_logs_init(gk_span_logs *it, bool shows_io)
{
	it->shows_io = shows_io;
	it->observer = (gk_span_observer){ .ended = ended, .user = it };
}
