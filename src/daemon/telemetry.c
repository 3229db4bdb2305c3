/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/telemetry.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include <config.h> /* not the one beside this file */
#include "daemon/client.h"
#include "daemon/destination.h"
#include "json/edit.h"
#include "loop/url_shown.h"
#include "telemetry/dev_exporter.h"
#include "telemetry/otlp_metrics.h"
#include "telemetry/preset.h"
#include "telemetry/span_logs.h"

#include <inttypes.h>

/* The destinations of one state of the configuration. */
typedef struct outlets {
	gk_otlp_exporter **items;
	size_t count;
} outlets;

struct gk_telemetry {
	gk_app *app;
	bool is_dev;
	gk_dev_exporter *dev;
	json_t *dev_resource;
	bool has_server; /* the environment or the configuration names it */
	gk_telemetry_own_fn *is_own;
	void *own_user;
	outlets outlets, leaving;
	gk_timer *farewell; /* for those that are leaving */
	gk_span_logs span_logs;
	char instance[GK_UUID_SIZE];
};

static const char *environment(const char *name)
{
	const char *text = getenv(name);

	return text && *text ? text : NULL;
}

/* --- who we are --- */

static bool set_default(json_t *object, const char *key, const char *value)
{
	return json_object_get(object, key) || gk_json_set_str(object, key, value);
}

/* The configuration goes before the variables, and those before what always holds. */
static gk_code make_resource(
	const gk_telemetry *telemetry, const gk_config *config, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *resource = json_object();
	const char *pairs = environment("OTEL_RESOURCE_ATTRIBUTES");
	const char *name = gk_config_str(config, "telemetry.service_name");
	json_t *given = gk_config_map_peek(config, "telemetry.resource");
	gk_code rc = GK_OK;

	if (pairs)
		rc = gk_pairs_read(pairs, resource, err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "OTEL_RESOURCE_ATTRIBUTES: ");
	if (!name)
		name = environment("OTEL_SERVICE_NAME");
	if ((name && !gk_json_set_str(resource, "service.name", name)) ||
		(given && json_object_update(resource, given) < 0) ||
		!set_default(resource, "service.name", "genkitd") ||
		!set_default(resource, "service.version", PACKAGE_VERSION) ||
		!set_default(resource, "service.instance.id", telemetry->instance) ||
		!set_default(resource, "telemetry.sdk.name", "genkitd") ||
		!set_default(resource, "telemetry.sdk.language", "c") ||
		!set_default(resource, "telemetry.sdk.version", PACKAGE_VERSION))
		return gk_error_no_memory(err);
	*ret = gk_steal(resource);
	return GK_OK;
}

static gk_code read_sampler(const gk_config *config, gk_sampler *ret, gk_error *err)
{
	const char *name = gk_config_str(config, "telemetry.sampler");
	const char *argument = gk_config_str(config, "telemetry.sampler_ratio");
	gk_code rc;

	if (!gk_config_where(config, "telemetry.sampler") && environment("OTEL_TRACES_SAMPLER")) {
		name = environment("OTEL_TRACES_SAMPLER");
		argument = environment("OTEL_TRACES_SAMPLER_ARG");
	}
	rc = gk_sampler_read(name, argument, ret, err);
	return rc == GK_OK ? GK_OK : gk_error_prefix(err, "telemetry.sampler: ");
}

/* --- destinations --- */

static void close_outlets(outlets *all)
{
	for (size_t i = 0; i < all->count; i++)
		gk_otlp_exporter_free(all->items[i]);
	free(all->items);
	*all = (outlets){ 0 };
}

typedef struct opening {
	gk_telemetry *telemetry;
	json_t *resource;
	gk_sampler sampler;
	gk_fetch_client_opts client;
	outlets *ret;
} opening;

static gk_code open_one(opening *o, gk_destination *destination, gk_error *err)
{
	gk_otlp_exporter **items =
		reallocarray(o->ret->items, o->ret->count + 1, sizeof(*o->ret->items));

	if (!items)
		return gk_error_no_memory(err);
	o->ret->items = items;
	destination->opts.resource = o->resource;
	destination->opts.sampler = o->sampler;
	destination->opts.client = o->client;
	if (destination->ca_file)
		destination->opts.client.ca_file = destination->ca_file;
	destination->opts.client.cert_file = destination->cert_file;
	destination->opts.client.key_file = destination->key_file;
	return gk_otlp_exporter_new(
		o->telemetry->app, &destination->opts, &items[o->ret->count], err);
}

static gk_code open_entries(opening *o, json_t *entries, gk_error *err)
{
	json_t *entry;
	size_t i;

	json_array_foreach (entries, i, entry) {
		gk_destination destination;
		gk_code rc = gk_destination_read(entry, &destination, err);

		if (rc == GK_OK) {
			rc = open_one(o, &destination, err);
			gk_destination_done(&destination);
		}
		if (rc != GK_OK) {
			gk_error_prefix(
				err, "%s: telemetry.export: ", gk_config_entry_where(entry));
			return rc;
		}
		o->ret->count++;
	}
	return GK_OK;
}

static gk_code open_variables(opening *o, gk_error *err)
{
	gk_destination destination;
	bool is_there;
	gk_code rc = gk_destination_from_environment(&destination, &is_there, err);

	if (rc != GK_OK || !is_there)
		return rc;
	rc = open_one(o, &destination, err);
	gk_destination_done(&destination);
	if (rc == GK_OK)
		o->ret->count++;
	return rc;
}

static gk_code open_outlets(
	gk_telemetry *telemetry, const gk_config *config, outlets *ret, gk_error *err)
{
	json_t *entries = gk_config_list_peek(config, "telemetry.export");
	opening o = { .telemetry = telemetry, .client = gk_client_opts(config), .ret = ret };
	gk_code rc = make_resource(telemetry, config, &o.resource, err);

	if (rc == GK_OK)
		rc = read_sampler(config, &o.sampler, err);
	if (rc == GK_OK)
		rc = json_array_size(entries) ? open_entries(&o, entries, err)
					      : open_variables(&o, err);
	json_decref(o.resource);
	if (rc != GK_OK)
		close_outlets(ret);
	return rc;
}

/* --- log records --- */

/* What we say of our own troubles does not go where the troubles are. */
static void tap(const gk_log_record *record, void *user)
{
	gk_telemetry *telemetry = user;

	if (strcmp(record->component, "telemetry") == 0)
		return;
	if (telemetry->dev)
		gk_dev_exporter_log(telemetry->dev, record);
	for (size_t i = 0; i < telemetry->outlets.count; i++)
		gk_otlp_exporter_log(telemetry->outlets.items[i], record);
}

/* --- spans --- */

/* Whether a list such as "tracecontext,baggage" has a name. */
static bool has_name(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (*list) {
		list += strspn(list, ", ");
		if (strncmp(list, name, len) == 0 && strchr(", ", list[len]))
			return true;
		list += strcspn(list, ", ");
	}
	return false;
}

static void set_tracing(gk_telemetry *telemetry, const gk_config *config)
{
	const char *propagators = environment("OTEL_PROPAGATORS");
	gk_tracing tracing = {
		.limits = { .attributes = (unsigned)gk_config_uint(config, "trace.max_attributes"),
			.events = (unsigned)gk_config_uint(config, "trace.max_events"),
			.event_attributes =
				(unsigned)gk_config_uint(config, "trace.max_event_attributes"),
			.attribute_size =
				(size_t)gk_config_uint(config, "trace.max_attribute_size"),
			.messages = (size_t)gk_config_uint(config, "trace.max_messages") },
		.continues_remote = gk_config_bool(config, "trace.continue_remote"),
		.propagate_to = gk_config_list_peek(config, "trace.propagate_to"),
		.ignores_trace_context = propagators && !has_name(propagators, "tracecontext"),
		.ignores_baggage = propagators && !has_name(propagators, "baggage"),
	};

	gk_app_set_tracing(telemetry->app, &tracing);
}

static gk_code open_dev(gk_telemetry *telemetry, const gk_config *config, gk_error *err)
{
	const char *url = environment("GENKIT_TELEMETRY_SERVER");
	bool is_realtime = gk_config_bool(config, "telemetry.realtime") ||
			   gk_str_equal(environment("GENKIT_ENABLE_REALTIME_TELEMETRY"), "true");
	gk_code rc;

	if (!url)
		url = gk_config_str(config, "telemetry.server");
	telemetry->has_server = url != NULL;
	if (!telemetry->is_dev && !url)
		return GK_OK;
	rc = make_resource(telemetry, config, &telemetry->dev_resource, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_dev_exporter_new(telemetry->app,
		GK_OPTS(gk_dev_exporter_opts, .is_realtime = is_realtime,
			.delay_ms = telemetry->is_dev ? 0 : GK_EXPORT_DELAY_MS,
			.resource = telemetry->dev_resource,
			.client = { .size = sizeof(gk_fetch_client_opts) }),
		&telemetry->dev, err);
	return rc == GK_OK && url ? gk_dev_exporter_set_url(telemetry->dev, url, err) : rc;
}

void gk_telemetry_set_server(gk_telemetry *telemetry, const char *url)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *shown = NULL;

	if (telemetry->has_server || !telemetry->dev)
		return;
	if (telemetry->is_own && telemetry->is_own(url, telemetry->own_user))
		url = NULL;
	shown = url ? gk_url_shown(url) : NULL;
	if (gk_dev_exporter_set_url(telemetry->dev, url, &err) != GK_OK)
		gk_log(GK_LOG_WARN, "telemetry", "traces do not go to %s: %s", shown ? shown : "?",
			err.message ? err.message : "out of memory");
	else
		gk_log(GK_LOG_DEBUG, "telemetry", "traces go to %s",
			!url    ? "our own store"
			: shown ? shown
				: "?");
}

void gk_telemetry_set_own(gk_telemetry *telemetry, gk_telemetry_own_fn *is_own, void *user)
{
	const char *url = telemetry->dev ? gk_dev_exporter_url_peek(telemetry->dev) : NULL;

	telemetry->is_own = is_own;
	telemetry->own_user = user;
	if (url && is_own && is_own(url, user) &&
		gk_dev_exporter_set_url(telemetry->dev, NULL, NULL) != GK_OK)
		gk_log(GK_LOG_WARN, "telemetry", "traces are sent to ourselves");
}

bool gk_telemetry_has_server(const gk_telemetry *telemetry)
{
	return telemetry->has_server;
}

static gk_code log_spans(gk_telemetry *telemetry, const gk_config *config, gk_error *err)
{
	const char *how = gk_config_str(config, "log.spans");

	if (gk_str_equal(how, "none"))
		return GK_OK;
	gk_span_logs_init(&telemetry->span_logs, gk_str_equal(how, "full"));
	return gk_app_add_observer(telemetry->app, &telemetry->span_logs.observer)
		       ? GK_OK
		       : gk_error_set(err, GK_RESOURCE_EXHAUSTED, "more than %d observers of spans",
				 GK_MAX_OBSERVERS);
}

/* --- life --- */

static void say_farewell(void *user)
{
	gk_telemetry *telemetry = user;

	close_outlets(&telemetry->leaving);
}

gk_code gk_telemetry_new(
	gk_app *app, const gk_config *config, bool is_dev, gk_telemetry **ret, gk_error *err)
{
	gk_telemetry *telemetry = calloc(1, sizeof(*telemetry));
	gk_code rc;

	if (!telemetry)
		return gk_error_no_memory(err);
	telemetry->app = app;
	telemetry->is_dev = is_dev;
	gk_id_uuid(telemetry->instance);
	set_tracing(telemetry, config);
	rc = gk_timer_start(gk_app_loop(app), UINT32_MAX, 0, say_farewell, telemetry,
		&telemetry->farewell, err);
	if (rc == GK_OK)
		rc = open_dev(telemetry, config, err);
	if (rc == GK_OK)
		rc = log_spans(telemetry, config, err);
	if (rc == GK_OK)
		rc = open_outlets(telemetry, config, &telemetry->outlets, err);
	if (rc == GK_OK && !gk_log_add_tap(tap, telemetry))
		rc = gk_error_set(err, GK_RESOURCE_EXHAUSTED, "too many take log records");
	if (rc != GK_OK) {
		gk_telemetry_free(telemetry);
		return rc;
	}
	gk_timer_unref(telemetry->farewell);
	*ret = telemetry;
	return GK_OK;
}

/* Those that stay the same would lose what they have queued: the old ones get time to send it. */
gk_code gk_telemetry_reload(gk_telemetry *telemetry, const gk_config *config, gk_error *err)
{
	outlets fresh = { 0 };
	gk_code rc = open_outlets(telemetry, config, &fresh, err);

	if (rc != GK_OK)
		return rc;
	close_outlets(&telemetry->leaving);
	telemetry->leaving = telemetry->outlets;
	telemetry->outlets = fresh;
	for (size_t i = 0; i < telemetry->leaving.count; i++) {
		gk_otlp_exporter_retire(telemetry->leaving.items[i]);
		gk_otlp_exporter_hurry(telemetry->leaving.items[i]);
	}
	gk_timer_again(telemetry->farewell, GK_EXPORT_TIMEOUT_MS);
	set_tracing(telemetry, config);
	return GK_OK;
}

void gk_telemetry_free(gk_telemetry *telemetry)
{
	if (!telemetry)
		return;
	gk_log_remove_tap(tap, telemetry);
	gk_app_remove_observer(telemetry->app, &telemetry->span_logs.observer);
	if (telemetry->farewell)
		gk_timer_stop(telemetry->farewell);
	gk_dev_exporter_free(telemetry->dev);
	json_decref(telemetry->dev_resource);
	close_outlets(&telemetry->outlets);
	close_outlets(&telemetry->leaving);
	free(telemetry);
}

/* --- the end --- */

static gk_sender *dev_sender(const gk_telemetry *telemetry)
{
	return telemetry->dev ? gk_dev_exporter_sender_peek(telemetry->dev) : NULL;
}

static gk_otlp_exporter *dev_logs(const gk_telemetry *telemetry)
{
	return telemetry->dev ? gk_dev_exporter_logs_peek(telemetry->dev) : NULL;
}

void gk_telemetry_drain(gk_telemetry *telemetry)
{
	if (dev_sender(telemetry))
		gk_sender_hurry(dev_sender(telemetry));
	if (dev_logs(telemetry))
		gk_otlp_exporter_hurry(dev_logs(telemetry));
	for (size_t i = 0; i < telemetry->outlets.count; i++)
		gk_otlp_exporter_hurry(telemetry->outlets.items[i]);
}

bool gk_telemetry_is_busy(const gk_telemetry *telemetry)
{
	if (dev_sender(telemetry) && gk_sender_is_busy(dev_sender(telemetry)))
		return true;
	if (dev_logs(telemetry) && gk_otlp_exporter_is_busy(dev_logs(telemetry)))
		return true;
	for (size_t i = 0; i < telemetry->outlets.count; i++)
		if (gk_otlp_exporter_is_busy(telemetry->outlets.items[i]))
			return true;
	for (size_t i = 0; i < telemetry->leaving.count; i++)
		if (gk_otlp_exporter_is_busy(telemetry->leaving.items[i]))
			return true;
	return false;
}

static void show_sender(gk_sender *sender, gk_telemetry_sender_fn *fn, void *user)
{
	gk_sender_counts counts;

	if (!sender)
		return;
	counts = gk_sender_count(sender);
	fn(&counts, user);
}

static void show_exporter(gk_otlp_exporter *exporter, gk_telemetry_sender_fn *fn, void *user)
{
	for (gk_otlp_signal s = GK_OTLP_TRACES; s < GK_OTLP_SIGNALS; s++)
		show_sender(gk_otlp_exporter_sender_peek(exporter, s), fn, user);
}

void gk_telemetry_each_sender(gk_telemetry *telemetry, gk_telemetry_sender_fn *fn, void *user)
{
	show_sender(dev_sender(telemetry), fn, user);
	if (dev_logs(telemetry))
		show_exporter(dev_logs(telemetry), fn, user);
	for (size_t i = 0; i < telemetry->outlets.count; i++)
		show_exporter(telemetry->outlets.items[i], fn, user);
}

void gk_telemetry_report(gk_telemetry *telemetry, gk_metrics *metrics, uint64_t start_ns)
{
	uint64_t now_ns = gk_clock_wall_ns();

	for (size_t i = 0; i < telemetry->outlets.count; i++) {
		gk_sender *sender =
			gk_otlp_exporter_sender_peek(telemetry->outlets.items[i], GK_OTLP_METRICS);
		gk_otlp_item *item =
			sender ? gk_otlp_metrics_item(metrics,
					 gk_otlp_exporter_tells_deltas(telemetry->outlets.items[i]),
					 start_ns, now_ns)
			       : NULL;

		if (item)
			gk_sender_put(sender, &item->item);
	}
	gk_metrics_mark(metrics, now_ns);
}

uint64_t gk_telemetry_metric_interval_ms(const gk_config *config)
{
	const char *text = environment("OTEL_METRIC_EXPORT_INTERVAL");
	uint64_t ms;

	if (!gk_config_where(config, "telemetry.metric_interval") && text &&
		gk_parse_u64(text, strlen(text), &ms) && ms)
		return ms;
	return gk_config_uint(config, "telemetry.metric_interval");
}

static void tell_lost(const gk_sender_counts *counts, void *user)
{
	(void)user;
	if (counts->unsent)
		gk_log(GK_LOG_WARN, "telemetry", "%s: %" PRIu64 " were not sent before the end",
			counts->name, counts->unsent);
}

void gk_telemetry_tell_lost(gk_telemetry *telemetry)
{
	gk_telemetry_each_sender(telemetry, tell_lost, NULL);
}
