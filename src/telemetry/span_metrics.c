/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/span_metrics.h"

#include "base/limits.h"
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

/* What the texts of a span that is over say; those that are not asked for are NULL. */
enum {
	NAME,
	SUBTYPE, /* of an action */
	FEATURE, /* of a model, and the path of one that is not called from outside */
	PATH,
	TEXTS
};

/* All that is counted of it when nothing went wrong. */
typedef struct over {
	const char *texts[TEXTS];
	size_t sizes[TEXTS];         /* where the texts stand behind it; 0: there is none */
	const char *outcome, *error; /* error: NULL when it went well */
	double spent_ns, latency_ms;
	json_t *usage; /* of a model; NULL: none */
	bool is_root;
} over;

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

/* Zero, less and nothing are not counted. `generate` NULL: for Genkit's own metrics nothing is. */
static void count_usage(gk_metrics *metrics, const over *it, const char *const *generate)
{
	const char *member;
	json_t *count;

	json_object_foreach (it->usage, member, count) {
		double value = json_number_value(count);
		const usage *what = value > 0 ? usage_of(member) : NULL;

		if (!what || (what->instead_of && number_of(it->usage, what->instead_of) > 0))
			continue;
		gk_metrics_add(metrics, what->ours,
			(const char *[]){ it->texts[NAME], what->direction, what->kind }, value);
		if (generate && what->genkits != GK_METRICS)
			gk_metrics_add(metrics, what->genkits, generate, value);
	}
}

/* The reference leaves out models that are called from outside: they have no path here. */
static void count_model(gk_metrics *metrics, const over *it)
{
	const char *name = it->texts[NAME], *feature = it->texts[FEATURE];
	gk_auto_str char *path =
		it->texts[PATH] ? gk_span_path_with(it->texts[PATH], it->texts[SUBTYPE]) : NULL;
	const char *generate[] = { name, feature, path, SOURCE, PACKAGE_VERSION,
		it->error ? "failure" : "success" };

	gk_metrics_add(metrics, GK_METRIC_MODEL_REQUESTS,
		(const char *[]){ name, feature, it->error ? "error" : "success", it->error }, 1);
	gk_metrics_observe(metrics, GK_METRIC_MODEL_SECONDS, (const char *[]){ name },
		(it->latency_ms > 0 ? it->latency_ms : it->spent_ns / NS_PER_MS) / 1000);
	count_usage(metrics, it, path ? generate : NULL);
	if (!path)
		return;
	gk_metrics_add(metrics, GK_METRIC_GENERATE_REQUESTS, generate, 1);
	if (it->latency_ms > 0)
		gk_metrics_observe(metrics, GK_METRIC_GENERATE_LATENCY, generate, it->latency_ms);
}

/* --- features, paths, actions --- */

static void count_feature(gk_metrics *metrics, const over *it)
{
	const char *status = it->error ? "failure" : "success";
	const char *labels[] = { it->texts[NAME], status, SOURCE, PACKAGE_VERSION, it->error };

	gk_metrics_add(metrics, GK_METRIC_REQUESTS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_LATENCY, labels, it->spent_ns / NS_PER_MS);
	labels[1] = it->outcome;
	gk_metrics_add(metrics, GK_METRIC_FEATURE_REQUESTS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_FEATURE_SECONDS, labels, it->spent_ns / NS_PER_S);
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

static void count_action(gk_metrics *metrics, const over *it)
{
	const char *labels[] = { it->texts[SUBTYPE], it->texts[NAME], it->outcome };

	gk_metrics_add(metrics, GK_METRIC_ACTIONS, labels, 1);
	gk_metrics_observe(metrics, GK_METRIC_ACTION_SECONDS, labels, it->spent_ns / NS_PER_S);
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

static void count_over(gk_metrics *metrics, const over *it)
{
	if (it->is_root)
		count_feature(metrics, it);
	if (it->texts[SUBTYPE])
		count_action(metrics, it);
	if (it->texts[FEATURE])
		count_model(metrics, it);
}

/* --- later --- */

static void count_late(gk_span_metrics *it)
{
	size_t at = 0;
	over one;

	while (at < it->late.len) {
		memcpy(&one, it->late.data + at, sizeof(one));
		at += sizeof(one);
		for (size_t i = 0; i < TEXTS; i++) {
			one.texts[i] = one.sizes[i] ? it->late.data + at : NULL;
			at += one.sizes[i];
		}
		count_over(it->metrics, &one);
		json_decref(one.usage);
	}
	gk_buf_clear(&it->late);
}

static void count_in_time(void *user)
{
	gk_span_metrics *it = user;

	it->is_put_off = false;
	count_late(it);
}

/* Nobody who waits for an answer waits until it has been counted. False: without memory, outside of a loop or with endless texts
 * it is to be counted now. */
static bool put_off(gk_span_metrics *it, over *one)
{
	gk_loop *loop = gk_loop_self();
	size_t size = sizeof(*one);

	for (size_t i = 0; i < TEXTS; i++)
		size += one->sizes[i] = one->texts[i] ? strlen(one->texts[i]) + 1 : 0;
	if (it->late.len + size > GK_MAX_LATE_COUNTS)
		count_late(it);
	if (!loop || size > GK_MAX_LATE_COUNTS)
		return false;
	if (!gk_buf_reserve(&it->late, size)) {
		count_late(it);
		return false;
	}
	gk_buf_put(&it->late, one, sizeof(*one));
	for (size_t i = 0; i < TEXTS; i++)
		gk_buf_put(&it->late, one->texts[i], one->sizes[i]);
	json_incref(one->usage);
	if (!it->is_put_off)
		gk_loop_tidy(loop, count_in_time, it);
	it->is_put_off = true;
	return true;
}

void gk_span_metrics_catch_up(void)
{
	gk_loop *loop = gk_loop_self();

	if (loop)
		gk_loop_tidy_now(loop);
}

/* --- observing --- */

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

static over over_of(const gk_span *span, const char *error)
{
	over one = { .texts[NAME] = span->name,
		.outcome = outcome_of(span),
		.error = error,
		.spent_ns = (double)(span->end_ns - span->start_ns),
		.is_root = span->is_root };

	if (is_action(span))
		one.texts[SUBTYPE] = span->subtype;
	if (!is_action(span) || !gk_str_equal(span->subtype, "model"))
		return one;
	one.texts[FEATURE] = gk_span_metrics_feature(span);
	if (!span->is_root && span->input)
		one.texts[PATH] = span->path;
	one.usage = gk_json_peek(span->output, "usage");
	one.latency_ms = number_of(span->output, "latencyMs");
	return one;
}

static void ended(const gk_span *span, void *user)
{
	gk_span_metrics *it = user;
	char type[GK_SPAN_ERROR_TYPE_SIZE];
	const char *error = NULL;
	over one;

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
	if (!span->is_root && !is_action(span))
		return;
	one = over_of(span, error);
	if (error || !put_off(it, &one))
		count_over(it->metrics, &one);
}

void gk_span_metrics_init(gk_span_metrics *it, gk_metrics *metrics)
{
	*it = (gk_span_metrics){ .metrics = metrics,
		.observer = { .started = started, .ended = ended, .user = it } };
}

void gk_span_metrics_done(gk_span_metrics *it)
{
	if (it->is_put_off)
		gk_span_metrics_catch_up();
	gk_buf_done(&it->late);
}
