/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What a span shows of a value: no key of a provider, and of what was said in earlier turns of a long conversation its
 * beginning and its end. Each turn has a trace of its own, and would record all that was said before it once more, in every
 * span; a thousand turns would be a million messages. What is said in the turn itself is shown whole.
 */
#include "core/internal.h"

#include "base/str.h"
#include "json/edit.h"

#define FEW      8 /* members: more are not looked through for names */
#define FIRST_OF 5 /* of so many messages that are shown one is from the beginning */

typedef const char *place[4]; /* names of members, from outside in; ends with NULL */

/* A copy with another value at `at`, which is there; NULL when memory ran out. */
static json_t *with(const json_t *value, const char *const *at, json_t *now_take)
{
	gk_auto_json json_t *now = now_take, *copy = NULL;

	if (!*at || !now)
		return gk_steal(now);
	copy = gk_json_merge(value, NULL);
	if (!gk_json_set_take(copy, *at, with(gk_json_peek(value, *at), at + 1, gk_steal(now))))
		return NULL;
	return gk_steal(copy);
}

static json_t *value_at(const json_t *value, const char *const *at)
{
	json_t *found = NULL;

	for (; *at; at++) {
		if (json_object_size(value) == 0)
			return NULL;
		value = found = gk_json_peek(value, *at);
	}
	return found;
}

/* Puts what `with()` gave in the place of what is shown so far. */
static bool become(json_t **shown, json_t *next_take)
{
	if (!next_take)
		return false;
	json_decref(*shown);
	*shown = next_take;
	return true;
}

/* --- secrets --- */

/* Where the key of a model's provider stands that is given for one call: in a request's configuration, in an embedder's
 * options, and in the request that a response repeats. */
static const place secrets[] = { { "config", "apiKey" }, { "options", "apiKey" },
	{ "request", "config", "apiKey" } };

/* Most values have none of these members, and to look at the few that one has is less work than to look those up. */
static bool may_have_secrets(const json_t *value)
{
	json_t *object = (json_t *)(uintptr_t)value;

	if (json_object_size(value) > FEW)
		return true;
	for (void *m = json_object_iter(object); m; m = json_object_iter_next(object, m)) {
		const char *name = json_object_iter_key(m);

		for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
			if (name[0] == secrets[i][0][0] && strcmp(name, secrets[i][0]) == 0)
				return true;
	}
	return false;
}

static bool hide_secrets(json_t **shown)
{
	if (!may_have_secrets(*shown))
		return true;
	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (json_is_string(value_at(*shown, secrets[i])) &&
			!become(shown, with(*shown, secrets[i], json_string("<redacted>"))))
			return false;
	return true;
}

/* --- messages --- */

/* In a request or a rendered prompt, in the request that a response repeats, and in an agent's state. */
static const place lists[] = { { "messages" }, { "request", "messages" }, { "state", "messages" } };

/* Flows and tools show what they are given, whatever it is called. */
bool gk_span_has_messages(const gk_span *span)
{
	static const char *const kinds[] = { "model", "background-model", "agent", "util", "prompt",
		"executable-prompt" };

	if (span->has_messages)
		return true;
	for (size_t i = 0; span->subtype && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(span->subtype, kinds[i]) == 0)
			return true;
	return false;
}

bool gk_messages_are_cut(size_t count, size_t told, size_t most, size_t *head_ret, size_t *tail_ret)
{
	size_t earlier = told < count ? told : count;

	if (!most || earlier <= most)
		return false;
	*head_ret = most / FIRST_OF;
	*tail_ret = earlier - (most - *head_ret);
	return true;
}

json_t *gk_messages_omitted(size_t count)
{
	char text[64];

	snprintf(text, sizeof(text), "\xe2\x80\xa6 %zu messages are not shown \xe2\x80\xa6", count);
	return json_pack("{s:s, s:[{s:s}], s:{s:I}}", "role", "system", "content", "text", text,
		"metadata", "omitted", (json_int_t)count);
}

static bool push(json_t *list, json_t *from, size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		if (!gk_json_push_take(list, json_incref(json_array_get(from, i))))
			return false;
	return true;
}

static json_t *cut(json_t *messages, size_t head, size_t tail, size_t end)
{
	gk_auto_json json_t *list = json_array();

	if (!push(list, messages, 0, head) ||
		(tail > head && !gk_json_push_take(list, gk_messages_omitted(tail - head))) ||
		!push(list, messages, tail, end))
		return NULL;
	return gk_steal(list);
}

/* How many messages of a list are its own: to that of a request later turns may have added theirs. */
static size_t own_messages(const gk_span *span, const json_t *value, const json_t *messages)
{
	size_t count = json_array_size(messages), own = span->input_messages;

	return own && own < count && value == span->input &&
			       messages == gk_json_peek(value, "messages")
		       ? own
		       : count;
}

static bool cut_messages(const gk_span *span, const json_t *value, json_t **shown)
{
	/* without earlier turns only the first list may be another than it was */
	for (size_t i = 0; i < (span->told ? sizeof(lists) / sizeof(lists[0]) : 1); i++) {
		json_t *messages = value_at(*shown, lists[i]);
		size_t count = own_messages(span, value, messages), head = count, tail = count;
		bool is_cut = gk_messages_are_cut(
			count, span->told, span->limits->messages, &head, &tail);

		if ((is_cut || count < json_array_size(messages)) &&
			!become(shown, with(*shown, lists[i], cut(messages, head, tail, count))))
			return false;
	}
	return true;
}

json_t *gk_span_shown(const gk_span *span, const json_t *value)
{
	gk_auto_json json_t *shown = json_incref((json_t *)(uintptr_t)value);

	bool may_grow = span->input_messages && value == span->input;

	if ((span->told || may_grow) && value != span->own_output && gk_span_has_messages(span) &&
		!cut_messages(span, value, &shown))
		return NULL;
	return hide_secrets(&shown) ? gk_steal(shown) : NULL;
}
