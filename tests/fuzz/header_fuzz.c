/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Values of headers, the first byte of which says of which: trace context, times, how long to wait, addresses. */
#include "base/clock.h"
#include "core/traceparent.h"
#include "loop/url.h"
#include "telemetry/sender.h"

#include <genkit/json.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void read_trace_context(const char *text)
{
	char again[GK_TRACEPARENT_SIZE];
	gk_trace_link link, same;

	if (!gk_trace_link_parse(&link, text))
		return;
	gk_traceparent_write(again, link.trace_id, link.span_id, link.flags);
	if (!gk_trace_link_parse(&same, again) || strcmp(same.trace_id, link.trace_id) != 0)
		__builtin_trap();
}

static void read_location(const char *text)
{
	static const char *const schemes[2] = { "http", "https" };
	gk_auto_url gk_url base = { 0 }, next = { 0 };

	if (gk_url_parse(text, schemes, &base, NULL) == GK_OK) {
		const char *host = strstr(base.shown, "://") + 3;

		if (memchr(host, '@', strcspn(host, "/")))
			__builtin_trap(); /* a password would be shown */
	}
	gk_url_done(&base);
	base = (gk_url){ 0 };
	if (gk_url_parse("http://user:pass@127.0.0.1:1/a/b?c", schemes, &base, NULL) == GK_OK)
		(void)!gk_url_resolve(&base, text, &next, NULL);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	gk_auto_str char *text = size ? strndup((const char *)data + 1, size - 1) : NULL;
	uint64_t ms;

	if (!text)
		return 0;
	switch (data[0] % 4) {
	case 0:
		read_trace_context(text);
		break;
	case 1:
		if (gk_clock_read_iso(text) < -1)
			__builtin_trap();
		break;
	case 2:
		gk_retry_after_ms(text, 1, &ms);
		break;
	default:
		read_location(text);
	}
	return 0;
}
