/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* User feedback and acceptance: finished spans for a trace that is over (telemetry section 4). */
#include "core/internal.h"

#include "base/str.h"
#include "json/edit.h"

#include <genkit/engagement.h>
#include <stdio.h>

static bool is_id(const char *text, size_t len)
{
	return text && strlen(text) == len && strspn(text, "0123456789abcdef") == len;
}

static bool is_one_of(const char *text, const char *one, const char *other)
{
	return !text || gk_str_equal(text, one) || gk_str_equal(text, other);
}

gk_code gk_engagement_check(const gk_engagement *e, gk_error *err)
{
	if (!e->name || !*e->name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "'name' must be that of a flow");
	if (!is_id(e->trace_id, GK_TRACE_ID_SIZE - 1) || !is_id(e->span_id, GK_SPAN_ID_SIZE - 1))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "'traceId' and 'spanId' must be those of a run");
	if (!is_one_of(e->feedback, "positive", "negative"))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "feedback is either positive or negative");
	if (!is_one_of(e->acceptance, "accepted", "rejected"))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "acceptance is either accepted or rejected");
	if (!e->feedback && !e->acceptance)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "there is neither feedback nor acceptance");
	return GK_OK;
}

static gk_code append(gk_app *app, const gk_engagement *e, const char *name, const char *subtype,
	json_t *metadata_take, gk_error *err)
{
	gk_span span;

	gk_span_start(&span, app, NULL, name);
	memcpy(span.trace_id, e->trace_id, sizeof(span.trace_id));
	memcpy(span.parent_id, e->span_id, sizeof(span.parent_id));
	span.type = "userEngagement";
	span.subtype = subtype;
	span.is_root = false;
	span.is_appended = true;
	span.metadata = metadata_take;
	if (!span.metadata || asprintf(&span.path, "/{%s}", e->name) < 0) {
		json_decref(span.metadata);
		return gk_error_no_memory(err);
	}
	gk_span_finish(&span, app, NULL, NULL);
	return GK_OK;
}

static json_t *feedback_metadata(const gk_engagement *e)
{
	gk_auto_json json_t *metadata = json_object();

	if (!gk_json_set_str(metadata, "feedbackValue", e->feedback) ||
		(e->text && *e->text && !gk_json_set_str(metadata, "textFeedback", e->text)))
		return NULL;
	return gk_steal(metadata);
}

gk_code gk_collect_engagement(gk_app *app, const gk_engagement *engagement, gk_error *err)
{
	gk_code rc = gk_engagement_check(engagement, err);

	if (rc == GK_OK && engagement->feedback)
		rc = append(app, engagement, "user-feedback", "userFeedback",
			feedback_metadata(engagement), err);
	if (rc == GK_OK && engagement->acceptance)
		rc = append(app, engagement, "user-acceptance", "userAcceptance",
			json_pack("{s:s}", "acceptanceValue", engagement->acceptance), err);
	return rc;
}
