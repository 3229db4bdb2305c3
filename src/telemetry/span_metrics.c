/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/span_metrics.h"

#include "base/str.h"
#include "config.h"
#include "json/edit.h"
#include "loop/loop.h"

#include <genkit/tool.h>

#define SOURCE    "c"
#define NS_PER_MS 1e6
#define NS_PER_S  1e9

/* --- what is said of a span --- */

/* The outermost span of Genkit's is the feature that was used, unless it is only a helper. */
const char *gk_span_metrics_feature(const gk_span *span)
{
	static const char *const features[] = { "flow", "action", "prompt", "dotprompt", "helper" };
	const gk_span *first = span;

	for (const gk_span *s = span; s; s = s->above)
		if (!s->is_foreign)
			first = s;
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (gk_str_equal(first->type, features[i]))
			return first->name;
	return "generate";
}

static const char *outcome_of(const gk_span *span)
{
	if (span->state != GK_SPAN_ERROR)
		return "success";
	if (gk_error_is_interrupt(&span->error))
		return "interrupted";
	return span->is_aborted ? "cancelled" : "error";
}

static double number_of(const json_t *object, const char *member)
{
	return json_number_value(gk_json_peek(object, member));
}

/* --- models --- */

typedef struct usage {
	const char *member;
	gk_metric genkits, ours;
	const char *direction, *kind;
	const char *instead_of; /* counts only where this member does not; NULL: always */
} usage;

static const usage usages[] = {
	{ "inputTokens", GK_METRIC_INPUT_TOKENS, GK_METRIC_MODEL_TOKENS, "input", NULL, NULL },
	{ "outputTokens", GK_METRIC_OUTPUT_TOKENS, GK_METRIC_MODEL_TOKENS, "output", NULL, NULL },
	{ "thoughtsTokens", GK_METRIC_THINKING_TOKENS, GK_METRIC_MODEL_TOKENS, "thinking", NULL,
		NULL },
	{ "cachedContentTokens", GK_METRICS, GK_METRIC_MODEL_TOKENS, "cached", NULL, NULL },
	{ "inputCharacters", GK_METRIC_INPUT_CHARACTERS, GK_METRIC_MODEL_CHARACTERS, "input", NULL,
		NULL },
	{ "outputCharacters", GK_METRIC_OUTPUT_CHARACTERS, GK_METRIC_MODEL_CHARACTERS, "output",
		NULL, NULL },
	{ "inputImages", GK_METRIC_INPUT_IMAGES, GK_METRIC_MODEL_MEDIA, "input", "image", NULL },
	{ "inputVideos", GK_METRIC_INPUT_VIDEOS, GK_METRIC_MODEL_MEDIA, "input", "video", NULL },
	{ "inputAudioFiles", GK_METRIC_INPUT_AUDIO, GK_METRIC_MODEL_MEDIA, "input", "audio", NULL },
	{ "inputAudio", GK_METRIC_INPUT_AUDIO, GK_METRIC_MODEL_MEDIA, "input", "audio",
		"inputAudioFiles" },
	{ "outputImages", GK_METRIC_OUTPUT_IMAGES, GK_METRIC_MODEL_MEDIA, "output", "image", NULL },
	{ "outputVideos", GK_METRIC_OUTPUT_VIDEOS, GK_METRIC_MODEL_MEDIA, "output", "video", NULL },
	{ "outputAudioFiles", GK_METRIC_OUTPUT_AUDIO, GK_METRIC_MODEL_MEDIA, "output", "audio",
		NULL },
	{ "outputAudio", GK_METRIC_OUTPUT_AUDIO, GK_METRIC_MODEL_MEDIA, "output", "audio",
		"outputAudioFiles" },
};

/* NULL: it is not counted. */
static const usage *usage_of(const char *member)
{
	for (size_t i = 0; i < sizeof(usages) / sizeof(usages[0]); i++)
		if (strcmp(usages[i].member, member) == 0)
			return &usages[i];
	return NULL;
}

/* A model's call that is over, with all that is counted of it. */
typedef struct model_call {
	gk_metrics *metrics;
	const char *name, *feature, *error; /* error: NULL when it went well */
	char *path;
	json_t *usage;
	double latency_ms, spent_ms;
	bool is_genkits; /* the reference leaves out models that are called from outside */
} model_call;

/* Zero, less and nothing are not counted. */
static void count_usage(const model_call *call, const char *const *generate)
{
	const char *member;
	json_t *count;

	json_object_foreach (call->usage, member, count) {
		double value = json_number_value(count);
		const usage *it = value > 0 ? usage_of(member) : NULL;

		if (!it || (it->instead_of && number_of(call->usage, it->instead_of) > 0))
			continue;
		gk_metrics_add(call->metrics, it->ours,
			(const char *[]){ call->name, it->direction, it->kind }, value);
		if (call->is_genkits && it->genkits != GK_METRICS)
			gk_metrics_add(call->metrics, it->genkits, generate, value);
	}
}

static void count_call(const model_call *call)
{
	gk_metrics *metrics = call->metrics;
	const char *status = call->error ? "failure" : "success";
	const char *generate[] = { call->name, call->feature, call->path, SOURCE, PACKAGE_VERSION,
		status };

	gk_metrics_add(metrics, GK_METRIC_MODEL_REQUESTS,
		(const char *[]){
			call->name, call->feature, call->error ? "error" : "success", call->error },
		1);
	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, (const char *[]){ call->name },
		(call->latency_ms > 0 ? call->latency_ms : call->spent_ms) / 1000);
	count_usage(call, generate);
	if (!call->is_genkits)
		return;
	gk_metrics_add(metrics, GK_METRIC_GENERATE_REQUESTS, generate, 1);
	if (call->latency_ms > 0)
		gk_metrics_observe(metrics, GK_METRIC_GENERATE_LATENCY, generate, call->latency_ms);
}

static void count_later(void *user)
{
	model_call *call = user;

	count_call(call);
	json_decref(call->usage);
	free(call->path);
	free(call);
}

/* Its texts stand behind it. False: without memory, or outside of a loop, it is to be counted now. */
static bool put_off(const model_call *call)
{
	size_t name = strlen(call->name) + 1, feature = strlen(call->feature) + 1;
	gk_loop *loop = gk_loop_self();
	model_call *later = loop ? malloc(sizeof(*later) + name + feature) : NULL;
	char *texts = (char *)(later + 1);

	if (!later)
		return false;
	*later = *call;
	later->name = memcpy(texts, call->name, name);
	later->feature = memcpy(texts + name, call->feature, feature);
	json_incref(later->usage);
	gk_loop_tidy(loop, count_later, later);
	return true;
}

/* Whoever waits for a model's answer does not wait for its counts: there are as many as of all else. */
static void count_model(gk_metrics *metrics, const gk_span *span, const char *error)
{
	model_call call = {
		.metrics = metrics,
		.name = span->name,
		.feature = gk_span_metrics_feature(span),
		.error = error,
		.path = gk_span_path(span),
		.usage = gk_json_peek(span->output, "usage"),
		.latency_ms = number_of(span->output, "latencyMs"),
		.spent_ms = (double)(span->end_ns - span->start_ns) / NS_PER_MS,
	};

	call.is_genkits = !span->is_root && span->input && call.path;
	if (!error && put_off(&call))
		return;
	count_call(&call);
	free(call.path);
}

void gk_span_metrics_catch_up(void)
{
	gk_loop *loop = gk_loop_self();

	if (loop)
		gk_loop_tidy_now(loop);
}

/* --- features, paths, actions --- */

static void count_feature(gk_metrics *metrics, const gk_span *span, const char *error)
{
	const char *status = error ? "failure" : "success";
	const char *labels[] = { span->name, status, SOURCE, PACKAGE_VERSION, error };
	double spent_ns = (double)(span->end_ns - span->start_ns);

	gk_metrics_add(metrics, GK_METRIC_REQUESTS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_LATENCY, labels, spent_ns / NS_PER_MS);
	labels[1] = outcome_of(span);
	gk_metrics_add(metrics, GK_METRIC_FEATURE_REQUESTS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_FEATURE_SECONDS, labels, spent_ns / NS_PER_S);
}

static void count_failure(gk_metrics *metrics, const gk_span *span, const char *error)
{
	gk_auto_str char *path = gk_span_path(span);
	const char *feature = gk_span_metrics_feature(span);
	const char *labels[] = { feature, "failure", error, path, SOURCE, PACKAGE_VERSION };

	gk_metrics_add(metrics, GK_METRIC_PATH_REQUESTS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_PATH_LATENCY, labels,
		(double)(span->end_ns - span->start_ns) / NS_PER_MS);
	gk_metrics_add(metrics, GK_METRIC_FAILURE_PATHS, (const char *[]){ feature, error }, 1);
}

static void count_action(gk_metrics *metrics, const gk_span *span)
{
	const char *labels[] = { span->subtype, span->name, outcome_of(span) };

	gk_metrics_add(metrics, GK_METRIC_ACTIONS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_ACTION_SECONDS, labels,
		(double)(span->end_ns - span->start_ns) / NS_PER_S);
	gk_metrics_add(metrics, GK_METRIC_ACTIONS_IN_FLIGHT, labels, -1);
}

/* The path of such a span is "/{FLOW}". */
static void count_engagement(gk_metrics *metrics, const gk_span *span)
{
	const json_t *feedback = gk_json_peek(span->metadata, "feedbackValue");
	const json_t *acceptance = gk_json_peek(span->metadata, "acceptanceValue");
	const char *has_text = gk_json_peek(span->metadata, "textFeedback") ? "true" : "false";
	const char *value = json_string_value(feedback ? feedback : acceptance);
	size_t len = span->path ? strlen(span->path) : 0;
	gk_auto_str char *name = len > 3 ? strndup(span->path + 2, len - 3) : NULL;

	if (!name || !value)
		return;
	if (feedback)
		gk_metrics_add(metrics, GK_METRIC_FEEDBACK,
			(const char *[]){ name, value, has_text, SOURCE, PACKAGE_VERSION }, 1);
	else
		gk_metrics_add(metrics, GK_METRIC_ACCEPTANCE,
			(const char *[]){ name, value, SOURCE, PACKAGE_VERSION }, 1);
	gk_metrics_add(metrics, GK_METRIC_ENGAGEMENT,
		(const char *[]){ name, feedback ? "feedback" : "acceptance", value }, 1);
}

static bool is_action(const gk_span *span)
{
	return span->subtype && gk_str_equal(span->type, "action");
}

static void started(const gk_span *span, void *user)
{
	const gk_span_metrics *it = user;

	if (is_action(span))
		gk_metrics_add(it->metrics, GK_METRIC_ACTIONS_IN_FLIGHT,
			(const char *[]){ span->subtype }, 1);
}

static void ended(const gk_span *span, void *user)
{
	const gk_span_metrics *it = user;
	char type[GK_SPAN_ERROR_TYPE_SIZE];
	const char *error = NULL;

	if (!span->type)
		return;
	if (span->is_appended) {
		count_engagement(it->metrics, span);
		return;
	}
	if (span->state == GK_SPAN_ERROR)
		error = gk_span_error_type(span, type) ? type : "<unknown>";
	if (span->is_failure_source)
		count_failure(it->metrics, span, error ? error : "<unknown>");
	if (span->is_root)
		count_feature(it->metrics, span, error);
	if (is_action(span)) {
		count_action(it->metrics, span);
		if (gk_str_equal(span->subtype, "model"))
			count_model(it->metrics, span, error);
	}
}

void gk_span_metrics_init(gk_span_metrics *it, gk_metrics *metrics)
{
	it->metrics = metrics;
	it->observer = (gk_span_observer){ .started = started, .ended = ended, .user = it };
}
