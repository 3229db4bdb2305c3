/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Requests whose end, or whose target, two parsers could see differently are refused: libmicrohttpd lets them through.
 *
 * What its values do not show (lines that end in a bare LF, folded lines, NUL bytes) shows in where they stand: 0.9.75
 * takes a request apart in its buffer, so that one without such things looks like this, and no other does:
 *
 *	METHOD 0 TARGET 0 VERSION 0 0 NAME 0 blanks VALUE 0 0 ... NAME 0 blanks VALUE 0 0 0 0
 *	|<------------------------------- header size ------------------------------->|
 */
#include "server/http_internal.h"

#include "base/str.h"

#include <ctype.h>

typedef struct framing {
	const char *next; /* where the next line stands; NULL: not known, not looked at */
	unsigned hosts, lengths, codings;
	bool is_bad;
} framing;

bool gk_framing_knows_layout(void)
{
	return strcmp(MHD_get_version(), "0.9.75") == 0;
}

static bool has_blank(const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (name[i] == ' ' || name[i] == '\t')
			return true;
	return false;
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
	if (!value) {
		value = "";
		value_len = 0;
	}
	if (!name_len || !gk_str_is_clean(name, name_len) || !gk_str_is_clean(value, value_len) ||
		has_blank(name, name_len)) {
		seen->is_bad = true;
		return MHD_NO;
	}
	if (seen->next) {
		seen->is_bad |= name != seen->next;
		seen->next = value + value_len + 2;
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
			seen->is_bad |= strcasecmp(value, "chunked") != 0;
		}
		break;
	default:
		break;
	}
	return MHD_YES;
}

static bool is_method(const char *method)
{
	for (const char *c = method; *c; c++)
		if (!isupper((unsigned char)*c) && *c != '-')
			return false;
	return true;
}

static const char *end_of(const char *text)
{
	return text + strlen(text);
}

/* The request line; `next` is then where the first header stands. */
static bool is_plain_line(const gk_request_line *line)
{
	return line->target == end_of(line->method) + 1 &&
	       line->version == line->target + line->target_len + 1;
}

static bool has_size(struct MHD_Connection *mhd, size_t size)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return info && info->header_size == size;
}

int gk_framing_check(struct MHD_Connection *mhd, const gk_request_line *line, bool knows_layout)
{
	framing seen = { .next = knows_layout ? end_of(line->version) + 2 : NULL };

	if (!is_method(line->method) || (knows_layout && !is_plain_line(line)))
		return MHD_HTTP_BAD_REQUEST;
	MHD_get_connection_values_n(mhd, MHD_HEADER_KIND, look, &seen);
	if (seen.is_bad || seen.hosts > 1 || seen.lengths > 1 || seen.codings > 1 ||
		(seen.lengths && seen.codings))
		return MHD_HTTP_BAD_REQUEST;
	/* HTTP/1.0 knows no transfer codings: whoever stands before us may have taken the body's end elsewhere. */
	if (strcmp(line->version, MHD_HTTP_VERSION_1_1) == 0 ? !seen.hosts : seen.codings)
		return MHD_HTTP_BAD_REQUEST;
	if (seen.next && !has_size(mhd, (size_t)(seen.next + 2 - line->method)))
		return MHD_HTTP_BAD_REQUEST;
	return 0;
}
