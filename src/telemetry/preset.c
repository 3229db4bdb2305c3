/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/preset.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/edit.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <stdio.h>

#define TRACES "/v1/traces"

typedef struct resolving {
	const json_t *options;
	gk_env_fn *env;
	gk_preset *ret;
} resolving;

/* --- what is given --- */

static const char *filled(const char *text)
{
	return text && *text ? text : NULL;
}

/* The option, else the variable, else what usually holds. */
static const char *value(
	const resolving *r, const char *option, const char *variable, const char *usual)
{
	const char *text = filled(json_string_value(json_object_get(r->options, option)));

	if (!text && variable)
		text = filled(r->env(variable));
	return text ? text : usual;
}

static gk_code missing(const char *what, const char *option, const char *variable, gk_error *err)
{
	return gk_error_set(err, GK_INVALID_ARGUMENT, "%s is required: set %s%s%s", what, option,
		variable ? ", or $" : "", variable ? variable : "");
}

/* --- what comes out --- */

static gk_code set_endpoint(resolving *r, const char *base, const char *tail, gk_error *err)
{
	size_t len = strlen(base);

	while (*tail && len && base[len - 1] == '/')
		len--;
	if (asprintf(&r->ret->endpoint, "%.*s%s", (int)len, base, tail) < 0) {
		r->ret->endpoint = NULL;
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code set_header(
	resolving *r, const char *name, const char *prefix, const char *text, gk_error *err)
{
	gk_auto_str char *whole = NULL;

	if (asprintf(&whole, "%s%s", prefix, text) < 0) {
		whole = NULL;
		return gk_error_no_memory(err);
	}
	return gk_json_set_str(r->ret->headers, name, whole) ? GK_OK : gk_error_no_memory(err);
}

static gk_code set_basic(resolving *r, const char *user, const char *password, gk_error *err)
{
	gk_auto_str char *pair = NULL, *encoded = NULL;
	int len = asprintf(&pair, "%s:%s", user, password);

	if (len < 0) {
		pair = NULL;
		return gk_error_no_memory(err);
	}
	encoded = malloc((size_t)(len + 2) / 3 * 4 + 1);
	if (!encoded)
		return gk_error_no_memory(err);
	EVP_EncodeBlock((unsigned char *)encoded, (unsigned char *)pair, len);
	return set_header(r, "Authorization", "Basic ", encoded, err);
}

/* --- the back ends --- */

/* "https://KEY@HOST/PROJECT" */
static gk_code sentry(resolving *r, gk_error *err)
{
	const char *dsn = value(r, "sentry_dsn", "SENTRY_DSN", NULL), *key, *at, *slash;
	gk_auto_str char *tail = NULL, *base = NULL, *user = NULL;
	gk_code rc;

	if (!dsn)
		return missing("Sentry DSN", "sentry_dsn", "SENTRY_DSN", err);
	key = strstr(dsn, "://");
	key = key ? key + 3 : NULL;
	at = key ? strchr(key, '@') : NULL;
	slash = at ? strchr(at, '/') : NULL;
	if (!slash || at == key || slash == at + 1 || !slash[1] ||
		strspn(slash + 1, "0123456789") != strlen(slash + 1) ||
		(!gk_str_has_prefix(dsn, "https://") && !gk_str_has_prefix(dsn, "http://")))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Invalid Sentry DSN format: https://KEY@HOST/PROJECT is expected");
	if (asprintf(&tail, "/api/%s/otlp" TRACES, slash + 1) < 0)
		tail = NULL;
	if (asprintf(&base, "%.*s%.*s", (int)(key - dsn), dsn, (int)(slash - at - 1), at + 1) < 0)
		base = NULL;
	user = strndup(key, (size_t)(at - key));
	if (!tail || !base || !user)
		return gk_error_no_memory(err);
	rc = set_endpoint(r, base, tail, err);
	return rc == GK_OK ? set_header(r, "x-sentry-auth", "sentry sentry_key=", user, err) : rc;
}

static gk_code honeycomb(resolving *r, gk_error *err)
{
	const char *key = value(r, "honeycomb_api_key", "HONEYCOMB_API_KEY", NULL);
	const char *dataset = value(r, "honeycomb_dataset", "HONEYCOMB_DATASET", NULL);
	gk_code rc;

	if (!key)
		return missing("Honeycomb API key", "honeycomb_api_key", "HONEYCOMB_API_KEY", err);
	rc = set_endpoint(r,
		value(r, "honeycomb_api_endpoint", "HONEYCOMB_API_ENDPOINT",
			"https://api.honeycomb.io"),
		TRACES, err);
	if (rc == GK_OK)
		rc = set_header(r, "x-honeycomb-team", "", key, err);
	if (rc == GK_OK && dataset)
		rc = set_header(r, "x-honeycomb-dataset", "", dataset, err);
	return rc;
}

static gk_code datadog(resolving *r, gk_error *err)
{
	const char *key = value(r, "datadog_api_key", "DD_API_KEY", NULL);
	gk_auto_str char *base = NULL;
	gk_code rc;

	if (!key)
		return missing("Datadog API key", "datadog_api_key", "DD_API_KEY", err);
	if (asprintf(&base, "https://otlp.%s",
		    value(r, "datadog_site", "DD_SITE", "datadoghq.com")) < 0) {
		base = NULL;
		return gk_error_no_memory(err);
	}
	rc = set_endpoint(r, base, TRACES, err);
	return rc == GK_OK ? set_header(r, "DD-API-KEY", "", key, err) : rc;
}

static bool ends_in_traces(const char *url)
{
	size_t len = strlen(url), tail = sizeof(TRACES) - 1;

	return len >= tail && strcmp(url + len - tail, TRACES) == 0;
}

static gk_code grafana(resolving *r, gk_error *err)
{
	const char *endpoint = value(r, "grafana_endpoint", "GRAFANA_OTLP_ENDPOINT", NULL);
	const char *user = value(r, "grafana_user_id", "GRAFANA_USER_ID", NULL);
	const char *key = value(r, "grafana_api_key", "GRAFANA_API_KEY", NULL);
	gk_code rc;

	if (!endpoint)
		return missing(
			"Grafana endpoint", "grafana_endpoint", "GRAFANA_OTLP_ENDPOINT", err);
	if (!user)
		return missing("Grafana user ID", "grafana_user_id", "GRAFANA_USER_ID", err);
	if (!key)
		return missing("Grafana API key", "grafana_api_key", "GRAFANA_API_KEY", err);
	rc = set_endpoint(r, endpoint, ends_in_traces(endpoint) ? "" : TRACES, err);
	return rc == GK_OK ? set_basic(r, user, key, err) : rc;
}

static gk_code axiom(resolving *r, gk_error *err)
{
	const char *token = value(r, "axiom_api_token", "AXIOM_TOKEN", NULL);
	gk_code rc;

	if (!token)
		return missing("Axiom API token", "axiom_api_token", "AXIOM_TOKEN", err);
	rc = set_endpoint(r, "https://api.axiom.co", TRACES, err);
	if (rc == GK_OK)
		rc = set_header(r, "Authorization", "Bearer ", token, err);
	return rc == GK_OK ? set_header(r, "X-Axiom-Dataset", "",
				     value(r, "axiom_dataset", "AXIOM_DATASET", "genkit"), err)
			   : rc;
}

static gk_code langfuse(resolving *r, gk_error *err)
{
	const char *user = value(r, "langfuse_public_key", "LANGFUSE_PUBLIC_KEY", NULL);
	const char *secret = value(r, "langfuse_secret_key", "LANGFUSE_SECRET_KEY", NULL);
	gk_code rc;

	if (!user)
		return missing(
			"Langfuse public key", "langfuse_public_key", "LANGFUSE_PUBLIC_KEY", err);
	if (!secret)
		return missing(
			"Langfuse secret key", "langfuse_secret_key", "LANGFUSE_SECRET_KEY", err);
	rc = set_endpoint(r,
		value(r, "langfuse_host", "LANGFUSE_HOST", "https://cloud.langfuse.com"),
		"/api/public/otel" TRACES, err);
	return rc == GK_OK ? set_basic(r, user, secret, err) : rc;
}

static gk_code newrelic(resolving *r, gk_error *err)
{
	const char *key = value(r, "newrelic_api_key", "NEW_RELIC_API_KEY", NULL);
	gk_code rc;

	if (!key)
		return missing("New Relic API key", "newrelic_api_key", "NEW_RELIC_API_KEY", err);
	rc = set_endpoint(r, "https://otlp.nr-data.net", TRACES, err);
	return rc == GK_OK ? set_header(r, "api-key", "", key, err) : rc;
}

static gk_code add_headers(resolving *r, gk_error *err)
{
	json_t *headers = json_object_get(r->options, "headers");

	return !headers || json_object_update(r->ret->headers, headers) == 0
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code custom(resolving *r, gk_error *err)
{
	const char *endpoint = value(r, "endpoint", NULL, NULL);

	if (!endpoint)
		return missing("Custom endpoint", "endpoint", NULL, err);
	return set_endpoint(r, endpoint, "", err);
}

/* As OpenTelemetry's variables say; without them a collector on this machine. */
static gk_code collector(resolving *r, const char *usual, gk_error *err)
{
	static const char *const variables[] = { "OTEL_EXPORTER_OTLP_HEADERS",
		"OTEL_EXPORTER_OTLP_TRACES_HEADERS" };
	const char *whole = value(r, "endpoint", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", NULL);
	gk_code rc = whole ? set_endpoint(r, whole, "", err)
			   : set_endpoint(r, value(r, "", "OTEL_EXPORTER_OTLP_ENDPOINT", usual),
				     TRACES, err);

	for (size_t i = 0; rc == GK_OK && i < 2; i++)
		if (filled(r->env(variables[i])))
			rc = gk_pairs_read(r->env(variables[i]), r->ret->headers, err);
	return rc;
}

static gk_code local_collector(resolving *r, gk_error *err)
{
	return collector(r, "http://localhost:4318", err);
}

static gk_code phoenix(resolving *r, gk_error *err)
{
	return collector(r, "http://localhost:6006", err);
}

static gk_code (*const backends[])(resolving *r, gk_error *err) = { sentry, honeycomb, datadog,
	grafana, axiom, langfuse, newrelic, phoenix, local_collector, local_collector,
	local_collector, custom };
const char *const gk_preset_names[] = { "sentry", "honeycomb", "datadog", "grafana", "axiom",
	"langfuse", "newrelic", "phoenix", "jaeger", "tempo", "otlp", "custom", NULL };

gk_code gk_preset_resolve(
	const char *backend, const json_t *options, gk_env_fn *env, gk_preset *ret, gk_error *err)
{
	gk_preset preset = { .headers = json_object() };
	resolving r = { options, env, &preset };
	gk_code rc = preset.headers ? GK_OK : gk_error_no_memory(err);
	size_t i = 0;

	while (gk_preset_names[i] && strcmp(gk_preset_names[i], backend) != 0)
		i++;
	if (rc == GK_OK && !gk_preset_names[i])
		rc = gk_error_set(err, GK_INVALID_ARGUMENT, "there is no back end '%s'", backend);
	if (rc == GK_OK)
		rc = backends[i](&r, err);
	if (rc == GK_OK)
		rc = add_headers(&r, err);
	if (rc == GK_OK)
		*ret = preset;
	else
		gk_preset_done(&preset);
	return rc;
}

void gk_preset_done(gk_preset *preset)
{
	free(preset->endpoint);
	json_decref(preset->headers);
	*preset = (gk_preset){ 0 };
}

/* --- "a=b,c=d%20e" --- */

static int hex_value(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

static void put_decoded(gk_buf *buf, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == '%' && i + 2 < len && isxdigit((unsigned char)text[i + 1]) &&
			isxdigit((unsigned char)text[i + 2])) {
			gk_buf_putc(
				buf, (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])));
			i += 2;
		} else {
			gk_buf_putc(buf, text[i]);
		}
	}
}

static void trim(const char **text, size_t *len)
{
	while (*len && isspace((unsigned char)**text)) {
		++*text;
		--*len;
	}
	while (*len && isspace((unsigned char)(*text)[*len - 1]))
		--*len;
}

static gk_code read_pair(const char *text, size_t len, json_t *object, gk_error *err)
{
	const char *equals = memchr(text, '=', len), *right;
	gk_auto_buf gk_buf content = GK_BUF_INIT(0);
	size_t key_len, right_len;

	if (!equals)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "name=value pairs are expected");
	key_len = (size_t)(equals - text);
	right = equals + 1;
	right_len = len - key_len - 1;
	trim(&text, &key_len);
	trim(&right, &right_len);
	put_decoded(&content, right, right_len);
	if (!key_len ||
		gk_str_valid_utf8(content.data ? content.data : "", content.len) != content.len)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "name=value pairs are expected");
	if (gk_buf_failed(&content) ||
		json_object_setn_new(object, text, key_len,
			json_stringn(content.data ? content.data : "", content.len)) < 0)
		return gk_error_no_memory(err);
	return GK_OK;
}

gk_code gk_pairs_read(const char *text, json_t *object, gk_error *err)
{
	while (*text) {
		size_t whole = strcspn(text, ","), len = whole;
		const char *pair = text;
		gk_code rc = GK_OK;

		trim(&pair, &len);
		if (len)
			rc = read_pair(pair, len, object, err);
		if (rc != GK_OK)
			return rc;
		text += whole + (text[whole] == ',');
	}
	return GK_OK;
}
