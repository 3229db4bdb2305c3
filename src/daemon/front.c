/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/front.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/parse.h"
#include "base/str.h"
#include "daemon/doors.h"
#include "loop/url_shown.h"
#include "server/address.h"
#include "server/flows.h"
#include "server/health.h"
#include "server/metrics_page.h"
#include "server/reflection.h"
#include "server/reflection_v2.h"
#include "server/runtime_file.h"
#include "server/session_pages.h"
#include "server/traces.h"

#include <unistd.h>

struct gk_front {
	gk_app *app;
	gk_runtime runtime;
	gk_metrics_page page;
	char *id, *name, *root; /* NULL: not given */
	gk_front_hooks hooks;
	gk_health health;
	gk_flows *flows;
	gk_stream_store *streams; /* once it was asked for */
	gk_traces *traces;        /* NULL: none are stored */
	gk_session_pages *sessions;
	gk_reflection *reflection;
	gk_reflection_v2 *manager;
	gk_runtime_file *file;
	gk_doors doors;
};

/* --- what the surfaces are told --- */

/* The strings of a list, NULL-terminated; NULL for none. The strings are the configuration's. */
static gk_code strings_of(json_t *list, const char ***ret, gk_error *err)
{
	size_t count = json_array_size(list);

	*ret = NULL;
	if (!count)
		return GK_OK;
	*ret = calloc(count + 1, sizeof(**ret));
	if (!*ret)
		return gk_error_no_memory(err);
	for (size_t i = 0; i < count; i++)
		(*ret)[i] = json_string_value(json_array_get(list, i));
	return GK_OK;
}

typedef struct flow_settings {
	gk_flows_opts opts;
	const char **served, **origins, **keys;
	const char **admin_keys;
	gk_context_provider *provider, *readers; /* readers: of /metrics */
} flow_settings;

static void flow_settings_done(flow_settings *settings)
{
	free(settings->served);
	free(settings->origins);
	free(settings->keys);
	free(settings->admin_keys);
	gk_context_provider_unref(settings->provider);
	gk_context_provider_unref(settings->readers);
	*settings = (flow_settings){ 0 };
}

static gk_code choose_readers(flow_settings *settings, const gk_config *config, gk_error *err)
{
	json_t *keys = gk_config_list_peek(config, "server.admin_keys");
	gk_code rc;

	if (!json_array_size(keys)) {
		if (settings->provider)
			settings->readers = gk_context_provider_ref(settings->provider);
		return GK_OK;
	}
	rc = strings_of(keys, &settings->admin_keys, err);
	return rc == GK_OK ? gk_api_key_provider(settings->admin_keys, json_array_size(keys),
				     &settings->readers, err)
			   : rc;
}

static gk_code choose_provider(flow_settings *settings, const gk_config *config, gk_error *err)
{
	json_t *keys = gk_config_list_peek(config, "server.api_keys");
	gk_code rc;

	if (!gk_str_equal(gk_config_str(config, "server.auth"), "api_key"))
		return GK_OK;
	rc = strings_of(keys, &settings->keys, err);
	if (rc == GK_OK)
		rc = gk_api_key_provider(
			settings->keys, json_array_size(keys), &settings->provider, err);
	return rc;
}

static gk_code flow_settings_init(
	flow_settings *settings, gk_front *front, const gk_config *config, gk_error *err)
{
	bool is_durable = gk_config_bool(config, "server.durable_streams");
	gk_code rc;

	*settings = (flow_settings){ 0 };
	rc = strings_of(gk_config_list_peek(config, "server.flows"), &settings->served, err);
	if (rc == GK_OK)
		rc = strings_of(gk_config_list_peek(config, "server.cors.origins"),
			&settings->origins, err);
	if (rc == GK_OK)
		rc = choose_provider(settings, config, err);
	if (rc == GK_OK)
		rc = choose_readers(settings, config, err);
	if (rc == GK_OK && is_durable && !front->streams)
		rc = gk_stream_memory_new(gk_app_loop(front->app),
			GK_OPTS(gk_stream_memory_opts, 0), &front->streams, err);
	if (rc != GK_OK) {
		flow_settings_done(settings);
		return rc;
	}
	settings->opts = (gk_flows_opts){
		.size = sizeof(settings->opts),
		.prefix = gk_config_str(config, "server.prefix"),
		.agents = gk_config_str(config, "server.agents_prefix"),
		.served = settings->served,
		.origins = settings->origins,
		.provider = settings->provider,
		.streams = is_durable ? front->streams : NULL,
		.timeout_ms = gk_config_uint(config, "server.run_timeout"),
	};
	return GK_OK;
}

/* --- traces --- */

static bool store_is_failing(void *user)
{
	gk_front *front = user;

	return gk_trace_store_count(front->hooks.store).is_failing;
}

/* On the flow server's addresses traces and sessions are for who has a key; without any they are not there. */
static gk_code operators_access(const gk_config *config, const flow_settings *settings,
	gk_traces_access *ret, gk_error *err)
{
	json_t *keys = gk_config_list_peek(config, "server.admin_keys");
	const char **texts = NULL;
	gk_code rc = strings_of(keys, &texts, err);

	*ret = (gk_traces_access){ .size = sizeof(*ret),
		.may_delete = true,
		.is_closed = !texts,
		.is_for_callers = true,
		.callers = settings->provider };
	if (rc == GK_OK && texts)
		rc = gk_api_key_provider(texts, json_array_size(keys), &ret->admin, err);
	free(texts);
	return rc;
}

static gk_code add_traces(gk_front *front, const gk_traces_access *access, gk_error *err)
{
	gk_code rc = gk_traces_new(front->app, front->hooks.store, &front->traces, err);

	if (rc == GK_OK)
		rc = gk_traces_add_routes(
			front->traces, gk_flows_routes(front->flows), access, err);
	front->health.is_degraded = store_is_failing;
	front->health.user = front;
	return rc;
}

static gk_code add_sessions(gk_front *front, const gk_traces_access *access, gk_error *err)
{
	gk_routes *routes = gk_flows_routes(front->flows);
	gk_code rc;

	front->sessions = gk_session_pages_new(front->app);
	rc = front->sessions ? gk_session_pages_add(front->sessions, routes, err)
			     : gk_error_no_memory(err);
	if (rc == GK_OK)
		gk_session_pages_set_access(
			front->sessions, routes, access->admin, access->is_closed);
	return rc;
}

/* --- what the tools are told, and tell us --- */

static void set_telemetry(const char *url, void *user)
{
	gk_front *front = user;

	gk_telemetry_set_server(front->hooks.telemetry, url);
}

/* "http://localhost:3100", or another name of this machine, and the port of a door where traces are taken. */
static bool is_own(const char *url, void *user)
{
	static const char *const hosts[] = {
		"http://localhost:", "http://127.0.0.1:", "http://[::1]:"
	};
	const gk_front *front = user;
	const gk_door *door = NULL;
	uint64_t port = 0;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (gk_str_has_prefix(url, hosts[i]))
			gk_parse_u64(url + strlen(hosts[i]),
				strspn(url + strlen(hosts[i]), "0123456789"), &port);
	while (port && front->traces &&
		(door = gk_doors_next(&front->doors, door, "reflection")) != NULL)
		if (gk_http_port(door->listener) == port)
			return true;
	return false;
}

static void set_readers(gk_front *front, flow_settings *settings)
{
	gk_context_provider_unref(front->page.provider);
	front->page.provider = gk_steal(settings->readers);
}

static void append_metrics(gk_buf *buf, void *user)
{
	static const char *const surfaces[] = { "flows", "reflection" };
	gk_front *front = user;

	for (size_t i = 0; i < sizeof(surfaces) / sizeof(surfaces[0]); i++) {
		const gk_door *door = gk_doors_next(&front->doors, NULL, surfaces[i]);
		size_t count = 0;

		for (; door; door = gk_doors_next(&front->doors, door, surfaces[i]))
			count += gk_http_connections(door->listener);
		gk_meters_set_connections(front->hooks.meters, surfaces[i], count);
	}
	gk_meters_append(buf, front->hooks.meters);
}

static void quit(void *user)
{
	gk_front *front = user;

	front->hooks.quit(front->hooks.user);
}

/* Copies, for the configuration may be replaced. */
static bool copy(char **ret, const char *text)
{
	*ret = text ? strdup(text) : NULL;
	return !text || *ret;
}

static gk_code init_runtime(gk_front *front, const gk_config *config, gk_error *err)
{
	if (!copy(&front->id, gk_config_str(config, "reflection.runtime_id")) ||
		!copy(&front->name, gk_config_str(config, "reflection.name")) ||
		!copy(&front->root, gk_config_str(config, "reflection.project_root")))
		return gk_error_no_memory(err);
	front->runtime = (gk_runtime){
		.id = front->id,
		.name = front->name,
		.set_telemetry =
			gk_telemetry_has_server(front->hooks.telemetry) ? NULL : set_telemetry,
		.quit = quit,
		.user = front,
	};
	return GK_OK;
}

gk_code gk_front_new(gk_app *app, const gk_config *config, const gk_front_hooks *hooks,
	gk_front **ret, gk_error *err)
{
	gk_front *front = calloc(1, sizeof(*front));
	flow_settings settings = { 0 };
	gk_traces_access access = { 0 };
	gk_code rc;

	if (!front)
		return gk_error_no_memory(err);
	front->app = app;
	front->hooks = *hooks;
	front->page = (gk_metrics_page){
		.append = append_metrics, .user = front, .content_type = GK_METRICS_CONTENT_TYPE
	};
	gk_doors_init(&front->doors, gk_app_loop(app));
	rc = init_runtime(front, config, err);
	if (rc == GK_OK)
		rc = flow_settings_init(&settings, front, config, err);
	if (rc == GK_OK)
		rc = gk_flows_new(app, &settings.opts, &front->flows, err);
	if (rc == GK_OK)
		set_readers(front, &settings);
	if (rc == GK_OK)
		rc = gk_health_add_routes(&front->health, gk_flows_routes(front->flows), err);
	if (rc == GK_OK)
		rc = gk_metrics_page_add_routes(&front->page, gk_flows_routes(front->flows), err);
	if (rc == GK_OK)
		gk_routes_set_watch(
			gk_flows_routes(front->flows), gk_meters_answered, hooks->meters);
	if (rc == GK_OK)
		rc = operators_access(config, &settings, &access, err);
	if (rc == GK_OK && hooks->store)
		rc = add_traces(front, &access, err);
	if (rc == GK_OK)
		rc = add_sessions(front, &access, err);
	gk_context_provider_unref(access.admin);
	flow_settings_done(&settings);
	if (rc != GK_OK) {
		gk_front_free(front);
		return rc;
	}
	*ret = front;
	return GK_OK;
}

/* --- doors --- */

static bool has_reflection(const gk_front *front, const gk_config *config)
{
	return gk_config_bool(config, "reflection.enabled") && !front->manager &&
	       !gk_config_str(config, "reflection.manager");
}

static gk_door_spec flows_spec(gk_front *front, const gk_config *config)
{
	return (gk_door_spec){
		.surface = "flows",
		.fd = -1,
		.routes = gk_flows_routes(front->flows),
		.max_connections = (unsigned)gk_config_uint(config, "server.max_connections"),
		.max_per_ip = (unsigned)gk_config_uint(config, "server.max_per_ip"),
		.header_ms = gk_config_uint(config, "server.header_timeout"),
		.body_ms = gk_config_uint(config, "server.body_timeout"),
		.idle_ms = gk_config_uint(config, "server.idle_timeout"),
		.max_body = (size_t)gk_config_uint(config, "server.max_body"),
	};
}

/* Nobody has chosen the port: the next free one will do. */
static bool may_move(const gk_config *config)
{
	const char *where = gk_config_where(config, "reflection.listen");

	return !where || strcmp(where, "$GENKIT_REFLECTION_HOST") == 0;
}

static gk_door_spec reflection_spec(gk_front *front, const gk_config *config)
{
	gk_door_spec spec = flows_spec(front, config);

	spec.surface = "reflection";
	spec.address = gk_config_str(config, "reflection.listen");
	spec.port_tries = may_move(config) ? GK_REFLECTION_PORT_TRIES : 0;
	spec.routes = gk_reflection_routes(front->reflection);
	spec.max_body = GK_HTTP_REFLECTION_BODY;
	return spec;
}

typedef struct wanted {
	gk_door_spec *specs;
	size_t count, size;
} wanted;

static gk_code want(wanted *all, gk_door_spec spec, gk_error *err)
{
	if (all->count == all->size) {
		size_t size = all->size ? 2 * all->size : 8;
		gk_door_spec *specs = reallocarray(all->specs, size, sizeof(*specs));

		if (!specs)
			return gk_error_no_memory(err);
		all->specs = specs;
		all->size = size;
	}
	all->specs[all->count++] = spec;
	return GK_OK;
}

/* Whoever opened the socket may have opened it to everybody: the rule of the configuration holds here too. */
static gk_code check_inherited(const gk_config *config, const char *surface, int fd, gk_error *err)
{
	const char *auth = gk_config_str(config, "server.auth");
	gk_auto_str char *address = NULL;
	unsigned port;

	address = gk_address_of(fd, &port);
	if (!address)
		return gk_error_no_memory(err);
	if (gk_address_is_local(address) ||
		(strcmp(surface, "flows") == 0 ? auth != NULL : gk_str_equal(auth, "none")))
		return GK_OK;
	return gk_error_set(err, GK_FAILED_PRECONDITION,
		"%s: other machines can reach the inherited socket %s, and nothing says who may call: set server.auth",
		surface, address);
}

/* The sockets that were handed to us; a door that is open already stands for itself. */
static gk_code want_inherited(gk_front *front, const gk_config *config, gk_service_sockets *sockets,
	gk_door_spec spec, wanted *all, gk_error *err)
{
	gk_code rc = GK_OK;

	spec.address = NULL;
	if (!sockets) {
		for (const gk_door *door = gk_doors_next(&front->doors, NULL, spec.surface);
			rc == GK_OK && door;
			door = gk_doors_next(&front->doors, door, spec.surface))
			if (!door->spec.address)
				rc = want(all, spec, err);
		return rc;
	}
	while (rc == GK_OK && (spec.fd = gk_service_socket_next(sockets, spec.surface)) >= 0) {
		rc = check_inherited(config, spec.surface, spec.fd, err);
		if (rc == GK_OK)
			rc = want(all, spec, err);
		if (rc != GK_OK)
			close(spec.fd);
	}
	return rc;
}

static gk_code want_flows(gk_front *front, const gk_config *config, gk_service_sockets *sockets,
	wanted *all, gk_error *err)
{
	gk_door_spec spec = flows_spec(front, config);
	size_t before = all->count, i;
	json_t *address;
	gk_code rc = want_inherited(front, config, sockets, spec, all, err);

	if (rc != GK_OK || all->count > before)
		return rc;
	json_array_foreach (gk_config_list_peek(config, "server.listen"), i, address) {
		spec.address = json_string_value(address);
		rc = want(all, spec, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

/* Whoever reaches reflection may read traces and sessions, too. */
static gk_code add_reflection(gk_front *front, gk_error *err)
{
	gk_code rc = gk_reflection_new(front->app, &front->runtime, &front->reflection, err);

	if (rc == GK_OK && front->traces)
		rc = gk_traces_add_routes(
			front->traces, gk_reflection_routes(front->reflection), NULL, err);
	if (rc == GK_OK)
		rc = gk_session_pages_add(
			front->sessions, gk_reflection_routes(front->reflection), err);
	if (rc != GK_OK)
		gk_reflection_free(gk_steal(front->reflection));
	return rc;
}

static gk_code want_reflection(gk_front *front, const gk_config *config,
	gk_service_sockets *sockets, wanted *all, gk_error *err)
{
	size_t before = all->count;
	gk_code rc = GK_OK;

	if (!has_reflection(front, config))
		return GK_OK;
	if (!front->reflection)
		rc = add_reflection(front, err);
	if (rc == GK_OK)
		gk_routes_set_watch(gk_reflection_routes(front->reflection), gk_meters_answered,
			front->hooks.meters);
	if (rc == GK_OK)
		rc = want_inherited(
			front, config, sockets, reflection_spec(front, config), all, err);
	if (rc == GK_OK && all->count == before)
		rc = want(all, reflection_spec(front, config), err);
	return rc;
}

static gk_code prepare_doors(
	gk_front *front, const gk_config *config, gk_service_sockets *sockets, gk_error *err)
{
	wanted all = { 0 };
	gk_code rc = want_flows(front, config, sockets, &all, err);

	if (rc == GK_OK)
		rc = want_reflection(front, config, sockets, &all, err);
	if (rc == GK_OK) {
		rc = gk_doors_prepare(&front->doors, all.specs, all.count, err);
	} else {
		for (size_t i = 0; i < all.count; i++)
			if (all.specs[i].fd >= 0)
				close(all.specs[i].fd);
	}
	free(all.specs);
	return rc;
}

/* --- the runtime file --- */

static gk_code find_root(gk_front *front, gk_error *err)
{
	gk_auto_str char *folder = NULL;

	if (front->root)
		return GK_OK;
	folder = getcwd(NULL, 0);
	return gk_project_root(folder ? folder : ".", &front->root, err);
}

/* The daemon serves all the same when the tools cannot find it by themselves. */
static void write_file(gk_front *front, const char *address)
{
	gk_auto_error gk_error err = { 0 };
	gk_code rc = find_root(front, &err);

	if (rc == GK_OK)
		rc = gk_runtime_file_write(gk_app_loop(front->app), front->root, &front->runtime,
			gk_reflection_id(front->reflection), address, &front->file, &err);
	if (rc != GK_OK)
		gk_log(GK_LOG_WARN, "reflection", "genkit-cli will not find this daemon: %s",
			err.message ? err.message : "?");
}

/* After the doors have changed: says where reflection listens now. */
static void announce(gk_front *front)
{
	const gk_door *door = gk_doors_next(&front->doors, NULL, "reflection");
	gk_auto_error gk_error err = { 0 };
	const char *address;

	gk_runtime_file_remove(gk_steal(front->file));
	if (!door)
		return;
	address = gk_http_address(door->listener);
	if (gk_reflection_bind(front->reflection, address, gk_http_port(door->listener), &err) !=
		GK_OK)
		gk_log(GK_LOG_ERROR, "reflection", "%s", err.message ? err.message : "?");
	else if (!gk_str_has_prefix(address, "unix:"))
		write_file(front, address);
}

/* --- opening and changing --- */

static gk_code open_manager(gk_front *front, const gk_config *config, gk_error *err)
{
	const char *url = gk_config_str(config, "reflection.manager");
	gk_auto_str char *shown = NULL;

	if (!url || !gk_config_bool(config, "reflection.enabled"))
		return GK_OK;
	shown = gk_url_shown(url);
	gk_log(GK_LOG_INFO, "reflection", "connecting to %s", shown ? shown : "?");
	return gk_reflection_v2_new(front->app, &front->runtime, url, &front->manager, err);
}

gk_code gk_front_open(
	gk_front *front, const gk_config *config, gk_service_sockets *sockets, gk_error *err)
{
	gk_code rc = prepare_doors(front, config, sockets, err);

	if (rc != GK_OK)
		return rc;
	gk_doors_commit(&front->doors);
	announce(front);
	gk_telemetry_set_own(front->hooks.telemetry, is_own, front);
	rc = open_manager(front, config, err);
	front->health.is_ready = rc == GK_OK;
	return rc;
}

gk_code gk_front_reload(gk_front *front, const gk_config *config, gk_error *err)
{
	const gk_door *before = gk_doors_next(&front->doors, NULL, "reflection");
	flow_settings settings = { 0 };
	gk_traces_access access = { 0 };
	gk_code rc = flow_settings_init(&settings, front, config, err);

	if (rc != GK_OK)
		return rc;
	rc = operators_access(config, &settings, &access, err);
	if (rc == GK_OK)
		rc = prepare_doors(front, config, NULL, err);
	if (rc == GK_OK) {
		rc = gk_flows_configure(front->flows, &settings.opts, err);
		if (rc == GK_OK)
			set_readers(front, &settings);
		if (rc != GK_OK)
			gk_doors_discard(&front->doors);
	}
	if (rc == GK_OK && front->traces)
		gk_traces_set_access(front->traces, gk_flows_routes(front->flows), &access);
	if (rc == GK_OK)
		gk_session_pages_set_access(front->sessions, gk_flows_routes(front->flows),
			access.admin, access.is_closed);
	gk_context_provider_unref(access.admin);
	flow_settings_done(&settings);
	if (rc != GK_OK)
		return rc;
	gk_doors_commit(&front->doors);
	if (gk_doors_next(&front->doors, NULL, "reflection") != before)
		announce(front);
	return GK_OK;
}

/* --- closing --- */

void gk_front_drain(gk_front *front)
{
	gk_runtime_file_remove(gk_steal(front->file));
	gk_routes_drain(gk_flows_routes(front->flows));
	if (front->reflection)
		gk_routes_drain(gk_reflection_routes(front->reflection));
	if (front->manager)
		gk_reflection_v2_drain(front->manager);
	if (front->traces)
		gk_traces_drain(front->traces);
	gk_doors_drain(&front->doors);
}

bool gk_front_is_busy(const gk_front *front)
{
	return gk_doors_active(&front->doors) ||
	       (front->manager && gk_reflection_v2_is_busy(front->manager));
}

void gk_front_free(gk_front *front)
{
	if (!front)
		return;
	gk_telemetry_set_own(front->hooks.telemetry, NULL, NULL);
	gk_runtime_file_remove(front->file);
	gk_doors_done(&front->doors);
	gk_reflection_v2_free(front->manager);
	gk_reflection_free(front->reflection);
	gk_flows_free(front->flows);
	gk_traces_free(front->traces);
	gk_session_pages_free(front->sessions);
	gk_stream_store_unref(front->streams);
	gk_context_provider_unref(front->page.provider);
	free(front->id);
	free(front->name);
	free(front->root);
	free(front);
}

json_t *gk_front_describe(const gk_front *front)
{
	const gk_door *door = gk_doors_next(&front->doors, NULL, "reflection");
	gk_auto_json json_t *flows = json_array();
	json_t *reflection = door ? json_string(gk_http_address(door->listener)) : json_null();

	for (door = gk_doors_next(&front->doors, NULL, "flows"); door;
		door = gk_doors_next(&front->doors, door, "flows"))
		if (json_array_append_new(flows, json_string(gk_http_address(door->listener))) < 0)
			break;
	return json_pack("{s:o, s:O, s:I}", "reflection", reflection, "flows", flows, "pid",
		(json_int_t)getpid());
}
