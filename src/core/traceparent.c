/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/traceparent.h"

#include "base/str.h"

#include <stdio.h>

#define LEN (GK_TRACEPARENT_SIZE - 1)

static bool is_lower_hex(const char *text, size_t len)
{
	return strspn(text, "0123456789abcdef") >= len;
}

static unsigned hex_digit(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Later versions may have more behind another dash. */
bool gk_trace_link_parse(gk_trace_link *ret, const char *traceparent)
{
	const char *trace = traceparent + 3, *id = traceparent + 36, *flags = traceparent + 53;
	size_t len = strnlen(traceparent, LEN + 1);

	if (len < LEN || gk_str_has_prefix(traceparent, "ff") ||
		(len > LEN && (gk_str_has_prefix(traceparent, "00") || traceparent[LEN] != '-')))
		return false;
	if (!is_lower_hex(traceparent, 2) || trace[-1] != '-' || !is_lower_hex(trace, 32) ||
		id[-1] != '-' || !is_lower_hex(id, 16) || flags[-1] != '-' ||
		!is_lower_hex(flags, 2))
		return false;
	if (strspn(trace, "0") >= 32 || strspn(id, "0") >= 16)
		return false;
	*ret = (gk_trace_link){ .flags = (unsigned char)(hex_digit(flags[0]) << 4 |
							 hex_digit(flags[1])) };
	memcpy(ret->trace_id, trace, 32);
	memcpy(ret->span_id, id, 16);
	return true;
}

void gk_traceparent_write(
	char ret[GK_TRACEPARENT_SIZE], const char *trace_id, const char *span_id, unsigned flags)
{
	snprintf(ret, GK_TRACEPARENT_SIZE, "00-%.32s-%.16s-%02x", trace_id, span_id, flags & 0xff);
}
