/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Two values and a patch, with NUL between them. The difference of the two leads from one to the other by either rules; the
 * patch, whatever it is, leaves its document as it was and what it makes can be written. */
#include "json/edit.h"
#include "json/patch.h"

#include <assert.h>

#define MAX_TEXT (64u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next value, up to a NUL. NULL: it is none. */
static json_t *next_value(const char **at, const char *end)
{
	const char *text = *at, *stop = text < end ? memchr(text, 0, (size_t)(end - text)) : NULL;
	size_t len = (size_t)((stop ? stop : end) - text);
	json_t *value = NULL;

	*at = stop ? stop + 1 : end;
	return gk_json_parse(text, len, MAX_TEXT, &value, NULL) == GK_OK ? value : NULL;
}

static void go_from_to(json_t *from, json_t *to)
{
	gk_auto_json json_t *patch = NULL, *strict = NULL, *lenient = NULL;
	gk_auto_error gk_error err = { 0 };

	assert(gk_json_diff(from, to, &patch, NULL) == GK_OK);
	assert((json_array_size(patch) == 0) == gk_json_equal(from, to));
	assert(gk_json_patch_apply(from, patch, GK_PATCH_STRICT, &strict, NULL) == GK_OK);
	assert(gk_json_equal(strict, to));
	if (gk_json_patch_apply(from, patch, GK_PATCH_LENIENT, &lenient, &err) == GK_OK)
		assert(gk_json_equal(lenient, to));
	else
		assert(strstr(err.message, "forbidden token"));
}

static void apply(json_t *doc, const json_t *patch, gk_patch_rules rules)
{
	gk_auto_str char *before = gk_json_write(doc, NULL), *after = NULL, *text = NULL;
	gk_auto_str char *patch_before = gk_json_write(patch, NULL), *patch_after = NULL;
	gk_auto_error gk_error err = { 0 };
	json_t *made = NULL;

	if (gk_json_patch_apply(doc, patch, rules, &made, &err) == GK_OK)
		text = gk_json_write(made, NULL);
	else
		assert(!made && err.message);
	assert(!made || text);
	json_decref(made);
	after = gk_json_write(doc, NULL);
	patch_after = gk_json_write(patch, NULL);
	assert(strcmp(before, after) == 0 && strcmp(patch_before, patch_after) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	gk_auto_json json_t *a = next_value(&at, end), *b = next_value(&at, end);
	gk_auto_json json_t *patch = next_value(&at, end);

	if (a && b) {
		go_from_to(a, b);
		go_from_to(b, a);
	}
	if (a && patch) {
		apply(a, patch, GK_PATCH_STRICT);
		apply(a, patch, GK_PATCH_LENIENT);
	}
	return 0;
}
