/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Golden traces, and one payload in both encodings of OTLP. Other files of the folder are for other tests. */
#include "golden.h"

#include "json/edit.h"
#include "telemetry/otlp.h"

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

void conformance_telemetry(conformance *run, const char *file, json_t *doc)
{
	const char *name = base_name(file);

	if (strncmp(name, "golden-", 7) == 0)
		golden_run(run, file, doc);
	else if (strcmp(name, "otlp-encoding.json") == 0)
		run_encodings(run, doc);
}
