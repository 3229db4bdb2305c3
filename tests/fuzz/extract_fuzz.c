/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* JSON in what a model wrote. Of any text: items do not depend on the pieces in which it comes, what is found can be written
 * and read again, and a beginning of a text is completed or has nothing in it. */
#include "json/growing.h"
#include "json/json5.h"
#include "json/partial.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(json_t *value)
{
	gk_auto_json json_t *again = NULL;
	gk_auto_str char *text = NULL;
	size_t len;

	text = gk_json_write(value, &len);
	assert(text && gk_json_parse(text, len, SIZE_MAX, &again, NULL) == GK_OK);
}

/* As texts: jansson does not compare names that hold a NUL. */
static bool are_equal(const json_t *a, const json_t *b)
{
	gk_auto_str char *a_text = gk_json_write(a, NULL), *b_text = gk_json_write(b, NULL);

	return strcmp(a_text, b_text) == 0;
}

static void parse(
	gk_code (*fn)(const char *, size_t, json_t **, gk_error *), const char *text, size_t len)
{
	gk_auto_error gk_error err = { 0 };
	json_t *value = NULL;

	if (fn(text, len, &value, &err) == GK_OK) {
		assert(value);
		read_again(value);
	} else {
		assert(!value && err.message);
	}
	json_decref(value);
}

static void extract(const char *text, size_t len)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };

	if (gk_extract_json(text, len, false, &value, &err) == GK_OK && value)
		read_again(value);
}

/* NULL: a failure, which may come at any time. */
static json_t *items_of(const char *text, const size_t *ends, size_t count)
{
	json_t *items = json_array();
	gk_item_scan scan = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (gk_extract_items(text, ends[i], &scan, items, NULL) == GK_OK)
			continue;
		json_decref(items);
		return NULL;
	}
	assert(scan.cursor <= ends[count - 1]);
	return items;
}

/* As it grows by steps, each beginning gives what it gives alone. */
static void grow(const char *text, size_t len, size_t step)
{
	gk_json_growing growing = { 0 };

	for (size_t at = step; at < len + step; at += step) {
		gk_auto_json json_t *got = NULL, *expected = NULL;
		size_t end = at < len ? at : len;
		gk_code rc = gk_extract_json(text, end, false, &expected, NULL);

		assert(gk_json_growing_value(&growing, text, end, &got, NULL) == rc);
		assert(!got == !expected && (!got || are_equal(got, expected)));
	}
	gk_json_growing_done(&growing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = size ? size - 1 : 0, cut = size ? data[0] : 0;
	char *text = malloc(len ? len : 1); /* no byte more: reading beyond the end shows */
	size_t ends[] = { cut < len ? cut : len, len };
	json_t *whole, *pieces;

	if (len)
		memcpy(text, data + 1, len);
	parse(gk_json5_parse, text, len);
	parse(gk_json_parse_partial, text, len);
	extract(text, len);
	extract(text, ends[0]);
	whole = items_of(text, &ends[1], 1);
	pieces = items_of(text, ends, 2);
	assert(!whole == !pieces && (!whole || are_equal(whole, pieces)));
	json_decref(whole);
	json_decref(pieces);
	if (len < 512)
		grow(text, len, cut % 16 + 1);
	free(text);
	return 0;
}
