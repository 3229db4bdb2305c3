/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The JSON reader and writer: what was read is written and read again as the same, and jansson's own reader agrees
 * wherever it should. */
#include <genkit/json.h>

#include "json/edit.h"
#include "json/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void write_and_read_again(const json_t *value)
{
	gk_auto_str char *again_text = NULL;
	gk_auto_json json_t *again = NULL, *from_pretty = NULL;
	size_t len, pretty_len;
	gk_auto_str char *text = gk_json_write(value, &len);
	gk_auto_str char *pretty = gk_json_write_pretty(value, &pretty_len);

	check(text && pretty);
	for (size_t i = 0; i < len; i++)
		check(text[i] >= 0x20);
	check(gk_json_parse(text, len, 0, &again, NULL) == GK_OK);
	check(gk_json_equal(value, again));
	again_text = gk_json_write(again, NULL);
	check(strcmp(text, again_text) == 0);
	check(gk_json_parse(pretty, pretty_len, 0, &from_pretty, NULL) == GK_OK);
	check(gk_json_equal(value, from_pretty));
}

/* In a string: at once, and from memory, it is what it is in two steps. */
static void write_nested(const json_t *value)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0), two_steps = GK_BUF_INIT(0),
			   at_once = GK_BUF_INIT(0);
	gk_json_memo memo = { 0 };

	gk_json_append_pretty(&text, value, 0);
	gk_json_append_string(&two_steps, text.data, text.len);
	for (int i = 0; i < 2; i++) {
		gk_buf_clear(&at_once);
		gk_json_append_nested(&at_once, value, &memo, i == 1);
		check(at_once.len == two_steps.len &&
			memcmp(at_once.data, two_steps.data, at_once.len) == 0);
	}
	gk_json_memo_done(&memo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *ours = NULL, *theirs = NULL;
	json_error_t error;
	gk_code rc = gk_json_parse(text, size, 0, &ours, &err);

	check((rc == GK_OK) == (ours != NULL) && (rc == GK_OK) == (err.message == NULL));
	if (ours) {
		write_and_read_again(ours);
		write_nested(ours);
	}
	if (memchr(text, '\0', size))
		return 0; /* jansson takes it for the end */
	theirs = json_loadb(text, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	if (theirs)
		check(rc == GK_RESOURCE_EXHAUSTED || (rc == GK_OK && json_equal(ours, theirs)));
	else /* it refuses integers beyond 64 bits, lone surrogates, NUL in names */
		check(rc != GK_OK || json_error_code(&error) == json_error_numeric_overflow ||
			memmem(text, size, "\\u", 2));
	return 0;
}
