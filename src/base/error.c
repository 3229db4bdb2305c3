/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* gk_code and gk_error: see genkit/status.h. */
#include <genkit/status.h>

#include "base/limits.h"

#include <stdarg.h>
#include <stdio.h>

/* Names, and HTTP statuses of reflection section 3. The index is the code. */
static const struct {
	const char *name;
	int http_status;
} codes[] = {
	[GK_OK] = { "OK", 200 },
	[GK_CANCELLED] = { "CANCELLED", 499 },
	[GK_UNKNOWN] = { "UNKNOWN", 500 },
	[GK_INVALID_ARGUMENT] = { "INVALID_ARGUMENT", 400 },
	[GK_DEADLINE_EXCEEDED] = { "DEADLINE_EXCEEDED", 504 },
	[GK_NOT_FOUND] = { "NOT_FOUND", 404 },
	[GK_ALREADY_EXISTS] = { "ALREADY_EXISTS", 409 },
	[GK_PERMISSION_DENIED] = { "PERMISSION_DENIED", 403 },
	[GK_RESOURCE_EXHAUSTED] = { "RESOURCE_EXHAUSTED", 429 },
	[GK_FAILED_PRECONDITION] = { "FAILED_PRECONDITION", 400 },
	[GK_ABORTED] = { "ABORTED", 409 },
	[GK_OUT_OF_RANGE] = { "OUT_OF_RANGE", 400 },
	[GK_UNIMPLEMENTED] = { "UNIMPLEMENTED", 501 },
	[GK_INTERNAL] = { "INTERNAL", 500 },
	[GK_UNAVAILABLE] = { "UNAVAILABLE", 503 },
	[GK_DATA_LOSS] = { "DATA_LOSS", 500 },
	[GK_UNAUTHENTICATED] = { "UNAUTHENTICATED", 401 },
};
#define CODES (sizeof(codes) / sizeof(codes[0]))

const char *gk_code_name(gk_code code)
{
	return (size_t)code < CODES ? codes[code].name : "UNKNOWN";
}

int gk_code_from_name(const char *name)
{
	for (size_t i = 0; name && i < CODES; i++)
		if (strcmp(codes[i].name, name) == 0)
			return (int)i;
	return -1;
}

int gk_code_http_status(gk_code code)
{
	return (size_t)code < CODES ? codes[code].http_status : 500;
}

/* A message longer than the limit is cut, at a character's edge. */
static char *format_message(const char *prefix, const char *format, va_list args)
{
	size_t before = prefix ? strlen(prefix) : 0;
	char *text = NULL, *whole;
	int len = vasprintf(&text, format, args);

	if (len < 0)
		return NULL;
	if ((size_t)len > GK_MAX_ERROR_MESSAGE) {
		len = (int)GK_MAX_ERROR_MESSAGE;
		while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
			len--;
		text[len] = '\0';
	}
	if (!before)
		return text;
	whole = malloc(before + (size_t)len + 1);
	if (whole) {
		memcpy(whole, text, (size_t)len);
		memcpy(whole + len, prefix, before + 1);
	}
	free(text);
	return whole;
}

gk_code gk_error_set(gk_error *err, gk_code code, const char *format, ...)
{
	va_list args;
	char *message;

	if (!err)
		return code;
	va_start(args, format);
	message = format_message(
		NULL, format, args); /* before the clear: an argument may be the old message */
	va_end(args);
	gk_error_clear(err);
	err->code = code;
	err->message = message;
	return code;
}

gk_code gk_error_set_plain(gk_error *err, const char *format, ...)
{
	va_list args;
	char *message;

	if (!err)
		return GK_INTERNAL;
	va_start(args, format);
	message = format_message(NULL, format, args);
	va_end(args);
	gk_error_clear(err);
	err->code = GK_INTERNAL;
	err->is_plain = true;
	err->message = message;
	return GK_INTERNAL;
}

gk_code gk_error_no_memory(gk_error *err)
{
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "out of memory");
}

gk_code gk_error_prefix(gk_error *err, const char *format, ...)
{
	va_list args;
	char *message;

	if (!err)
		return GK_UNKNOWN;
	va_start(args, format);
	message = format_message(err->message ? err->message : "", format, args);
	va_end(args);
	if (message) {
		free(err->message);
		err->message = message;
	}
	return err->code;
}

gk_code gk_error_details_take(gk_error *err, json_t *details_take)
{
	if (!err) {
		json_decref(details_take);
		return GK_UNKNOWN;
	}
	json_decref(err->details);
	err->details = details_take;
	return err->code;
}

gk_code gk_error_move(gk_error *to, gk_error *from)
{
	gk_code code = from->code;

	if (to == from)
		return code;
	if (to) {
		gk_error_clear(to);
		*to = *from;
		*from = (gk_error){ 0 };
	} else {
		gk_error_clear(from);
	}
	return code;
}

gk_code gk_error_copy(gk_error *to, const gk_error *from)
{
	gk_error copy = *from;

	if (!to || to == from)
		return from->code;
	copy.message = from->message ? strdup(from->message) : NULL;
	copy.source = from->source ? strdup(from->source) : NULL;
	copy.details = json_deep_copy(from->details);
	gk_error_clear(to);
	*to = copy;
	return copy.code;
}

void gk_error_clear(gk_error *err)
{
	if (!err)
		return;
	free(err->message);
	free(err->source);
	json_decref(err->details);
	*err = (gk_error){ 0 };
}

char *gk_error_text(const gk_error *err)
{
	const char *message = err->message ? err->message : "out of memory";
	char *text = NULL;
	int len;

	if (err->is_plain)
		return strdup(err->message ? err->message : "");
	len = asprintf(&text, "%s%s%s: %s", err->source ? err->source : "", err->source ? ": " : "",
		gk_code_name(err->code), message);
	return len < 0 ? NULL : text;
}
