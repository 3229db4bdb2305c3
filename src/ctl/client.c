/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Questions to the daemon. */
#include "ctl/ctl.h"

#include <genkit/json.h>
#include <stdio.h>

gk_code gk_ctl_open(gk_ctl *ctl, const char *path, json_t *body, gk_fetch **ret, gk_error *err)
{
	gk_auto_str char *url = NULL, *text = NULL, *key = NULL;
	const char *headers[3] = { NULL };
	size_t count = 0;
	gk_code rc;

	if (asprintf(&url, "%s%s", ctl->url, path) < 0) {
		url = NULL;
		return gk_error_no_memory(err);
	}
	if (body) {
		text = gk_json_write(body, NULL);
		if (!text)
			return gk_error_no_memory(err);
	}
	if (ctl->key && asprintf(&key, "Authorization: %s", ctl->key) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	if (key)
		headers[count++] = key;
	if (body)
		headers[count++] = "Content-Type: application/json";
	rc = gk_fetch_start(ctl->client,
		GK_OPTS(gk_fetch_opts, .url = url, .headers = headers, .body = text,
			.body_len = text ? strlen(text) : 0, .idle_ms = UINT32_MAX,
			.total_ms = UINT32_MAX),
		ret, err);
	if (rc == GK_UNAVAILABLE)
		gk_error_prefix(err, "is genkitd running, with --dev? ");
	return rc;
}

/* The text of an answer that is no success: {"message"} where it is JSON. */
static gk_code fail_with(int status, const char *text, gk_error *err)
{
	gk_auto_json json_t *body = NULL;
	const char *message;
	gk_code code = status == 404 ? GK_NOT_FOUND : GK_UNAVAILABLE;

	if (gk_json_parse(text, strlen(text), 0, &body, NULL) != GK_OK)
		body = NULL;
	message = gk_json_str_peek(body, "message");
	return gk_error_set(err, code, "%s", message ? message : text);
}

gk_code gk_ctl_ask(gk_ctl *ctl, const char *path, json_t *body, json_t **ret, gk_error *err)
{
	gk_auto_fetch gk_fetch *res = NULL;
	gk_auto_str char *text = NULL;
	size_t len;
	gk_code rc = gk_ctl_open(ctl, path, body, &res, err);

	if (rc == GK_OK)
		rc = gk_fetch_read_all(res, &text, &len, err);
	if (rc != GK_OK)
		return rc;
	if (gk_fetch_status(res) / 100 != 2)
		return fail_with(gk_fetch_status(res), text, err);
	if (gk_json_parse(text, len, 0, ret, NULL) != GK_OK)
		*ret = json_stringn(text, len); /* "OK" */
	return *ret ? GK_OK : gk_error_set(err, GK_INTERNAL, "the daemon's answer is no text");
}
