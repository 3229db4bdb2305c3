/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Golden traces, recorded exchanges, one payload in both encodings of OTLP, and the presets of back ends. Other files of the folder are for other tests. */
#include "golden.h"
#include "telemetry_api.h"

#include "json/edit.h"
#include "telemetry/otlp.h"
#include "telemetry/preset.h"

#include <stdio.h>

static const char *base_name(const char *file)
{
	const char *slash = strrchr(file, '/');

	return slash ? slash + 1 : file;
}

/* --- otlp-encoding.json --- */

static char *bytes_of(const char *hex, size_t *len_ret)
{
	size_t len = strlen(hex) / 2;
	char *bytes = malloc(len + 1);

	for (size_t i = 0; i < len; i++) {
		unsigned byte = 0;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			break;
		bytes[i] = (char)byte;
	}
	*len_ret = len;
	return bytes;
}

static gk_code read_as(gk_otlp_encoding encoding, gk_otlp_signal signal, const char *body,
	size_t len, gk_otlp_content *ret)
{
	return gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = encoding, .signal = signal,
				    .body = body, .len = len),
		ret, NULL);
}

static void compare_encodings(
	conformance *run, const char *name, gk_otlp_signal signal, const json_t *forms)
{
	gk_auto_str char *text = gk_json_write(json_object_get(forms, "json"), NULL), *bytes = NULL;
	gk_otlp_content json = { 0 }, protobuf = { 0 };
	size_t len;

	bytes = bytes_of(gk_json_str_peek(forms, "protobufHex"), &len);
	if (read_as(GK_OTLP_JSON, signal, text, strlen(text), &json) != GK_OK ||
		read_as(GK_OTLP_PROTOBUF, signal, bytes, len, &protobuf) != GK_OK)
		conformance_fail(run, name, "cannot be read");
	else if (signal == GK_OTLP_LOGS)
		conformance_expect(run, name, protobuf.logs, json.logs);
	else
		conformance_expect(run, name, protobuf.traces, json.traces);
	gk_otlp_content_done(&json);
	gk_otlp_content_done(&protobuf);
}

static void run_encodings(conformance *run, json_t *doc)
{
	static const struct {
		const char *name;
		gk_otlp_signal signal;
	} forms[] = { { "traces", GK_OTLP_TRACES }, { "logs", GK_OTLP_LOGS },
		{ "metrics", GK_OTLP_METRICS } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		compare_encodings(
			run, forms[i].name, forms[i].signal, json_object_get(doc, forms[i].name));
}

/* --- presets.json --- */

static const json_t *variables; /* of the case */

static const char *variable(const char *name)
{
	return json_string_value(json_object_get(variables, name));
}

static void run_preset(conformance *run, json_t *one)
{
	const char *name = gk_json_str_peek(one, "id");
	const char *failure = gk_json_str_peek(one, "expect.error");
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_preset preset;

	variables = json_object_get(one, "env");
	if (gk_preset_resolve(gk_json_str_peek(one, "backend"), json_object_get(one, "options"),
		    variable, &preset, &err) != GK_OK) {
		if (failure && strstr(err.message, failure))
			conformance_pass(run, name);
		else
			conformance_fail(run, name, "%s", err.message);
		return;
	}
	got = json_pack("{s:s, s:O}", "endpoint", preset.endpoint, "headers", preset.headers);
	conformance_expect(run, name, got, json_object_get(one, "expect"));
	gk_preset_done(&preset);
}

static void run_presets(conformance *run, json_t *doc)
{
	json_t *one;
	size_t i;

	json_array_foreach (json_object_get(doc, "cases"), i, one)
		run_preset(run, one);
}

void conformance_telemetry(conformance *run, const char *file, json_t *doc)
{
	const char *name = base_name(file);

	if (strncmp(name, "golden-", 7) == 0)
		golden_run(run, file, doc);
	else if (strcmp(name, "otlp-encoding.json") == 0)
		run_encodings(run, doc);
	else if (strcmp(name, "presets.json") == 0)
		run_presets(run, doc);
	else if (strncmp(name, "api-", 4) == 0)
		telemetry_api_run(run, file, doc);
}
