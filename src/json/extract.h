/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * JSON in what a model wrote: between prose, in code fences, not always quite JSON (JSON5 is read), and not always all
 * there yet (formats sections 6 to 8).
 */
#ifndef GK_JSON_EXTRACT_H
#define GK_JSON_EXTRACT_H

#include <genkit/json.h>

/**
 * The first object or array in `text`; one that the text ends in is completed (gk_json_parse_partial()). `*ret` is NULL
 * when there is none, or it cannot be completed: with `must` that is a plain error. One that is closed and no JSON5 is a
 * plain error always. GK_RESOURCE_EXHAUSTED for size (GK_MAX_EXTRACT_TEXT), depth and memory.
 */
GK_MUST_USE gk_code gk_extract_json(
	const char *text, size_t len, bool must, json_t **ret, gk_error *err);

/* How far a text has been looked through for an object or an array. Zero: not at all. Only brackets of the first one's kind count; a
 * backslash takes the next character with it even outside of strings. */
typedef struct gk_json_find {
	size_t at;         /* next byte */
	size_t begin, end; /* of what was found; end 0: it does not close */
	size_t depth;
	char opener; /* '{' or '['; 0: none has been found */
	bool in_string, is_escaped;
} gk_json_find;
/** Goes on up to `len`, or to where it closes. */
void gk_json_find_on(gk_json_find *find, const char *text, size_t len);

/* How far the objects of an array have been looked for, in a text that grows. Zero: nothing has been read. */
typedef struct gk_item_scan {
	size_t at;     /* next byte */
	size_t cursor; /* behind the last item, or behind the bracket that opens the array */
	size_t begin;  /* of the object that is open */
	long braces;
	bool is_open; /* the array has begun */
	bool is_over;
	bool in_string, is_escaped;
} gk_item_scan;

/**
 * Appends the objects to `items` that are complete in `text`, of which `scan` has seen the beginning. Only objects are
 * items; one that is no JSON5 is skipped. Whatever the pieces in which a text grows, the items are the same.
 * Only GK_RESOURCE_EXHAUSTED: an item's depth, its size, memory.
 */
GK_MUST_USE gk_code gk_extract_items(
	const char *text, size_t len, gk_item_scan *scan, json_t *items, gk_error *err);

#endif
