/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Every metric there is (telemetry sections 5.2 and 9.7). */
#include "telemetry/metrics.h"

#include <string.h>

static const double seconds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
	5, 10, 30, 60, 120, 300 };
static const double lag_seconds[] = { 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5 };
static const double milliseconds[] = { 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000,
	7500, 10000, 30000, 60000 };

#define SECONDS .bounds = seconds, .bound_count = sizeof(seconds) / sizeof(*seconds)
#define MILLISECONDS                                                                               \
	.bounds = milliseconds, .bound_count = sizeof(milliseconds) / sizeof(*milliseconds)
#define LAG .bounds = lag_seconds, .bound_count = sizeof(lag_seconds) / sizeof(*lag_seconds)
#define WHO "source", "sourceVersion"
#define GENERATE                                                                                   \
	{                                                                                          \
		"modelName", "featureName", "path", WHO, "status"                                  \
	}
#define FEATURE                                                                                    \
	{                                                                                          \
		"name", "status", WHO, "error"                                                     \
	}
#define PATH                                                                                       \
	{                                                                                          \
		"featureName", "status", "error", "path", WHO                                      \
	}

const gk_metric_type gk_metric_types[GK_METRICS] = {
	[GK_METRIC_BUILD_INFO] = { "genkitd_build_info", "What is running.", GK_GAUGE,
		.labels = { "version" } },
	[GK_METRIC_ACTIONS] = { "genkitd_actions_total", "Actions that have ended.", GK_COUNTER,
		.labels = { "type", "name", "status" } },
	[GK_METRIC_ACTION_SECONDS] = { "genkitd_action_duration_seconds", "How long actions took.",
		GK_HISTOGRAM, .labels = { "type", "name" }, SECONDS },
	[GK_METRIC_ACTIONS_IN_FLIGHT] = { "genkitd_actions_in_flight", "Actions that go on.",
		GK_GAUGE, .labels = { "type" } },
	[GK_METRIC_MODEL_REQUESTS] = { "genkitd_model_requests_total", "Calls of models.",
		GK_COUNTER, .labels = { "model", "feature", "status", "error" } },
	[GK_METRIC_MODEL_SECONDS] = { "genkitd_model_latency_seconds", "How long models took.",
		GK_HISTOGRAM, .labels = { "model" }, SECONDS },
	[GK_METRIC_MODEL_TOKENS] = { "genkitd_model_tokens_total", "Tokens that models counted.",
		GK_COUNTER, .labels = { "model", "direction" } },
	[GK_METRIC_MODEL_CHARACTERS] = { "genkitd_model_characters_total",
		"Characters that models counted.", GK_COUNTER, .labels = { "model", "direction" } },
	[GK_METRIC_MODEL_MEDIA] = { "genkitd_model_media_total",
		"Images, videos and audio that models counted.", GK_COUNTER,
		.labels = { "model", "direction", "kind" } },
	[GK_METRIC_FEATURE_REQUESTS] = { "genkitd_feature_requests_total",
		"Runs from outside that have ended.", GK_COUNTER,
		.labels = { "feature", "status" } },
	[GK_METRIC_FEATURE_SECONDS] = { "genkitd_feature_duration_seconds", "How long runs took.",
		GK_HISTOGRAM, .labels = { "feature", "status" }, SECONDS },
	[GK_METRIC_FAILURE_PATHS] = { "genkitd_failure_paths_total", "Spans where errors began.",
		GK_COUNTER, .labels = { "feature", "error" } },
	[GK_METRIC_ENGAGEMENT] = { "genkitd_engagement_total", "What people made of answers.",
		GK_COUNTER, .labels = { "feature", "kind", "value" } },
	[GK_METRIC_HTTP_REQUESTS] = { "genkitd_http_requests_total", "Requests that were answered.",
		GK_COUNTER, .labels = { "surface", "route", "method", "code" } },
	[GK_METRIC_HTTP_SECONDS] = { "genkitd_http_request_duration_seconds",
		"From a request's last byte to its answer's.", GK_HISTOGRAM,
		.labels = { "surface", "route" }, SECONDS },
	[GK_METRIC_HTTP_CONNECTIONS] = { "genkitd_http_connections", "Open connections.", GK_GAUGE,
		.labels = { "surface" } },
	[GK_METRIC_RUNS] = { "genkitd_runs", "Runs from outside that go on.", GK_GAUGE,
		.unit = NULL },
	[GK_METRIC_FIBERS] = { "genkitd_fibers", "Fibers that go on.", GK_GAUGE, .unit = NULL },
	[GK_METRIC_LOOP_LAG] = { "genkitd_loop_lag_seconds",
		"Longest time that something kept the loop, in each five seconds.", GK_HISTOGRAM,
		LAG },
	[GK_METRIC_SPANS_DROPPED] = { "genkitd_spans_dropped_total", "Spans that were lost.",
		GK_COUNTER, .labels = { "dest", "reason" } },
	[GK_METRIC_EXPORT_ITEMS] = { "genkitd_export_items_total",
		"Spans, log records and metrics that were sent.", GK_COUNTER,
		.labels = { "dest" } },
	[GK_METRIC_EXPORT_FAILURES] = { "genkitd_export_failures_total",
		"Batches that could not be sent.", GK_COUNTER, .labels = { "dest" } },
	[GK_METRIC_EXPORT_RETRIES] = { "genkitd_export_retries_total", "Requests sent again.",
		GK_COUNTER, .labels = { "dest" } },
	[GK_METRIC_EXPORT_QUEUE] = { "genkitd_export_queue_items", "What waits to be sent.",
		GK_GAUGE, .labels = { "dest" } },
	[GK_METRIC_EXPORT_QUEUE_BYTES] = { "genkitd_export_queue_bytes",
		"Memory of what waits to be sent.", GK_GAUGE, .labels = { "dest" } },
	[GK_METRIC_EXPORT_GONE] = { "genkitd_export_gone", "1 while a destination does not answer.",
		GK_GAUGE, .labels = { "dest" } },
	[GK_METRIC_PROVIDER_REQUESTS] = { "genkitd_provider_requests_total",
		"Requests to model providers, and those that were refused here.", GK_COUNTER,
		.labels = { "provider", "outcome" } },
	[GK_METRIC_PROVIDER_RUNNING] = { "genkitd_provider_requests_in_flight",
		"Requests to model providers that go on.", GK_GAUGE, .labels = { "provider" } },
	[GK_METRIC_PROVIDER_WAITING] = { "genkitd_provider_requests_waiting",
		"Requests that a provider's limits hold back.", GK_GAUGE,
		.labels = { "provider" } },
	[GK_METRIC_PROVIDER_BREAKER] = { "genkitd_provider_breaker_state",
		"0 while a provider is asked, 1 while it is not, 2 when the next request tries.",
		GK_GAUGE, .labels = { "provider" } },
	[GK_METRIC_PROVIDER_OPENED] = { "genkitd_provider_breaker_opened_total",
		"How often a provider was asked no more.", GK_COUNTER, .labels = { "provider" } },
	[GK_METRIC_CPU] = { "process_cpu_seconds_total", "Processor time.", GK_COUNTER,
		.unit = NULL },
	[GK_METRIC_RESIDENT] = { "process_resident_memory_bytes", "Resident memory.", GK_GAUGE,
		.unit = NULL },
	[GK_METRIC_VIRTUAL] = { "process_virtual_memory_bytes", "Virtual memory.", GK_GAUGE,
		.unit = NULL },
	[GK_METRIC_OPEN_FDS] = { "process_open_fds", "Open file descriptors.", GK_GAUGE,
		.unit = NULL },
	[GK_METRIC_MAX_FDS] = { "process_max_fds", "Most file descriptors.", GK_GAUGE,
		.unit = NULL },
	[GK_METRIC_START_TIME] = { "process_start_time_seconds", "Start, since 1970.", GK_GAUGE,
		.unit = NULL },

	[GK_METRIC_GENERATE_REQUESTS] = { "genkit/ai/generate/requests",
		"Counts calls to genkit generate actions.", GK_COUNTER, .unit = "1",
		.labels = { "modelName", "featureName", "path", WHO, "status" } },
	[GK_METRIC_GENERATE_LATENCY] = { "genkit/ai/generate/latency",
		"Latencies when interacting with a Genkit model.", GK_HISTOGRAM, .unit = "ms",
		.labels = GENERATE, MILLISECONDS },
	[GK_METRIC_INPUT_TOKENS] = { "genkit/ai/generate/input/tokens",
		"Counts input tokens to a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_INPUT_CHARACTERS] = { "genkit/ai/generate/input/characters",
		"Counts input characters to any Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_INPUT_IMAGES] = { "genkit/ai/generate/input/images",
		"Counts input images to a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_INPUT_VIDEOS] = { "genkit/ai/generate/input/videos",
		"Counts input videos to a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_INPUT_AUDIO] = { "genkit/ai/generate/input/audio",
		"Counts input audio files to a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_OUTPUT_TOKENS] = { "genkit/ai/generate/output/tokens",
		"Counts output tokens from a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_OUTPUT_CHARACTERS] = { "genkit/ai/generate/output/characters",
		"Counts output characters from a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_OUTPUT_IMAGES] = { "genkit/ai/generate/output/images",
		"Counts output images from a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_OUTPUT_VIDEOS] = { "genkit/ai/generate/output/videos",
		"Counts output videos from a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_OUTPUT_AUDIO] = { "genkit/ai/generate/output/audio",
		"Counts output audio files from a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_THINKING_TOKENS] = { "genkit/ai/generate/thinking/tokens",
		"Counts thinking tokens of a Genkit model.", GK_COUNTER, .unit = "1",
		.labels = GENERATE },
	[GK_METRIC_REQUESTS] = { "genkit/feature/requests", "Counts calls to genkit features.",
		GK_COUNTER, .unit = "1", .labels = FEATURE },
	[GK_METRIC_LATENCY] = { "genkit/feature/latency", "Latencies when calling Genkit features.",
		GK_HISTOGRAM, .unit = "ms", .labels = FEATURE, MILLISECONDS },
	[GK_METRIC_PATH_REQUESTS] = { "genkit/feature/path/requests",
		"Tracks unique flow paths per flow.", GK_COUNTER, .unit = "1", .labels = PATH },
	[GK_METRIC_PATH_LATENCY] = { "genkit/feature/path/latency", "Latencies per flow path.",
		GK_HISTOGRAM, .unit = "ms", .labels = PATH, MILLISECONDS },
	[GK_METRIC_FEEDBACK] = { "genkit/engagement/feedback", "Counts feedback on answers.",
		GK_COUNTER, .unit = "1", .labels = { "name", "value", "hasText", WHO } },
	[GK_METRIC_ACCEPTANCE] = { "genkit/engagement/acceptance",
		"Counts answers that were taken or not.", GK_COUNTER, .unit = "1",
		.labels = { "name", "value", WHO } },
};

bool gk_metric_is_genkits(gk_metric metric)
{
	return strchr(gk_metric_types[metric].name, '/') != NULL;
}
