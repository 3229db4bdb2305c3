/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/span_metrics.h"

#include "base/str.h"
#include "config.h"

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
	return json_number_value(json_object_get(object, member));
}

/* --- models --- */

static const struct {
	const char *member, *other_name;
	gk_metric genkits, ours;
	const char *direction, *kind;
} usages[] = {
	{ "inputTokens", NULL, GK_METRIC_INPUT_TOKENS, GK_METRIC_MODEL_TOKENS, "input", NULL },
	{ "outputTokens", NULL, GK_METRIC_OUTPUT_TOKENS, GK_METRIC_MODEL_TOKENS, "output", NULL },
	{ "thoughtsTokens", NULL, GK_METRIC_THINKING_TOKENS, GK_METRIC_MODEL_TOKENS, "thinking",
		NULL },
	{ "cachedContentTokens", NULL, GK_METRICS, GK_METRIC_MODEL_TOKENS, "cached", NULL },
	{ "inputCharacters", NULL, GK_METRIC_INPUT_CHARACTERS, GK_METRIC_MODEL_CHARACTERS, "input",
		NULL },
	{ "outputCharacters", NULL, GK_METRIC_OUTPUT_CHARACTERS, GK_METRIC_MODEL_CHARACTERS,
		"output", NULL },
	{ "inputImages", NULL, GK_METRIC_INPUT_IMAGES, GK_METRIC_MODEL_MEDIA, "input", "image" },
	{ "inputVideos", NULL, GK_METRIC_INPUT_VIDEOS, GK_METRIC_MODEL_MEDIA, "input", "video" },
	{ "inputAudioFiles", "inputAudio", GK_METRIC_INPUT_AUDIO, GK_METRIC_MODEL_MEDIA, "input",
		"audio" },
	{ "outputImages", NULL, GK_METRIC_OUTPUT_IMAGES, GK_METRIC_MODEL_MEDIA, "output", "image" },
	{ "outputVideos", NULL, GK_METRIC_OUTPUT_VIDEOS, GK_METRIC_MODEL_MEDIA, "output", "video" },
	{ "outputAudioFiles", "outputAudio", GK_METRIC_OUTPUT_AUDIO, GK_METRIC_MODEL_MEDIA,
		"output", "audio" },
};

/* Zero, less and nothing are not counted. */
static void count_usage(
	gk_metrics *metrics, const gk_span *span, const char *const *generate, bool is_genkits)
{
	const json_t *usage = json_object_get(span->output, "usage");

	for (size_t i = 0; usage && i < sizeof(usages) / sizeof(usages[0]); i++) {
		const char *ours[] = { span->name, usages[i].direction, usages[i].kind };
		double value = number_of(usage, usages[i].member);

		if (value <= 0 && usages[i].other_name)
			value = number_of(usage, usages[i].other_name);
		if (value <= 0)
			continue;
		gk_metrics_add(metrics, usages[i].ours, ours, value);
		if (is_genkits && usages[i].genkits != GK_METRICS)
			gk_metrics_add(metrics, usages[i].genkits, generate, value);
	}
}

static void count_model(gk_metrics *metrics, const gk_span *span, const char *error)
{
	gk_auto_str char *path = gk_span_path(span);
	const char *feature = gk_span_metrics_feature(span),
		   *status = error ? "failure" : "success";
	const char *generate[] = { span->name, feature, path, SOURCE, PACKAGE_VERSION, status };
	double latency_ms = number_of(span->output, "latencyMs");
	double spent_ms = (double)(span->end_ns - span->start_ns) / NS_PER_MS;
	/* The reference leaves out models that are called from outside. */
	bool is_genkits = !span->is_root && span->input && path;

	gk_metrics_add(metrics, GK_METRIC_MODEL_REQUESTS,
		(const char *[]){ span->name, feature, error ? "error" : "success", error }, 1);
	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, (const char *[]){ span->name },
		(latency_ms > 0 ? latency_ms : spent_ms) / 1000);
	count_usage(metrics, span, generate, is_genkits);
	if (!is_genkits)
		return;
	gk_metrics_add(metrics, GK_METRIC_GENERATE_REQUESTS, generate, 1);
	if (latency_ms > 0)
		gk_metrics_observe(metrics, GK_METRIC_GENERATE_LATENCY, generate, latency_ms);
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
	const json_t *feedback = json_object_get(span->metadata, "feedbackValue");
	const json_t *acceptance = json_object_get(span->metadata, "acceptanceValue");
	const char *has_text = json_object_get(span->metadata, "textFeedback") ? "true" : "false";
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
