/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "providers.h"

#include "base/str.h"
#include "json/partial.h"
#include "loop/sse.h"
#include "plugins/common/failure.h"
#include "plugins/common/media.h"
#include "plugins/gemini/gemini.h"

#include <stdio.h>

/* Reports a case whose parts have all been looked at. */
static void report(conformance *run, const char *name, char *found)
{
	gk_auto_str char *text = found;

	if (text)
		conformance_fail(run, name, "%s", text);
	else
		conformance_pass(run, name);
}

static char *differs(size_t i, const json_t *got, const json_t *wanted)
{
	gk_auto_str char *found = result_differs(got, wanted, false, false);
	char *text;

	if (!found)
		return NULL;
	return asprintf(&text, "cases[%zu]%s", i, found) < 0 ? NULL : text;
}

static char *run_status(const json_t *one, size_t i)
{
	gk_auto_json json_t *got =
		json_string(gk_code_name(gk_failure_code((int)gk_json_int_at(one, "http", 0))));

	return differs(i, got, json_object_get(one, "status"));
}

/* 2026-05-19T12:00:00Z, the time of these cases. */
#define NOW_MS 1779192000000u

static char *run_retry(const json_t *one, size_t i)
{
	uint64_t ms;
	gk_auto_json json_t *got =
		gk_failure_retry_after(gk_json_str_peek(one, "header"), NOW_MS, &ms)
			? json_integer((json_int_t)ms)
			: json_null();

	return differs(i, got, json_object_get(one, "retryAfterMs"));
}

static char *run_partial(const json_t *one, size_t i)
{
	const char *text = gk_json_str_peek(one, "text");
	gk_auto_json json_t *got = NULL;

	if (gk_json_parse_partial(text, strlen(text), &got, NULL) != GK_OK || !got)
		got = json_null();
	return differs(i, got, json_object_get(one, "value"));
}

static char *run_partial_args(const json_t *one, size_t i)
{
	gk_auto_json json_t *target = json_deep_copy(json_object_get(one, "target"));

	if (!gk_gemini_apply_partial(target, json_object_get(one, "partialArgs")))
		return strdup("out of memory");
	return differs(i, target, json_object_get(one, "result"));
}

static const struct {
	const char *kind;
	char *(*run)(const json_t *one, size_t i);
} kinds[] = {
	{ "status", run_status },
	{ "retry", run_retry },
	{ "partialjson", run_partial },
	{ "partialargs", run_partial_args },
};

/* --- event streams --- */

static gk_code on_event(const gk_sse_event *event, void *user, gk_error *err)
{
	(void)err;
	json_array_append_new(user,
		json_pack("{s:o, s:o}", "event",
			event->event.len ? json_stringn(event->event.text, event->event.len)
					 : json_null(),
			"data",
			json_stringn(event->data.len ? event->data.text : "", event->data.len)));
	return GK_OK;
}

static char *run_sse(const json_t *doc)
{
	const char *base64 = gk_json_at_peek(doc, "input.textBase64")
				     ? gk_json_str_peek(doc, "input.textBase64")
				     : "";
	gk_auto_str char *text = NULL;
	size_t len;
	unsigned seed = 7;

	if (!gk_base64_decode(base64, strlen(base64), &text, &len))
		return strdup("input.textBase64 is not base64");
	for (int cut = PLAY_WHOLE; cut < PLAY_CUTS; cut++) {
		gk_auto_json json_t *events = json_array(), *got = NULL;
		gk_auto_sse gk_sse sse;
		char *found;

		gk_sse_init(&sse, 0, on_event, events);
		for (size_t at = 0, step; at < len; at += step) {
			step = cut == PLAY_WHOLE   ? len
			       : cut == PLAY_BYTES ? 1
						   : 1 + (size_t)rand_r(&seed) % 5;
			if (step > len - at)
				step = len - at;
			if (gk_sse_push(&sse, text + at, step, NULL) != GK_OK)
				return strdup("not accepted");
		}
		got = json_pack(
			"{s:O, s:b}", "events", events, "remainder", gk_sse_is_unfinished(&sse));
		found = result_differs(got, json_object_get(doc, "expect"), true, false);
		if (found)
			return found;
	}
	return NULL;
}

void providers_common(conformance *run, const char *file, json_t *doc)
{
	const char *name = gk_json_str_peek(doc, "id"), *kind = gk_json_str_peek(doc, "kind");
	char *found = NULL;
	json_t *one;
	size_t i;

	(void)file;
	if (strcmp(kind, "sse") == 0) {
		report(run, name, run_sse(doc));
		return;
	}
	if (strcmp(kind, "google-auth") == 0) {
		report(run, name, run_google_auth(doc));
		return;
	}
	if (strcmp(kind, "aws-auth") == 0) {
		report(run, name, run_aws_auth(doc));
		return;
	}
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		if (strcmp(kinds[k].kind, kind) != 0)
			continue;
		json_array_foreach (json_object_get(doc, "cases"), i, one)
			if ((found = kinds[k].run(one, i)))
				break;
		report(run, name, found);
		return;
	}
	conformance_skip(run, name, "kind %s comes with the plugins that need it", kind);
}
