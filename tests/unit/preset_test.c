/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "unit.h"

#include "telemetry/preset.h"
#include "telemetry/sampler.h"

#include <stdlib.h>

static const char *variable(const char *name)
{
	return getenv(name);
}

static void resolve(
	const char *backend, const char *options, const char *endpoint, const char *headers)
{
	gk_auto_json json_t *given = json(options);
	gk_preset preset;
	gk_error err = { 0 };

	if (gk_preset_resolve(backend, given, variable, &preset, &err) != GK_OK)
		ck_abort_msg("%s: %s", backend, err.message);
	ck_assert_str_eq(preset.endpoint, endpoint);
	assert_json(preset.headers, headers);
	gk_preset_done(&preset);
}

static void refuse(const char *backend, const char *options, const char *message)
{
	gk_auto_json json_t *given = json(options);
	gk_preset preset;
	gk_error err = { 0 };

	ck_assert_int_eq(
		gk_preset_resolve(backend, given, variable, &preset, &err), GK_INVALID_ARGUMENT);
	ck_assert_str_eq(err.message, message);
	gk_error_clear(&err);
}

START_TEST(each_back_end_knows_its_address_and_its_headers)
{
	resolve("sentry", "{'sentry_dsn':'https://k@h.example/7'}",
		"https://h.example/api/7/otlp/v1/traces",
		"{'x-sentry-auth':'sentry sentry_key=k'}");
	resolve("honeycomb", "{'honeycomb_api_key':'k','honeycomb_api_endpoint':'https://e/'}",
		"https://e/v1/traces", "{'x-honeycomb-team':'k'}");
	resolve("datadog", "{'datadog_api_key':'k','datadog_site':'datadoghq.eu'}",
		"https://otlp.datadoghq.eu/v1/traces", "{'DD-API-KEY':'k'}");
	resolve("grafana",
		"{'grafana_endpoint':'https://g/otlp','grafana_user_id':'u','grafana_api_key':'k'}",
		"https://g/otlp/v1/traces", "{'Authorization':'Basic dTpr'}");
	resolve("axiom", "{'axiom_api_token':'t'}", "https://api.axiom.co/v1/traces",
		"{'Authorization':'Bearer t','X-Axiom-Dataset':'genkit'}");
	resolve("langfuse", "{'langfuse_public_key':'p','langfuse_secret_key':'s'}",
		"https://cloud.langfuse.com/api/public/otel/v1/traces",
		"{'Authorization':'Basic cDpz'}");
	resolve("custom", "{'endpoint':'https://c','headers':{'X':'y'}}", "https://c", "{'X':'y'}");
	resolve("otlp", "{}", "http://localhost:4318/v1/traces", "{}");
}
END_TEST

START_TEST(options_go_before_the_environment_and_empty_ones_count_as_missing)
{
	setenv("HONEYCOMB_API_KEY", "from-env", 1);
	resolve("honeycomb", "{'honeycomb_api_key':''}", "https://api.honeycomb.io/v1/traces",
		"{'x-honeycomb-team':'from-env'}");
	resolve("honeycomb", "{'honeycomb_api_key':'given'}", "https://api.honeycomb.io/v1/traces",
		"{'x-honeycomb-team':'given'}");
	setenv("HONEYCOMB_API_KEY", "", 1);
	refuse("honeycomb", "{}",
		"Honeycomb API key is required: set honeycomb_api_key, or $HONEYCOMB_API_KEY");
	unsetenv("HONEYCOMB_API_KEY");
}
END_TEST

START_TEST(what_is_missing_or_malformed_is_named)
{
	refuse("sentry", "{}", "Sentry DSN is required: set sentry_dsn, or $SENTRY_DSN");
	refuse("sentry", "{'sentry_dsn':'https://h.example/x'}",
		"Invalid Sentry DSN format: https://KEY@HOST/PROJECT is expected");
	refuse("custom", "{}", "Custom endpoint is required: set endpoint");
	refuse("grafana", "{'grafana_endpoint':'https://e'}",
		"Grafana user ID is required: set grafana_user_id, or $GRAFANA_USER_ID");
	refuse("nonesuch", "{}", "there is no back end 'nonesuch'");
}
END_TEST

START_TEST(pairs_are_read_with_percent_escapes_and_blanks_around_them)
{
	gk_auto_json json_t *pairs = json_object();

	ck_assert_int_eq(gk_pairs_read(" a = b%20c ,, d=%zz%4,e=", pairs, NULL), GK_OK);
	assert_json(pairs, "{'a':'b c','d':'%zz%4','e':''}");
	ck_assert_int_eq(gk_pairs_read("a=%ff", pairs, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_pairs_read("nothing", pairs, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(gk_pairs_read("=x", pairs, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

/* --- samplers --- */

static bool takes(const char *name, const char *argument, const char *trace_id, int remote)
{
	gk_span span = { .trace_flags = remote > 0, .parent_is_remote = remote >= 0 };
	gk_sampler sampler;

	memcpy(span.trace_id, trace_id, 32);
	ck_assert_int_eq(gk_sampler_read(name, argument, &sampler, NULL), GK_OK);
	return gk_sampler_takes(&sampler, &span);
}

#define LOW  "ffffffffffffffffff00000000000001"
#define HIGH "000000000000000000ffffffffffffff"
#define OURS (-1)

START_TEST(samplers_take_what_they_say)
{
	ck_assert(takes("always_on", NULL, HIGH, OURS));
	ck_assert(!takes("always_off", NULL, LOW, OURS));
	ck_assert(takes("traceidratio", "0.5", LOW, OURS));
	ck_assert(!takes("traceidratio", "0.5", HIGH, OURS));
	ck_assert(!takes("traceidratio", "0", LOW, OURS));
	ck_assert(takes("parentbased_always_on", NULL, LOW, OURS));
	ck_assert(!takes("parentbased_always_on", NULL, LOW, 0));
	ck_assert(takes("parentbased_always_off", NULL, LOW, 1));
	ck_assert(!takes("parentbased_traceidratio", "0.5", HIGH, OURS));
}
END_TEST

START_TEST(a_sampler_that_is_none_is_refused)
{
	gk_sampler sampler;

	ck_assert_int_eq(gk_sampler_read("sometimes", NULL, &sampler, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(
		gk_sampler_read("traceidratio", "1.5", &sampler, NULL), GK_INVALID_ARGUMENT);
	ck_assert_int_eq(
		gk_sampler_read("traceidratio", "much", &sampler, NULL), GK_INVALID_ARGUMENT);
}
END_TEST

static bool resolve_without_memory(void)
{
	static json_t *options;
	gk_preset preset;

	if (!options)
		options = json_pack("{s:s, s:s, s:s}", "grafana_endpoint", "https://g",
			"grafana_user_id", "u", "grafana_api_key", "k");
	if (!options || gk_preset_resolve("grafana", options, variable, &preset, NULL) != GK_OK)
		return false;
	gk_preset_done(&preset);
	json_decref(options);
	options = NULL;
	return true;
}

START_TEST(resolving_survives_a_lack_of_memory)
{
	fault_sweep(resolve_without_memory);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("preset");
	TCase *tc = tcase_create("presets");

	tcase_add_test(tc, each_back_end_knows_its_address_and_its_headers);
	tcase_add_test(tc, options_go_before_the_environment_and_empty_ones_count_as_missing);
	tcase_add_test(tc, what_is_missing_or_malformed_is_named);
	tcase_add_test(tc, pairs_are_read_with_percent_escapes_and_blanks_around_them);
	tcase_add_test(tc, samplers_take_what_they_say);
	tcase_add_test(tc, a_sampler_that_is_none_is_refused);
	tcase_add_test(tc, resolving_survives_a_lack_of_memory);
	suite_add_tcase(s, tc);
	return s;
}

UNIT_MAIN(suite)
