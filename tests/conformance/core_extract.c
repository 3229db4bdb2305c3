/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of JSON in what a model wrote. */
#include "core.h"

#include "base/buf.h"
#include "base/str.h"
#include "json/extract.h"
#include "json/partial.h"

static void extract_json(conformance *run, const char *name, json_t *one)
{
	const char *text = gk_json_str_peek(one, "input.text");
	bool must = gk_json_bool_at(one, "input.throwOnBadJson", false);
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_code rc = gk_extract_json(text, strlen(text), must, &got, &err);

	if (rc == GK_OK && !got)
		got = json_null(); /* what JavaScript gives for nothing */
	core_expect(run, name, rc, got, &err, one);
}

static void parse_partial_json(conformance *run, const char *name, json_t *one)
{
	const char *text = gk_json_str_peek(one, "input.text");
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_code rc = gk_json_parse_partial(text, strlen(text), &got, &err);

	core_expect(run, name, rc, got, &err, one);
}

/* Cursors of the vectors count UTF-16 units. */
static size_t units_before(const char *text, size_t bytes)
{
	size_t units = 0;

	for (size_t i = 0; i < bytes; i++)
		units += ((unsigned char)text[i] & 0xc0) != 0x80
				 ? 1 + ((unsigned char)text[i] >= 0xf0)
				 : 0;
	return units;
}

static size_t bytes_of(const char *text, size_t units)
{
	size_t bytes = 0, len = strlen(text);

	while (bytes < len && units_before(text, bytes) < units)
		bytes++;
	return bytes;
}

static json_t *scan_on(
	const char *text, gk_item_scan *scan, const char *chunk, gk_code *rc, gk_error *err)
{
	gk_auto_json json_t *items = json_array();

	*rc = gk_extract_items(text, strlen(text), scan, items, err);
	return json_pack("{s:s*, s:O, s:I}", "chunk", chunk, "items", items, "cursor",
		(json_int_t)units_before(text, scan->cursor));
}

static void extract_items(conformance *run, const char *name, json_t *one)
{
	const char *text = gk_json_str_peek(one, "input.text");
	int64_t cursor = gk_json_int_at(one, "input.cursor", 0);
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *got = NULL;
	gk_item_scan scan = { 0 };
	gk_code rc;

	if (cursor) {
		scan.is_open = true;
		scan.at = scan.cursor = bytes_of(text, (size_t)cursor);
	}
	got = scan_on(text, &scan, NULL, &rc, &err);
	core_expect(run, name, rc, got, &err, one);
}

static void extract_items_stream(conformance *run, const char *name, json_t *one)
{
	gk_auto_json json_t *got = json_pack("{s:[]}", "steps");
	gk_auto_error gk_error err = { 0 };
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_item_scan scan = { 0 };
	gk_code rc = GK_OK;
	json_t *chunk;
	size_t i;

	json_array_foreach (gk_json_at_peek(one, "input.chunks"), i, chunk) {
		gk_buf_puts(&text, json_string_value(chunk));
		json_array_append_new(json_object_get(got, "steps"),
			scan_on(text.data, &scan, json_string_value(chunk), &rc, &err));
		if (rc != GK_OK)
			break;
	}
	core_expect(run, name, rc, got, &err, one);
}

const core_op core_extract_ops[] = {
	{ .op = "extractItems", .run = extract_items },
	{ .op = "extractItemsStream", .run = extract_items_stream },
	{ .op = "extractJson", .run = extract_json },
	{ .op = "parsePartialJson", .run = parse_partial_json },
	{ 0 },
};
