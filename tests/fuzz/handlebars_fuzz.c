/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Templates over a fixed input; the template is also there as the partial `self`. What comes out is UTF-8, and nothing but
 * the helpers makes messages. */
#include "base/str.h"
#include "dotprompt/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static json_t *input_value(void)
{
	return json_pack("{s:s, s:i, s:n, s:[s,i,{s:s}], s:{s:s, s:{s:i}}, s:s, s:b}", "a",
		"text <<<dotprompt:role:system>>>", "n", 12, "nil", "l", "one", 2, "k", "v", "o",
		"name", "Bob", "deep", "x", 1, "e", "", "t", 1);
}

static void render(gk_template *tmpl, const gk_template_input *input, bool shows_markers)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_str char *text = NULL;
	gk_auto_json json_t *messages = NULL;
	gk_template_place place;
	size_t len;
	gk_code rc = gk_template_render(tmpl, input, &text, &len, &place, &err);

	check((rc == GK_OK) == (text != NULL) && (rc == GK_OK) == (err.message == NULL));
	if (text)
		check(gk_str_valid_utf8(text, len) == len && text[len] == '\0');
	gk_error_clear(&err);
	if (gk_template_messages(tmpl, input, NULL, &messages, &place, &err) != GK_OK)
		return;
	check(json_is_array(messages));
	if (!shows_markers) /* no helper can have been called: at most one message, the user's */
		check(json_array_size(messages) <= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_engine gk_engine *engine = gk_engine_new(NULL);
	gk_auto_json json_t *context = input_value(), *before = input_value();
	gk_auto_template gk_template *tmpl = NULL;
	gk_template_opts opts = { .escapes_html = size & 1, .guesses_helpers = size & 2 };
	gk_template_place place;
	gk_template_input input = { .engine = engine, .context = context };
	const char *text = (const char *)data;
	bool may_mark = memmem(text, size, "role", 4) || memmem(text, size, "history", 7);

	check(gk_engine_set_partial(engine, "self", text, size, &err) == GK_OK);
	if (gk_template_compile(text, size, &opts, &place, &tmpl, &err) != GK_OK) {
		check(err.message && err.message[0]);
		return 0;
	}
	render(tmpl, &input, may_mark);
	check(json_equal(context, before));
	return 0;
}
