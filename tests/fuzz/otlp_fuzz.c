/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* OpenTelemetry's messages, the first byte of which says how they come: protobuf traces, logs or metrics, or JSON. */
#include "telemetry/otlp.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const struct {
		gk_otlp_encoding encoding;
		gk_otlp_signal signal;
	} forms[] = {
		{ GK_OTLP_PROTOBUF, GK_OTLP_TRACES },
		{ GK_OTLP_PROTOBUF, GK_OTLP_LOGS },
		{ GK_OTLP_PROTOBUF, GK_OTLP_METRICS },
		{ GK_OTLP_JSON, GK_OTLP_ANY },
	};
	gk_otlp_content content;
	size_t form;

	if (!size)
		return 0;
	form = data[0] % (sizeof(forms) / sizeof(forms[0]));
	if (gk_otlp_read(GK_OPTS(gk_otlp_source, .encoding = forms[form].encoding,
				 .signal = forms[form].signal, .body = (const char *)data + 1,
				 .len = size - 1),
		    &content, NULL) == GK_OK)
		gk_otlp_content_done(&content);
	return 0;
}
