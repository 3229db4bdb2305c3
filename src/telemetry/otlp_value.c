/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Values and attributes as OpenTelemetry has them. */
#include "telemetry/otlp_write.h"

#define FIRST_ROOM 16

static GkOtlp__AnyValue *new_value(gk_arena *arena, GkOtlp__AnyValue__ValueCase which)
{
	GkOtlp__AnyValue *value = GK_ARENA_NEW(arena, GkOtlp__AnyValue);

	if (value) {
		gk_otlp__any_value__init(value);
		value->value_case = which;
	}
	return value;
}

GkOtlp__AnyValue *gk_otlp_text(gk_arena *arena, const char *text, size_t len)
{
	GkOtlp__AnyValue *value = new_value(arena, GK_OTLP__ANY_VALUE__VALUE_STRING_VALUE);

	if (!value)
		return NULL;
	value->string_value = gk_arena_text(arena, text, len);
	return value->string_value ? value : NULL;
}

static GkOtlp__AnyValue *array_value(gk_arena *arena, const json_t *array)
{
	GkOtlp__AnyValue *value = new_value(arena, GK_OTLP__ANY_VALUE__VALUE_ARRAY_VALUE);
	GkOtlp__ArrayValue *list = GK_ARENA_NEW(arena, GkOtlp__ArrayValue);
	size_t count = json_array_size(array);

	if (!value || !list)
		return NULL;
	gk_otlp__array_value__init(list);
	list->values = gk_arena_alloc(arena, (count + 1) * sizeof(*list->values));
	if (!list->values)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		list->values[i] = gk_otlp_value(arena, json_array_get(array, i));
		if (!list->values[i])
			return NULL;
	}
	list->n_values = count;
	value->array_value = list;
	return value;
}

static GkOtlp__AnyValue *object_value(gk_arena *arena, const json_t *object)
{
	GkOtlp__AnyValue *value = new_value(arena, GK_OTLP__ANY_VALUE__VALUE_KVLIST_VALUE);
	GkOtlp__KeyValueList *list = GK_ARENA_NEW(arena, GkOtlp__KeyValueList);
	gk_otlp_pairs pairs = { 0 };

	if (!value || !list)
		return NULL;
	gk_otlp__key_value_list__init(list);
	gk_otlp_add_members(arena, &pairs, object);
	list->values = pairs.items;
	list->n_values = pairs.count;
	value->kvlist_value = list;
	return value;
}

GkOtlp__AnyValue *gk_otlp_value(gk_arena *arena, const json_t *json)
{
	GkOtlp__AnyValue *value;

	if (json_is_string(json))
		return gk_otlp_text(arena, json_string_value(json), json_string_length(json));
	if (json_is_array(json))
		return array_value(arena, json);
	if (json_is_object(json))
		return object_value(arena, json);
	value = new_value(arena, GK_OTLP__ANY_VALUE__VALUE__NOT_SET);
	if (!value)
		return NULL;
	if (json_is_boolean(json)) {
		value->value_case = GK_OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
		value->bool_value = json_is_true(json);
	} else if (json_is_integer(json)) {
		value->value_case = GK_OTLP__ANY_VALUE__VALUE_INT_VALUE;
		value->int_value = json_integer_value(json);
	} else if (json_is_real(json)) {
		value->value_case = GK_OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
		value->double_value = json_real_value(json);
	}
	return value;
}

static bool make_room(gk_arena *arena, gk_otlp_pairs *pairs)
{
	size_t room = pairs->room ? 2 * pairs->room : FIRST_ROOM;
	GkOtlp__KeyValue **items;

	if (pairs->count < pairs->room)
		return true;
	items = gk_arena_alloc(arena, room * sizeof(*items));
	if (!items)
		return false;
	if (pairs->count)
		memcpy(items, pairs->items, pairs->count * sizeof(*items));
	pairs->items = items;
	pairs->room = room;
	return true;
}

void gk_otlp_add(gk_arena *arena, gk_otlp_pairs *pairs, const char *key, GkOtlp__AnyValue *value)
{
	GkOtlp__KeyValue *pair = value ? GK_ARENA_NEW(arena, GkOtlp__KeyValue) : NULL;

	if (!pair || !make_room(arena, pairs))
		return;
	gk_otlp__key_value__init(pair);
	pair->key = gk_arena_text(arena, key, strlen(key));
	pair->value = value;
	if (pair->key)
		pairs->items[pairs->count++] = pair;
}

void gk_otlp_add_text(gk_arena *arena, gk_otlp_pairs *pairs, const char *key, const char *text)
{
	gk_otlp_add(arena, pairs, key, gk_otlp_text(arena, text, strlen(text)));
}

void gk_otlp_add_members(gk_arena *arena, gk_otlp_pairs *pairs, const json_t *object)
{
	const char *key;
	json_t *member;

	json_object_foreach ((json_t *)(uintptr_t)object, key, member)
		gk_otlp_add(arena, pairs, key, gk_otlp_value(arena, member));
}
