/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl run: an action, its chunks as they come, its outcome. */
#include "ctl/run.h"

#include "base/buf.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <stdio.h>
#include <unistd.h>

/* --- what is asked --- */

gk_code gk_ctl_read_input(const char *word, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(GK_JSON_DEFAULT_MAX);
	gk_code rc;

	if (strcmp(word, "-") == 0) {
		char *room;
		ssize_t got;

		do {
			room = gk_buf_reserve(&text, 65536);
			got = room ? read(STDIN_FILENO, room, 65536) : 0;
			if (got > 0)
				gk_buf_added(&text, (size_t)got);
		} while (got > 0);
		if (text.failed)
			return gk_error_set(err, GK_INVALID_ARGUMENT, "the input is too large");
	} else {
		gk_buf_puts(&text, word);
	}
	rc = gk_json_parse(text.data ? text.data : "", text.len, 0, ret, err);
	return rc == GK_OK ? rc : gk_error_prefix(err, "INPUT is no JSON: ");
}

static gk_code read_context(const char *text, json_t **ret, gk_error *err)
{
	gk_code rc = text ? gk_json_parse(text, strlen(text), 0, ret, err) : GK_OK;

	return rc == GK_OK ? rc : gk_error_prefix(err, "--context is no JSON: ");
}

/* {NAME: VALUE} */
static gk_code read_label(const char *text, json_t **ret, gk_error *err)
{
	const char *equals = text ? strchr(text, '=') : NULL;

	if (!text)
		return GK_OK;
	if (!equals)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "--label: NAME=VALUE is expected");
	*ret = json_pack("{s%:s}", text, (size_t)(equals - text), equals + 1);
	return *ret ? GK_OK : gk_error_set(err, GK_INVALID_ARGUMENT, "--label is no UTF-8");
}

gk_code gk_ctl_run_body(const gk_ctl_options *options, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *body = json_object(), *input = NULL, *context = NULL, *labels = NULL;
	const char *key = options->words[0];
	gk_code rc = GK_OK;

	if (options->word_count > 1)
		rc = gk_ctl_read_input(options->words[1], &input, err);
	if (rc == GK_OK)
		rc = read_context(options->context, &context, err);
	if (rc == GK_OK)
		rc = read_label(options->label, &labels, err);
	if (rc != GK_OK)
		return rc;
	if (!gk_json_set_take(body, "key",
		    key[0] == '/' ? json_string(key) : json_sprintf("/flow/%s", key)) ||
		(input && !gk_json_set(body, "input", input)) ||
		(context && !gk_json_set(body, "context", context)) ||
		(labels && !gk_json_set(body, "telemetryLabels", labels)))
		return gk_error_no_memory(err);
	*ret = gk_steal(body);
	return GK_OK;
}

/* --- what comes back --- */

static gk_code report(gk_ctl *ctl, json_t *outcome, gk_error *err)
{
	json_t *error = json_object_get(outcome, "error"),
	       *result = json_object_get(outcome, "result");

	if (ctl->options->is_json)
		gk_ctl_print_line(outcome);
	if (error) {
		ctl->status = GK_EXIT_FAILED;
		if (ctl->options->is_json)
			return GK_OK;
		return gk_error_set_plain(err, "%s",
			gk_json_str_peek(error, "message") ? gk_json_str_peek(error, "message")
							   : "failed");
	}
	if (!ctl->options->is_json && result) {
		if (ctl->options->is_stream || !(json_is_object(result) || json_is_array(result)))
			gk_ctl_print_line(result);
		else
			gk_ctl_print(result);
	}
	return GK_OK;
}

static gk_code print_chunk(const char *line, size_t len, void *user, gk_error *err)
{
	(void)user, (void)err;
	gk_ctl_put_json(stdout, line, len);
	fflush(stdout);
	return GK_OK;
}

/* The text between two line ends is a chunk; what stands after the last one is the outcome. */
static gk_code take_chunks(gk_buf *text, gk_ctl_chunk_fn *fn, void *user, gk_error *err)
{
	gk_code rc = GK_OK;
	char *end;

	while (rc == GK_OK && text->len && (end = memchr(text->data, '\n', text->len)) != NULL) {
		size_t len = (size_t)(end - text->data);

		rc = fn(text->data, len, user, err);
		gk_buf_consume(text, len + 1);
	}
	return rc;
}

static gk_code read_outcome(
	gk_fetch *res, gk_ctl_chunk_fn *fn, void *user, json_t **ret, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	const char *data;
	size_t len;
	gk_code rc;

	while ((rc = gk_fetch_read(res, &data, &len, err)) == GK_OK && len) {
		gk_buf_put(&text, data, len);
		if (fn)
			rc = take_chunks(&text, fn, user, err);
		if (rc != GK_OK)
			return rc;
	}
	if (rc != GK_OK)
		return rc;
	if (gk_fetch_status(res) != 200)
		return gk_error_set_plain(err, "%s", text.data ? text.data : "no answer");
	rc = gk_json_parse(text.data ? text.data : "", text.len, 0, ret, err);
	return rc == GK_OK ? rc : gk_error_prefix(err, "the daemon's answer is no JSON: ");
}

gk_code gk_ctl_call(gk_ctl *ctl, json_t *body, bool is_stream, gk_ctl_chunk_fn *fn, void *user,
	json_t **ret, gk_error *err)
{
	gk_auto_fetch gk_fetch *res = NULL;
	const char *trace_id;
	gk_code rc = gk_ctl_open(
		ctl, is_stream ? "/api/runAction?stream=true" : "/api/runAction", body, &res, err);

	if (rc != GK_OK)
		return rc;
	trace_id = gk_fetch_header_peek(res, "X-Genkit-Trace-Id");
	snprintf(ctl->trace_id, sizeof(ctl->trace_id), "%s", trace_id ? trace_id : "");
	if (trace_id && (ctl->options->is_verbose || ctl->tells_trace))
		gk_ctl_say(stderr, "trace %s\n", ctl->trace_id);
	return read_outcome(res, is_stream ? fn : NULL, user, ret, err);
}

gk_code gk_ctl_run(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *body = NULL, *outcome = NULL;
	gk_code rc = gk_ctl_run_body(ctl->options, &body, err);

	if (rc != GK_OK) {
		ctl->status = GK_EXIT_USAGE;
		return rc;
	}
	ctl->tells_trace = isatty(STDERR_FILENO);
	rc = gk_ctl_call(ctl, body, ctl->options->is_stream, print_chunk, NULL, &outcome, err);
	return rc == GK_OK ? report(ctl, outcome, err) : rc;
}
