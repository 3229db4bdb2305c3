/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/otlp_request.h"

/* Traces, logs and metrics are built alike: a request of resources, of scopes, of items. Only the types differ. */
static const struct {
	const ProtobufCMessageDescriptor *request, *resource, *scope;
} shapes[GK_OTLP_SIGNALS] = {
	[GK_OTLP_TRACES] = { &gk_otlp__trace_request__descriptor,
		&gk_otlp__resource_spans__descriptor, &gk_otlp__scope_spans__descriptor },
	[GK_OTLP_LOGS] = { &gk_otlp__logs_request__descriptor, &gk_otlp__resource_logs__descriptor,
		&gk_otlp__scope_logs__descriptor },
	[GK_OTLP_METRICS] = { &gk_otlp__metrics_request__descriptor,
		&gk_otlp__resource_metrics__descriptor, &gk_otlp__scope_metrics__descriptor },
};

/* Numbers of fields, the same in all of them. */
enum {
	ABOUT = 1,
	PARTS = 2,
	RESOURCES = 1
};

static ProtobufCMessage *new_message(gk_arena *arena, const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message = gk_arena_alloc(arena, type->sizeof_message);

	if (message)
		protobuf_c_message_init(type, message);
	return message;
}

static void set_message(ProtobufCMessage *message, unsigned number, const void *content)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(message->descriptor, number);

	*(const void **)gk_otlp_field(message, field->offset) = content;
}

/* Adds to a list that has room. */
static void add_message(ProtobufCMessage *message, unsigned number, void *one)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field(message->descriptor, number);
	void **list = *(void ***)gk_otlp_field(message, field->offset);
	size_t *count = gk_otlp_field(message, field->quantifier_offset);

	list[(*count)++] = one;
}

static bool make_list(gk_arena *arena, ProtobufCMessage *message, unsigned number, size_t room)
{
	void **list = gk_arena_alloc(arena, room * sizeof(*list));

	set_message(message, number, list);
	return list;
}

static bool is_same_scope(const gk_otlp_item *a, const gk_otlp_item *b)
{
	return strcmp(a->scope->name, b->scope->name) == 0 &&
	       strcmp(a->scope->version, b->scope->version) == 0;
}

/* The parts of the scope that `items[first]` is the first of. */
static ProtobufCMessage *gather(gk_arena *arena, const ProtobufCMessageDescriptor *type,
	gk_sender_item **items, size_t first, size_t count)
{
	const gk_otlp_item *leader = (const gk_otlp_item *)items[first];
	ProtobufCMessage *scope = new_message(arena, type);
	size_t room = 0;

	for (size_t i = first; i < count; i++)
		room += ((const gk_otlp_item *)items[i])->count;
	if (!scope || !make_list(arena, scope, PARTS, room))
		return NULL;
	set_message(scope, ABOUT, leader->scope);
	for (size_t i = first; i < count; i++) {
		const gk_otlp_item *item = (const gk_otlp_item *)items[i];

		if (is_same_scope(item, leader))
			for (size_t j = 0; j < item->count; j++)
				add_message(scope, PARTS, item->messages[j]);
	}
	return scope;
}

static bool is_first_of_scope(gk_sender_item **items, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (is_same_scope((const gk_otlp_item *)items[i], (const gk_otlp_item *)items[at]))
			return false;
	return true;
}

bool gk_otlp_pack(gk_buf *body, gk_otlp_encoding encoding, gk_otlp_signal signal,
	const GkOtlp__Resource *resource, gk_sender_item **items, size_t count)
{
	gk_arena arena = { 0 };
	ProtobufCMessage *request = new_message(&arena, shapes[signal].request);
	ProtobufCMessage *all = new_message(&arena, shapes[signal].resource);
	bool done = request && all && make_list(&arena, request, RESOURCES, 1) &&
		    make_list(&arena, all, PARTS, count);

	for (size_t i = 0; done && i < count; i++) {
		ProtobufCMessage *scope;

		if (!is_first_of_scope(items, i))
			continue;
		scope = gather(&arena, shapes[signal].scope, items, i, count);
		done = scope != NULL;
		if (done)
			add_message(all, PARTS, scope);
	}
	if (done) {
		set_message(all, ABOUT, resource);
		add_message(request, RESOURCES, all);
		gk_otlp_append(body, encoding, request);
	}
	gk_arena_done(&arena);
	return done && !gk_buf_failed(body);
}

/* --- items --- */

gk_otlp_item *gk_otlp_item_new(const char *scope, const char *version)
{
	gk_otlp_item *item = calloc(1, sizeof(*item));

	if (!item)
		return NULL;
	item->scope = gk_otlp_scope(&item->arena, scope, version);
	if (item->scope)
		return item;
	gk_otlp_item_free(&item->item);
	return NULL;
}

bool gk_otlp_item_set(gk_otlp_item *item, ProtobufCMessage *message)
{
	if (!message)
		return false;
	item->messages = gk_arena_alloc(&item->arena, sizeof(*item->messages));
	if (!item->messages)
		return false;
	item->messages[0] = message;
	item->count = 1;
	item->item.size = sizeof(*item) + item->arena.size;
	return true;
}

void gk_otlp_item_free(gk_sender_item *base)
{
	gk_otlp_item *item = (gk_otlp_item *)base;

	gk_arena_done(&item->arena);
	free(item);
}
