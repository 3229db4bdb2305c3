/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/extract.h"

#include "base/limits.h"
#include "json/json5.h"
#include "json/partial.h"

void gk_json_find_on(gk_json_find *find, const char *text, size_t len)
{
	char closer = find->opener == '{' ? '}' : ']';

	while (find->at < len && !find->end) {
		char c = text[find->at++];

		if (find->is_escaped) {
			find->is_escaped = false;
		} else if (c == '\\') {
			find->is_escaped = true;
		} else if (c == '"') {
			find->in_string = !find->in_string;
		} else if (find->in_string) {
			continue;
		} else if (!find->opener && (c == '{' || c == '[')) {
			find->opener = c;
			closer = c == '{' ? '}' : ']';
			find->begin = find->at - 1;
			find->depth = 1;
		} else if (find->opener && c == find->opener) {
			find->depth++;
		} else if (find->opener && c == closer && --find->depth == 0) {
			find->end = find->at;
		}
	}
}

gk_code gk_extract_json(const char *text, size_t len, bool must, json_t **ret, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	json_t *value = NULL;
	gk_code rc = GK_OK;
	gk_json_find it = { 0 };

	if (len > GK_MAX_EXTRACT_TEXT)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"text of %zu bytes exceeds the limit of %u bytes", len,
			GK_MAX_EXTRACT_TEXT);
	gk_json_find_on(&it, text, len);
	if (it.end)
		rc = gk_json5_parse(text + it.begin, it.end - it.begin, &value, &failure);
	else if (it.opener)
		rc = gk_json_parse_partial(text + it.begin, len - it.begin, &value, &failure);
	if (rc != GK_OK && (it.end || rc == GK_RESOURCE_EXHAUSTED))
		return gk_error_move(err, &failure);
	if (!value && must)
		return gk_error_set_plain(
			err, "Invalid JSON extracted from model output: %.*s", (int)len, text);
	*ret = value;
	return GK_OK;
}

/* --- items --- */

/* The text between the braces is an object, or it is skipped. */
static gk_code take_item(
	const char *text, gk_item_scan *scan, size_t end, json_t *items, gk_error *err)
{
	gk_auto_error gk_error failure = { 0 };
	json_t *item = NULL;
	gk_code rc = gk_json5_parse(text + scan->begin, end - scan->begin, &item, &failure);

	if (rc == GK_RESOURCE_EXHAUSTED)
		return gk_error_move(err, &failure);
	if (rc != GK_OK)
		return GK_OK;
	if (json_array_append_new(items, item) < 0)
		return gk_error_no_memory(err);
	scan->cursor = end;
	return GK_OK;
}

static bool open_array(const char *text, size_t len, gk_item_scan *scan)
{
	const char *bracket = memchr(text + scan->at, '[', len - scan->at);

	scan->is_open = bracket;
	scan->at = bracket ? (size_t)(bracket - text) + 1 : len;
	scan->cursor = scan->at;
	return bracket;
}

gk_code gk_extract_items(
	const char *text, size_t len, gk_item_scan *scan, json_t *items, gk_error *err)
{
	gk_code rc = GK_OK;

	if (!scan->is_open && !open_array(text, len, scan))
		return GK_OK;
	while (rc == GK_OK && scan->at < len && !scan->is_over) {
		char c = text[scan->at++];

		if (scan->is_escaped)
			scan->is_escaped = false;
		else if (c == '\\')
			scan->is_escaped = true;
		else if (c == '"')
			scan->in_string = !scan->in_string;
		else if (scan->in_string)
			continue;
		else if (c == '{' && scan->braces++ == 0)
			scan->begin = scan->at - 1;
		else if (c == '}' && --scan->braces == 0)
			rc = take_item(text, scan, scan->at, items, err);
		else if (c == ']' && scan->braces == 0)
			scan->is_over = true;
	}
	return rc;
}
