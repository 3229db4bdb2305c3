/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ctl/test_model.h"

#include "ctl/model_checks.h"
#include "ctl/run.h"
#include "json/edit.h"

#include <genkit/json.h>
#include <stdio.h>

typedef struct tally {
	unsigned passed, failed;
} tally;

static gk_code keep_chunk(const char *line, size_t len, void *user, gk_error *err)
{
	json_t *chunk = NULL;
	gk_code rc = gk_json_parse(line, len, 0, &chunk, err);

	if (rc == GK_OK && !gk_json_push_take(user, chunk))
		rc = gk_error_no_memory(err);
	return rc;
}

/* Asks the model, and holds the answer to all that is said of it. */
static gk_code try_case(gk_ctl *ctl, const char *key, json_t *one, gk_error *err)
{
	bool is_stream = json_is_true(json_object_get(one, "stream"));
	gk_auto_json json_t *body =
		json_pack("{s:s, s:O*}", "key", key, "input", json_object_get(one, "input"));
	gk_auto_json json_t *chunks = json_array(), *outcome = NULL;
	json_t *validator;
	size_t i;
	gk_code rc;

	if (!body || !chunks)
		return gk_error_no_memory(err);
	rc = gk_ctl_call(ctl, body, is_stream, keep_chunk, chunks, &outcome, err);
	if (rc == GK_OK && json_object_get(outcome, "error"))
		rc = gk_error_set_plain(err, "%s",
			gk_json_str_peek(outcome, "error.message")
				? gk_json_str_peek(outcome, "error.message")
				: "failed");
	if (rc == GK_OK && is_stream && !json_array_size(chunks))
		rc = gk_error_set(err, GK_FAILED_PRECONDITION, "it streams nothing");
	json_array_foreach (json_object_get(one, "validators"), i, validator)
		if (rc == GK_OK)
			rc = json_is_string(validator)
				     ? gk_model_check(json_string_value(validator),
					       json_object_get(outcome, "result"), chunks, err)
				     : gk_error_set(err, GK_INVALID_ARGUMENT,
					       "a validator must be a text");
	return rc;
}

static void tell(const gk_ctl *ctl, const char *model, const char *name, const gk_error *failure)
{
	gk_auto_json json_t *line = NULL;

	if (ctl->options->is_json) {
		line = json_pack("{s:s, s:s, s:b, s:s*}", "model", model, "case", name, "passed",
			!failure, "error", failure ? failure->message : NULL);
		gk_ctl_print_line(line);
	} else if (failure) {
		gk_ctl_say(stdout, "FAILED  %s: %s\n", name, failure->message);
	} else {
		gk_ctl_say(stdout, "passed  %s\n", name);
	}
	fflush(stdout);
}

static gk_code try_suite(
	gk_ctl *ctl, json_t *suite, const json_t *actions, tally *count, gk_error *err)
{
	const char *model = gk_json_str_peek(suite, "model");
	gk_auto_json json_t *cases = NULL;
	gk_auto_str char *key = NULL;
	json_t *one, *action;
	size_t i;
	gk_code rc;

	if (asprintf(&key, "%s%s", model[0] == '/' ? "" : "/model/", model) < 0) {
		key = NULL;
		return gk_error_no_memory(err);
	}
	action = json_object_get(
		actions, key); /* one that is not listed may be found all the same */
	rc = gk_model_suite_cases(suite, gk_json_at_peek(action, "metadata.model"), &cases, err);
	if (rc == GK_OK && !ctl->options->is_json)
		gk_ctl_say(stdout, "%s\n", model);
	json_array_foreach (cases, i, one) {
		gk_auto_error gk_error failure = { 0 };
		const char *name = gk_json_str_peek(one, "name");
		gk_code passed = try_case(ctl, key, one, &failure);

		if (passed == GK_CANCELLED)
			return gk_error_move(err, &failure);
		tell(ctl, model, name ? name : "a case without a name",
			passed == GK_OK ? NULL : &failure);
		count->passed += passed == GK_OK;
		count->failed += passed != GK_OK;
	}
	return rc;
}

gk_code gk_ctl_test_model(gk_ctl *ctl, gk_error *err)
{
	gk_auto_json json_t *suites = NULL, *actions = NULL;
	tally count = { 0 };
	json_t *suite;
	size_t i;
	gk_code rc = gk_model_suites(ctl->options, &suites, err);

	if (rc != GK_OK) {
		ctl->status = GK_EXIT_USAGE;
		return rc;
	}
	rc = gk_ctl_ask(ctl, "/api/actions", NULL, &actions, err);
	json_array_foreach (suites, i, suite)
		if (rc == GK_OK)
			rc = try_suite(ctl, suite, actions, &count, err);
	if (rc != GK_OK)
		return rc;
	if (!ctl->options->is_json)
		printf("%u passed, %u failed\n", count.passed, count.failed);
	if (count.failed)
		ctl->status = GK_EXIT_FAILED;
	return GK_OK;
}
