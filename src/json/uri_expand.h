/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * URI templates (RFC 6570, all four levels): from a template and values to a URI.
 *
 *	gk_uri_expand("/menu{/day}{?kind*}", variables, &uri, err);	{"day": "mo", "kind": ["a", "b"]}
 *	"/menu/mo?kind=a&kind=b"
 */
#ifndef GK_JSON_URI_EXPAND_H
#define GK_JSON_URI_EXPAND_H

#include <genkit/status.h>

/**
 * `variables` is an object; what it has not, null, and lists and objects with nothing in them are left out. Numbers and
 * booleans count as their text. `*ret` is for free(). Errors: INVALID_ARGUMENT for a template that is malformed, or asks
 * for the beginning of a list or object, with the place; RESOURCE_EXHAUSTED for a URI of more than GK_MAX_URL bytes.
 */
GK_MUST_USE gk_code gk_uri_expand(
	const char *uri_template, const json_t *variables, char **ret, gk_error *err);

#endif
