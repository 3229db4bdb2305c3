/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What `format` means in a schema: the checks that ajv-formats makes in its full mode.
 *
 *	format = gk_format_find("date");
 *	if (format->text && !format->text(text, len))
 */
#ifndef GK_JSON_FORMAT_H
#define GK_JSON_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

typedef bool gk_format_text_fn(const char *text, size_t len);

typedef struct gk_format {
	const char *name;
	gk_format_text_fn *text; /* NULL: texts are not its business */
	bool (*number)(double value);
	/* For formatMinimum and its family: negative, 0 or positive in `*ret`; false when they cannot be compared. NULL: it
	 * has no order. */
	bool (*compare)(const char *a, const char *b, double *ret);
} gk_format;

/** NULL for a name that is not known. */
const gk_format *gk_format_find(const char *name);

/* format_net.c */
gk_format_text_fn gk_format_email, gk_format_hostname, gk_format_ipv4, gk_format_ipv6,
	gk_format_uri, gk_format_uri_reference, gk_format_uri_template, gk_format_url;

#endif
