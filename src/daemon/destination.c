/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/destination.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "telemetry/preset.h"

#include <stdio.h>
#include <strings.h>

static const char *const signal_names[GK_OTLP_SIGNALS] = { "traces", "logs", "metrics" };
static const char *const signal_variables[GK_OTLP_SIGNALS] = { "TRACES", "LOGS", "METRICS" };
/* From the first item to its request; metrics come gathered already. */
static const uint64_t usual_delays[GK_OTLP_SIGNALS] = { GK_EXPORT_DELAY_MS, GK_EXPORT_LOG_DELAY_MS,
	0 };

static const char *environment(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

/* --- addresses and headers --- */

/* Another signal's address stands beside that of traces. */
static gk_code set_url(gk_destination *d, gk_otlp_signal signal, const char *traces, gk_error *err)
{
	static const char tail[] = "traces";
	size_t len = strlen(traces);
	int written;

	if (signal == GK_OTLP_TRACES) {
		d->signals[signal].url = strdup(traces);
		return d->signals[signal].url ? GK_OK : gk_error_no_memory(err);
	}
	if (len < sizeof("/v1/traces") - 1 ||
		strcmp(traces + len - (sizeof("/v1/traces") - 1), "/v1/traces") != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"the address of %s is not known: the endpoint does not end in /v1/traces",
			signal_names[signal]);
	written = asprintf(&d->signals[signal].url, "%.*s%s", (int)(len - (sizeof(tail) - 1)),
		traces, signal_names[signal]);
	if (written >= 0)
		return GK_OK;
	d->signals[signal].url = NULL;
	return gk_error_no_memory(err);
}

static gk_code set_headers(gk_destination *d, gk_otlp_signal signal, json_t *headers, gk_error *err)
{
	char **lines = calloc(json_object_size(headers) + 1, sizeof(*lines));
	const char *name;
	json_t *value;
	size_t at = 0;

	d->signals[signal].headers = lines;
	if (!lines)
		return gk_error_no_memory(err);
	json_object_foreach (headers, name, value) {
		const char *text = json_string_value(value);

		if (!text || strpbrk(text, "\r\n") || strpbrk(name, ": \r\n"))
			return gk_error_set(
				err, GK_INVALID_ARGUMENT, "the header '%s' is none", name);
		if (asprintf(&lines[at], "%s: %s", name, text) < 0) {
			lines[at] = NULL;
			return gk_error_no_memory(err);
		}
		at++;
	}
	return GK_OK;
}

/* Once everything is there: the options point to it. */
static void point(gk_destination *d)
{
	d->opts.size = sizeof(d->opts);
	d->opts.name = d->name;
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++) {
		d->opts.endpoints[s].url = d->signals[s].url;
		d->opts.endpoints[s].headers = (const char *const *)d->signals[s].headers;
	}
}

void gk_destination_done(gk_destination *d)
{
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++) {
		free(d->signals[s].url);
		for (char **line = d->signals[s].headers; line && *line; line++)
			free(*line);
		free(d->signals[s].headers);
	}
	free(d->name);
	free(d->ca_file);
	free(d->cert_file);
	free(d->key_file);
	*d = (gk_destination){ 0 };
}

/* NULL is copied as NULL. */
static bool copy(char **ret, const char *text)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

/* --- from the configuration --- */

static bool is_wanted(const json_t *entry, gk_otlp_signal signal)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(entry, "signals"), i, name)
		if (gk_str_equal(json_string_value(name), signal_names[signal]))
			return true;
	return json_array_size(json_object_get(entry, "signals")) == 0 && signal == GK_OTLP_TRACES;
}

static gk_code check_signals(const json_t *entry, gk_error *err)
{
	json_t *name;
	size_t i;

	json_array_foreach (json_object_get(entry, "signals"), i, name) {
		bool is_known = false;

		for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++)
			is_known |= gk_str_equal(json_string_value(name), signal_names[s]);
		if (!is_known)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"signals: '%s' is none of traces, logs, metrics",
				json_string_value(name));
	}
	return GK_OK;
}

static void read_endpoint(const json_t *entry, gk_otlp_signal signal, gk_otlp_endpoint *ret)
{
	const char *encoding = gk_json_str_peek(entry, "encoding");
	bool is_simple = gk_str_equal(gk_json_str_peek(entry, "processor"), "simple");
	const json_t *delay = json_object_get(entry, "delay");

	ret->encoding = gk_str_equal(encoding, "json") ? GK_OTLP_JSON : GK_OTLP_PROTOBUF;
	ret->is_compressed = gk_str_equal(gk_json_str_peek(entry, "compression"), "gzip");
	ret->timeout_ms = (uint64_t)gk_json_int_at(entry, "timeout", 0);
	ret->delay_ms = is_simple                            ? 0
			: delay && signal != GK_OTLP_METRICS ? (uint64_t)json_integer_value(delay)
							     : usual_delays[signal];
	ret->queue = (unsigned)gk_json_int_at(entry, "queue", 0);
	ret->batch = (unsigned)gk_json_int_at(entry, "batch", 0);
}

/* {"endpoint", "headers"} of the entry, and what its back end asks for beyond. */
static json_t *options_of(const json_t *entry)
{
	json_t *options = json_copy(json_object_get(entry, "options"));
	json_t *endpoint = json_object_get(entry, "endpoint");
	json_t *headers = json_object_get(entry, "headers");

	if (!options)
		options = json_object();
	if (endpoint)
		json_object_set(options, "endpoint", endpoint);
	if (headers)
		json_object_set(options, "headers", headers);
	return options;
}

static gk_code read_signals(
	gk_destination *d, const json_t *entry, const gk_preset *preset, gk_error *err)
{
	const char *given = gk_json_str_peek(entry, "endpoint");
	gk_code rc = GK_OK;

	for (gk_otlp_signal s = GK_OTLP_TRACES; rc == GK_OK && s < GK_OTLP_SIGNALS; s++) {
		if (!is_wanted(entry, s))
			continue;
		rc = set_url(d, s, given ? given : preset->endpoint, err);
		if (rc == GK_OK)
			rc = set_headers(d, s, preset->headers, err);
		read_endpoint(entry, s, &d->opts.endpoints[s]);
	}
	return rc;
}

gk_code gk_destination_read(const json_t *entry, gk_destination *ret, gk_error *err)
{
	const char *backend = gk_json_str_peek(entry, "backend");
	gk_auto_json json_t *options = options_of(entry);
	gk_destination d = { .name = NULL };
	gk_preset preset = { 0 };
	gk_code rc = options && copy(&d.name, backend) &&
				     copy(&d.ca_file, gk_json_str_peek(entry, "ca_file")) &&
				     copy(&d.cert_file, gk_json_str_peek(entry, "cert_file")) &&
				     copy(&d.key_file, gk_json_str_peek(entry, "key_file"))
			     ? check_signals(entry, err)
			     : gk_error_no_memory(err);

	d.opts.tells_deltas = gk_str_equal(gk_json_str_peek(entry, "temporality"), "delta");

	d.opts.style = (gk_otlp_style){
		.shows_io = gk_json_bool_at(entry, "inputs_and_outputs", false),
		.normalizes_keys = gk_json_bool_at(entry, "normalize_keys", false),
		.has_gen_ai = gk_json_bool_at(entry, "gen_ai", false),
	};
	if (rc == GK_OK)
		rc = gk_preset_resolve(backend, options, environment, &preset, err);
	if (rc == GK_OK)
		rc = read_signals(&d, entry, &preset, err);
	gk_preset_done(&preset);
	if (rc != GK_OK) {
		gk_destination_done(&d);
		return rc;
	}
	*ret = d;
	point(ret);
	return GK_OK;
}

/* --- from the environment --- */

/* OTEL_EXPORTER_OTLP_TRACES_TIMEOUT, else OTEL_EXPORTER_OTLP_TIMEOUT. */
static const char *otlp_variable(gk_otlp_signal signal, const char *what)
{
	char name[64];
	const char *text;

	snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s_%s", signal_variables[signal], what);
	text = environment(name);
	if (text)
		return text;
	snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s", what);
	return environment(name);
}

static uint64_t number_variable(const char *name, uint64_t usual)
{
	const char *text = name ? environment(name) : NULL;
	uint64_t value;

	return text && gk_parse_u64(text, strlen(text), &value) ? value : usual;
}

/* A whole export and one request have limits of their own; ours is for both. */
static uint64_t timeout_variables(gk_otlp_signal signal)
{
	static const char *const whole[] = { "OTEL_BSP_EXPORT_TIMEOUT", "OTEL_BLRP_EXPORT_TIMEOUT",
		"OTEL_METRIC_EXPORT_TIMEOUT" };
	const char *text = otlp_variable(signal, "TIMEOUT");
	uint64_t all = number_variable(whole[signal], 0), one = 0;

	if (text)
		gk_parse_u64(text, strlen(text), &one);
	if (all && (!one || all < one) && (one || all < GK_EXPORT_TIMEOUT_MS))
		return all;
	return one;
}

/* Whether OTEL_TRACES_EXPORTER names "otlp", or says nothing and there is an address. */
static bool is_asked_for(gk_otlp_signal signal)
{
	char name[64];
	const char *exporters;

	snprintf(name, sizeof(name), "OTEL_%s_EXPORTER", signal_variables[signal]);
	exporters = environment(name);
	if (exporters)
		return strstr(exporters, "otlp") != NULL;
	return otlp_variable(signal, "ENDPOINT") != NULL;
}

static gk_code url_variable(gk_destination *d, gk_otlp_signal signal, gk_error *err)
{
	const char *base = environment("OTEL_EXPORTER_OTLP_ENDPOINT");
	char name[64];
	const char *whole;
	size_t len;

	snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s_ENDPOINT", signal_variables[signal]);
	whole = environment(name);
	base = base ? base : "http://localhost:4318";
	len = strlen(base);
	while (len && base[len - 1] == '/')
		len--;
	if (whole)
		d->signals[signal].url = strdup(whole);
	else if (asprintf(&d->signals[signal].url, "%.*s/v1/%s", (int)len, base,
			 signal_names[signal]) < 0)
		d->signals[signal].url = NULL;
	return d->signals[signal].url ? GK_OK : gk_error_no_memory(err);
}

static gk_code headers_variable(gk_destination *d, gk_otlp_signal signal, gk_error *err)
{
	gk_auto_json json_t *headers = json_object();
	const char *common = environment("OTEL_EXPORTER_OTLP_HEADERS"), *own;
	char name[64];
	gk_code rc = GK_OK;

	snprintf(name, sizeof(name), "OTEL_EXPORTER_OTLP_%s_HEADERS", signal_variables[signal]);
	own = environment(name);
	if (common)
		rc = gk_pairs_read(common, headers, err);
	if (rc == GK_OK && own)
		rc = gk_pairs_read(own, headers, err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "OTEL_EXPORTER_OTLP_HEADERS: ");
	return set_headers(d, signal, headers, err);
}

static gk_code endpoint_variables(gk_destination *d, gk_otlp_signal signal, gk_error *err)
{
	static const char *const delays[] = { "OTEL_BSP_SCHEDULE_DELAY", "OTEL_BLRP_SCHEDULE_DELAY",
		NULL };
	static const char *const queues[] = { "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE",
		NULL };
	static const char *const batches[] = { "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
		"OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", NULL };
	const char *protocol = otlp_variable(signal, "PROTOCOL");
	const char *compression = otlp_variable(signal, "COMPRESSION");
	gk_otlp_endpoint *endpoint = &d->opts.endpoints[signal];

	if (protocol && !gk_str_equal(protocol, "http/protobuf") &&
		!gk_str_equal(protocol, "http/json"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"OTEL_EXPORTER_OTLP_PROTOCOL: '%s' is neither http/protobuf nor http/json",
			protocol);
	endpoint->encoding = gk_str_equal(protocol, "http/json") ? GK_OTLP_JSON : GK_OTLP_PROTOBUF;
	if (compression && !gk_str_equal(compression, "gzip") && !gk_str_equal(compression, "none"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"OTEL_EXPORTER_OTLP_COMPRESSION: '%s' is neither gzip nor none",
			compression);
	endpoint->is_compressed = gk_str_equal(compression, "gzip");
	endpoint->timeout_ms = timeout_variables(signal);
	endpoint->delay_ms = number_variable(delays[signal], usual_delays[signal]);
	endpoint->queue = (unsigned)number_variable(queues[signal], 0);
	endpoint->batch = (unsigned)number_variable(batches[signal], 0);
	return GK_OK;
}

/* "lowmemory" is delta for all that we have: counters and histograms. */
static gk_code metric_variables(gk_destination *d, gk_error *err)
{
	const char *temporality = environment("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE");
	const char *histograms =
		environment("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION");

	if (temporality && strcasecmp(temporality, "cumulative") != 0 &&
		strcasecmp(temporality, "delta") != 0 && strcasecmp(temporality, "lowmemory") != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: '%s' is none of cumulative, delta, lowmemory",
			temporality);
	if (histograms && strcasecmp(histograms, "explicit_bucket_histogram") != 0)
		gk_log(GK_LOG_WARN, "telemetry",
			"OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: only explicit_bucket_histogram is known");
	d->opts.tells_deltas = temporality && strcasecmp(temporality, "cumulative") != 0;
	return GK_OK;
}

gk_code gk_destination_from_environment(gk_destination *ret, bool *is_there_ret, gk_error *err)
{
	gk_destination d = { .name = NULL };
	gk_code rc =
		copy(&d.name, "otlp") &&
				copy(&d.ca_file, environment("OTEL_EXPORTER_OTLP_CERTIFICATE")) &&
				copy(&d.cert_file,
					environment("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE")) &&
				copy(&d.key_file, environment("OTEL_EXPORTER_OTLP_CLIENT_KEY"))
			? GK_OK
			: gk_error_no_memory(err);
	bool is_off = gk_str_equal(environment("OTEL_SDK_DISABLED"), "true");

	*is_there_ret = false;
	for (gk_otlp_signal s = GK_OTLP_TRACES; rc == GK_OK && !is_off && s < GK_OTLP_SIGNALS;
		s++) {
		if (!is_asked_for(s))
			continue;
		*is_there_ret = true;
		rc = url_variable(&d, s, err);
		if (rc == GK_OK)
			rc = headers_variable(&d, s, err);
		if (rc == GK_OK)
			rc = endpoint_variables(&d, s, err);
		if (rc == GK_OK && s == GK_OTLP_METRICS)
			rc = metric_variables(&d, err);
	}
	if (rc != GK_OK || !*is_there_ret) {
		gk_destination_done(&d);
		return rc;
	}
	*ret = d;
	point(ret);
	return GK_OK;
}
