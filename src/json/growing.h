/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON in a text that grows: for every beginning of it what gk_extract_json() gives, without reading all of it again. What is
 * complete is read once and shared by the values that are given, which are therefore not to be changed.
 */
#ifndef GK_JSON_GROWING_H
#define GK_JSON_GROWING_H

#include "json/extract.h"
#include "json/partial_reader.h"

/* Zero: nothing has been seen. */
typedef struct gk_json_growing {
	gk_json_find find;
	gk_partial_reader reader; /* what has been read for good; the open containers in it grow */
	json_t *keys[GK_JSON_MAX_DEPTH]; /* the names under which they hang; NULL: in an array */
	size_t read, len;                /* so far for good; when it was asked last */
	bool is_begun, is_behind_value;  /* a comma may come */
	bool is_odd;   /* malformed somewhere: read from the beginning each time */
	json_t *whole; /* the closed one */
} gk_json_growing;

/** As gk_extract_json() without `must`. `text` begins with what it was before. */
GK_MUST_USE gk_code gk_json_growing_value(
	gk_json_growing *it, const char *text, size_t len, json_t **ret, gk_error *err);
void gk_json_growing_done(gk_json_growing *it);

#endif
