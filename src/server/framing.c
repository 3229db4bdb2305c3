/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Requests whose end, or whose target, two parsers could see differently are refused: libmicrohttpd lets them through. */
#include "server/http_internal.h"

#include <ctype.h>

typedef struct framing {
	unsigned hosts, lengths, codings;
	bool is_bad;
} framing;

static bool is_clean(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

static bool is_number(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isdigit((unsigned char)text[i]))
			return false;
	return len > 0 && len < 19;
}

static enum MHD_Result look(void *user, enum MHD_ValueKind kind, const char *name, size_t name_len,
	const char *value, size_t value_len)
{
	framing *seen = user;

	(void)kind;
	if (!value)
		value_len = 0;
	if (!name_len || !is_clean(name, name_len) || !is_clean(value, value_len) ||
		strpbrk(name, " \t")) {
		seen->is_bad = true;
		return MHD_NO;
	}
	switch (name_len) {
	case 4:
		seen->hosts += strcasecmp(name, MHD_HTTP_HEADER_HOST) == 0;
		break;
	case 14:
		if (strcasecmp(name, MHD_HTTP_HEADER_CONTENT_LENGTH) == 0) {
			seen->lengths++;
			seen->is_bad |= !is_number(value, value_len);
		}
		break;
	case 17:
		if (strcasecmp(name, MHD_HTTP_HEADER_TRANSFER_ENCODING) == 0) {
			seen->codings++;
			seen->is_bad |= !value || strcasecmp(value, "chunked") != 0;
		}
		break;
	default:
		break;
	}
	return MHD_YES;
}

int gk_framing_check(struct MHD_Connection *mhd, const char *method, const char *version)
{
	framing seen = { 0 };

	for (const char *c = method; *c; c++)
		if (!isupper((unsigned char)*c) && *c != '-')
			return MHD_HTTP_BAD_REQUEST;
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, look, &seen);
	if (seen.is_bad || seen.hosts > 1 || seen.lengths > 1 || seen.codings > 1 ||
		(seen.lengths && seen.codings))
		return MHD_HTTP_BAD_REQUEST;
	if (!seen.hosts && strcmp(version, MHD_HTTP_VERSION_1_1) == 0)
		return MHD_HTTP_BAD_REQUEST;
	return 0;
}
