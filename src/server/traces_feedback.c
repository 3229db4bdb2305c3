/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* POST /api/feedback: what people made of an answer, appended to its trace (telemetry section 4). Only genkitd has it. */
#include "server/traces_internal.h"

#include "base/buf.h"
#include "server/body.h"

#include <genkit/engagement.h>
#include <genkit/json.h>

typedef struct wanted {
	json_t *body;
	gk_engagement engagement; /* borrowed from it */
} wanted;

static gk_code read_body(const gk_trace_call *call, wanted *ret, gk_error *err)
{
	gk_engagement *e = &ret->engagement;
	gk_code rc = gk_json_parse(call->body ? call->body : "", call->len, 0, &ret->body, err);
	json_t *feedback = json_object_get(ret->body, "feedback");

	e->size = sizeof(*e);
	if (rc == GK_OK)
		rc = gk_body_text_peek(ret->body, "name", &e->name, err);
	if (rc == GK_OK)
		rc = gk_body_text_peek(ret->body, "traceId", &e->trace_id, err);
	if (rc == GK_OK)
		rc = gk_body_text_peek(ret->body, "spanId", &e->span_id, err);
	if (rc == GK_OK)
		rc = gk_body_text_peek(feedback, "value", &e->feedback, err);
	if (rc == GK_OK)
		rc = gk_body_text_peek(feedback, "text", &e->text, err);
	return rc == GK_OK ? gk_body_text_peek(json_object_get(ret->body, "acceptance"), "value",
				     &e->acceptance, err)
			   : rc;
}

static gk_code find_trace(gk_traces *traces, const char *trace_id, gk_error *err)
{
	bool is_there = false;
	gk_code rc = gk_trace_store_has(traces->store, trace_id, &is_there, err);

	if (rc == GK_OK && !is_there)
		return gk_error_set(err, GK_NOT_FOUND, "there is no trace %s", trace_id);
	return rc;
}

static void take_feedback(gk_trace_call *call)
{
	wanted w = { .body = NULL };
	gk_auto_error gk_error err = { 0 };
	gk_code rc = read_body(call, &w, &err);

	if (rc == GK_OK)
		rc = gk_engagement_check(&w.engagement, &err);
	if (rc == GK_OK)
		rc = find_trace(call->traces, w.engagement.trace_id, &err);
	if (rc == GK_OK)
		rc = gk_collect_engagement(call->traces->app, &w.engagement, &err);
	if (rc == GK_OK)
		rc = gk_trace_store_flush(call->traces->store, &err);
	json_decref(w.body);
	if (rc == GK_OK)
		gk_traces_reply_text(call, 200, "text/plain; charset=utf-8", "OK");
	else if (call->x)
		gk_traces_refuse(call->x, &err);
}

/* Those who may call flows may say what they think of the answers. */
static bool admit(gk_traces_door *door, gk_exchange *x)
{
	gk_context_provider *callers = door->access.callers;
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *context = NULL;

	if (!door->access.is_for_callers)
		return gk_traces_admit(door, x);
	if (!callers || callers->provide(callers, x, NULL, &context, &err) == GK_OK)
		return true;
	gk_traces_refuse(x, &err);
	return false;
}

void gk_traces_feedback(gk_exchange *x, void *user)
{
	gk_traces_door *door = user;

	if (admit(door, x))
		gk_traces_call(door, x, take_feedback);
}
