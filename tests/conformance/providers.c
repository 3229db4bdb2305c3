/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "providers.h"

#include "base/clock.h"
#include "base/str.h"
#include "core/internal.h"
#include "json/edit.h"

#include <genkit/plugins.h>
#include <stdio.h>

static const char *const cut_names[] = { "whole", "byte by byte", "at split", "at random" };

/* --- running an action, its chunks kept --- */

typedef struct listener {
	gk_sink base;
	json_t *chunks;
} listener;

static gk_code on_chunk(gk_sink *sink, gk_run *run, json_t *chunk, gk_error *err)
{
	listener *it = (listener *)sink;

	(void)run;
	(void)err;
	if (json_array_size(json_object_get(chunk, "content")))
		json_array_append(it->chunks, chunk);
	return GK_OK;
}

static void on_done(gk_sink *sink, gk_run *run)
{
	(void)sink;
	(void)run;
}

static const gk_sink_type listening = { .chunk = on_chunk, .done = on_done };

static gk_code run_action(core_app *app, const char *key, const json_t *doc, json_t *chunks,
	json_t **ret, gk_error *err)
{
	listener it = { .base.type = &listening, .chunks = chunks };
	gk_run *run;
	gk_code rc =
		gk_run_start(GK_OPTS(gk_run_opts, .app = app->app, .key = key,
				     .input = json_object_get(doc, "input"), .sink = &it.base,
				     .is_streaming = json_is_true(json_object_get(doc, "stream"))),
			&run, err);

	if (rc != GK_OK)
		return rc;
	while (!gk_run_is_done(run))
		gk_loop_turn(app->loop, 100);
	if (gk_run_error_peek(run))
		rc = gk_error_copy(err, gk_run_error_peek(run));
	else
		*ret = json_incref(gk_run_result_peek(run));
	gk_run_unref(run);
	return rc;
}

/* What a plugin lists, without what is registered. */
static gk_code list_actions(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	json_t *listing = json_object();

	(void)input;
	(void)err;
	gk_plugins_list(ctx, listing);
	*ret = listing;
	return GK_OK;
}

static gk_code init_plugins(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	(void)ret;
	return gk_plugins_init(ctx, err);
}

/* /background-model/x is checked by /check-operation/x/check. */
static char *key_of(const json_t *doc, const char *op)
{
	const char *action = gk_json_str_peek(doc, "action"), *name;
	char *key;

	name = action ? strchr(action + 1, '/') : NULL;
	if (name && gk_str_has_prefix(action, "/background-model/") &&
		(strcmp(op, "check") == 0 || strcmp(op, "cancel") == 0)) {
		if (asprintf(&key, "/%s-operation%s/%s", op, name, op) < 0)
			abort();
		return key;
	}
	return strdup(action ? action : "");
}

static gk_code run_op(core_app *app, const json_t *doc, json_t *chunks, json_t **ret, gk_error *err)
{
	const char *op = gk_json_str_peek(doc, "op");
	gk_auto_str char *key = key_of(doc, op);

	if (strcmp(op, "list") == 0)
		return core_app_run(app, list_actions, NULL, NULL, ret, err);
	if (strcmp(op, "init") == 0) { /* what is found out with the first use only, then */
		gk_code rc = core_app_run(app, init_plugins, NULL, NULL, ret, err);

		if (rc != GK_OK || !*key || !json_object_get(doc, "input"))
			return rc;
	}
	return run_action(app, key, doc, chunks, ret, err);
}

/* --- what came of it --- */

static char *chunks_differ(const json_t *doc, const json_t *got)
{
	const json_t *wanted = gk_json_at_peek(doc, "expect.chunks");
	bool json_text = json_is_true(json_object_get(doc, "jsonTextParts"));
	json_t *one;
	size_t i;

	if (!wanted)
		return NULL;
	if (json_array_size(wanted) != json_array_size(got))
		return result_differs(got, wanted, false, false);
	json_array_foreach (wanted, i, one) {
		const json_t *own = json_array_get(got, i);
		char *found = content_differs(json_object_get(own, "content"),
			json_object_get(one, "content"), json_text);

		if (!found && json_object_get(one, "index"))
			found = result_differs(json_object_get(own, "index"),
				json_object_get(one, "index"), false, false);
		if (found)
			return found;
	}
	return NULL;
}

static char *error_differs(const json_t *wanted, gk_code rc, const gk_error *err, const json_t *got)
{
	const char *contains = gk_json_str_peek(wanted, "messageContains");
	const char *status = gk_json_str_peek(wanted, "status");
	const json_t *retry = json_object_get(wanted, "retryAfterMs");
	gk_auto_str char *value = gk_json_write(got, NULL);
	char *text = NULL;

	if (rc == GK_OK)
		return asprintf(&text, "no error, but %s", value) < 0 ? NULL : text;
	if ((status && strcmp(gk_code_name(rc), status) != 0) ||
		(contains && (!err->message || !strcasestr(err->message, contains))))
		return asprintf(&text, "%s '%s', expected %s '%s'", gk_code_name(rc), err->message,
			       status ? status : "any status", contains ? contains : "") < 0
			       ? NULL
			       : text;
	return retry ? result_differs(
			       gk_json_at_peek(err->details, "responseMetadata.retryAfterMs"),
			       retry, false, false)
		     : NULL;
}

static char *actions_differ(const json_t *wanted, const json_t *got)
{
	json_t *key;
	size_t i;

	json_array_foreach (wanted, i, key)
		if (!json_object_get(got, json_string_value(key)))
			break;
	if (i == json_array_size(wanted) && json_object_size(got) == json_array_size(wanted))
		return NULL;
	return result_differs(got, wanted, false, false);
}

static char *outcome_differs(const json_t *doc, gk_code rc, const json_t *got, const gk_error *err)
{
	const json_t *expect = json_object_get(doc, "expect");
	bool json_text = json_is_true(json_object_get(doc, "jsonTextParts"));
	char *text;

	if (json_object_get(expect, "error"))
		return error_differs(json_object_get(expect, "error"), rc, err, got);
	if (rc != GK_OK)
		return asprintf(&text, "%s: %s", gk_code_name(rc), err->message) < 0 ? NULL : text;
	if (json_object_get(expect, "actions"))
		return actions_differ(json_object_get(expect, "actions"), got);
	if (json_object_get(expect, "operation"))
		return result_differs(got, json_object_get(expect, "operation"), true, json_text);
	return json_object_get(expect, "response")
		       ? result_differs(got, json_object_get(expect, "response"), true, json_text)
		       : NULL;
}

/* --- a case --- */

/* The case's own time; without one, the system's. */
static uint64_t now_of(void *user)
{
	return (uint64_t)gk_clock_read_iso(gk_json_str_peek(((const play *)user)->doc, "now")) /
	       1000;
}

/* What a case came to at one way of cutting; NULL: as expected. */
static char *run_cut(const json_t *doc, play_cut cut)
{
	play it = { .doc = doc, .cut = cut, .seed = 42 };
	gk_auto_json json_t *chunks = json_array(), *got = NULL;
	gk_auto_error gk_error err = { 0 };
	char *found;
	core_app app;
	gk_code rc;

	play_move_in(&it);
	core_app_start(&app);
	if (!gk_net_set_env(app.app, play_env, &it) ||
		!gk_net_set_transport(app.app, &play_transport, &it) ||
		(json_object_get(doc, "now") && !gk_net_set_clock(app.app, now_of, &it)))
		abort();
	rc = gk_use_plugin(
		app.app, gk_json_str_peek(doc, "provider"), json_object_get(doc, "plugin"), &err);
	if (rc == GK_OK)
		rc = run_op(&app, doc, chunks, &got, &err);
	if (json_array_size(json_object_get(doc, "exchanges")))
		play_finish(&it);
	if (it.complaint && rc != GK_OK) {
		char *more;

		if (asprintf(&more, "%s (%s: %.400s)", it.complaint, gk_code_name(rc),
			    err.message) < 0)
			abort();
		free(it.complaint);
		it.complaint = more;
	}
	found = it.complaint ? gk_steal(it.complaint) : outcome_differs(doc, rc, got, &err);
	if (!found)
		found = chunks_differ(doc, chunks);
	core_app_stop(&app);
	play_done(&it);
	return found;
}

static bool is_there(const json_t *doc)
{
	core_app app;
	gk_code rc;

	core_app_start(&app);
	rc = gk_use_plugin(app.app, gk_json_str_peek(doc, "provider"), NULL, NULL);
	core_app_stop(&app);
	return rc != GK_NOT_FOUND;
}

static bool has_split(const json_t *doc)
{
	json_t *exchange;
	size_t i;

	json_array_foreach (json_object_get(doc, "exchanges"), i, exchange)
		if (gk_json_at_peek(exchange, "response.split"))
			return true;
	return false;
}

static void run_case(conformance *run, const char *file, json_t *doc)
{
	const char *name = gk_json_str_peek(doc, "id"),
		   *provider = gk_json_str_peek(doc, "provider");
	int cuts = json_is_true(json_object_get(doc, "stream")) ? PLAY_CUTS : 1;

	if (!provider) {
		conformance_fail(run, name ? name : file, "it names no provider");
		return;
	}
	if (gk_str_equal(provider, "common")) {
		providers_common(run, file, doc);
		return;
	}
	if (!is_there(doc)) {
		conformance_skip(run, name, "the plugin %s does not exist yet", provider);
		return;
	}
	for (int cut = 0; cut < cuts; cut++) {
		gk_auto_str char *found = NULL;

		if (cut == PLAY_SPLIT && !has_split(doc))
			continue;
		found = run_cut(doc, (play_cut)cut);
		if (found) {
			conformance_fail(run, name, "(%s) %s", cut_names[cut], found);
			return;
		}
	}
	conformance_pass(run, name);
}

/* A case, or our own form of many: {defaults, cases}, where a case has what it differs in. */
void conformance_providers(conformance *run, const char *file, json_t *doc)
{
	const json_t *defaults = json_object_get(doc, "defaults");
	json_t *one;
	size_t i;

	if (!defaults) {
		run_case(run, file, doc);
		return;
	}
	if (!json_array_size(json_object_get(doc, "cases")))
		conformance_fail(run, file, "has no cases");
	json_array_foreach (json_object_get(doc, "cases"), i, one) {
		gk_auto_json json_t *whole = gk_json_merge(defaults, one);

		run_case(run, file, whole);
	}
}
