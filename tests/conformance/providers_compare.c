/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "providers.h"

#include "base/str.h"
#include "json/edit.h"

#include <stdio.h>

static char *say(const char *where, const json_t *got, const json_t *wanted)
{
	gk_auto_str char *a = gk_json_write(got, NULL), *b = gk_json_write(wanted, NULL);
	char *text;

	if (asprintf(&text, "%s: got %s, expected %s", where, got ? a : "nothing",
		    wanted ? b : "nothing") < 0)
		abort();
	return text;
}

static char *below(const char *where, const char *key, char *found)
{
	char *text;

	if (!found)
		return NULL;
	if (asprintf(&text, "%s%s%s", key, where, found) < 0)
		abort();
	free(found);
	return text;
}

/* --- content --- */

static bool is_plain(const json_t *part, const char *member)
{
	return json_object_size(part) == 1 && json_is_string(json_object_get(part, member));
}

/* Adjacent parts without anything but text become one, as do those of reasoning. */
static json_t *merged(const json_t *content)
{
	static const char *const members[] = { "text", "reasoning" };
	json_t *out = json_array(), *part;
	size_t i;

	json_array_foreach (content, i, part) {
		json_t *last = json_array_get(out, json_array_size(out) - 1);
		bool joined = false;

		for (size_t m = 0; m < 2 && !joined; m++) {
			if (!is_plain(part, members[m]) || !is_plain(last, members[m]))
				continue;
			json_array_set_new(out, json_array_size(out) - 1,
				json_pack("{s:o}", members[m],
					json_sprintf("%s%s", gk_json_str_peek(last, members[m]),
						gk_json_str_peek(part, members[m]))));
			joined = true;
		}
		if (!joined)
			json_array_append(out, part);
	}
	return out;
}

static bool same_json_text(const json_t *a, const json_t *b)
{
	gk_auto_json json_t *x = NULL, *y = NULL;
	const char *s = gk_json_str_peek(a, "text"), *t = gk_json_str_peek(b, "text");

	return s && t && gk_json_parse(s, strlen(s), 0, &x, NULL) == GK_OK &&
	       gk_json_parse(t, strlen(t), 0, &y, NULL) == GK_OK && gk_json_equal(x, y);
}

char *content_differs(const json_t *got, const json_t *wanted, bool json_text)
{
	gk_auto_json json_t *a = merged(got), *b = merged(wanted);
	json_t *part;
	size_t i;

	if (json_array_size(a) != json_array_size(b))
		return say("content", got, wanted);
	json_array_foreach (b, i, part) {
		const json_t *own = json_array_get(a, i);

		if (!gk_json_equal(own, part) && !(json_text && same_json_text(own, part)))
			return say("content", got, wanted);
	}
	return NULL;
}

/* --- results --- */

static char *array_differs(const json_t *got, const json_t *wanted, bool open, bool json_text)
{
	json_t *one;
	size_t i;

	if (!json_is_array(got) || json_array_size(got) != json_array_size(wanted))
		return say("", got, wanted);
	json_array_foreach (wanted, i, one) {
		char index[32];

		snprintf(index, sizeof(index), "[%zu]", i);
		char *found = result_differs(json_array_get(got, i), one, open, json_text);

		if (found)
			return below("", index, found);
	}
	return NULL;
}

char *result_differs(const json_t *got, const json_t *wanted, bool open, bool json_text)
{
	const char *key;
	json_t *value;

	if (json_is_array(wanted))
		return array_differs(got, wanted, open, json_text);
	if (!json_is_object(wanted) || !open)
		return gk_json_equal(got, wanted) ? NULL : say("", got, wanted);
	if (!json_is_object(got))
		return say("", got, wanted);
	json_object_foreach ((json_t *)(uintptr_t)wanted, key, value) {
		const json_t *own = json_object_get(got, key);
		char *found = strcmp(key, "content") == 0
				      ? content_differs(own, value, json_text)
				      : result_differs(own, value, true, json_text);

		if (found)
			return below(".", key, found);
	}
	return NULL;
}
