/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages to bytes and back: protobuf, with the limits that its library has not. */
#include "telemetry/otlp_internal.h"

#include "base/limits.h"
#include "base/parse.h"
#include "json/write.h"

#include <malloc.h>
#include <strings.h>

/* --- what both encodings need --- */

void gk_otlp_json_name(const ProtobufCFieldDescriptor *field, char ret[GK_OTLP_NAME_SIZE])
{
	size_t len = 0;
	bool raises = false;

	for (const char *c = field->name; *c && len < GK_OTLP_NAME_SIZE - 1; c++) {
		if (*c != '_')
			ret[len++] = raises ? (char)(*c - 'a' + 'A') : *c;
		raises = *c == '_';
	}
	ret[len] = '\0';
}

bool gk_otlp_is_id(const ProtobufCFieldDescriptor *field)
{
	size_t len = strlen(field->name);

	return field->type == PROTOBUF_C_TYPE_BYTES && len > 3 &&
	       strcmp(field->name + len - 3, "_id") == 0;
}

size_t gk_otlp_element_size(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
	case PROTOBUF_C_TYPE_STRING:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return 4;
	default:
		return 8;
	}
}

const char *gk_otlp_content_type(gk_otlp_encoding encoding)
{
	return encoding == GK_OTLP_JSON ? "application/json" : "application/x-protobuf";
}

bool gk_otlp_encoding_of(const char *content_type, gk_otlp_encoding *ret)
{
	size_t len = strcspn(content_type, "; \t");

	for (gk_otlp_encoding e = GK_OTLP_PROTOBUF; e <= GK_OTLP_JSON; e++) {
		const char *name = gk_otlp_content_type(e);

		if (len == strlen(name) && strncasecmp(content_type, name, len) == 0) {
			*ret = e;
			return true;
		}
	}
	return false;
}

/* --- memory --- */

static void *take(void *user, size_t size)
{
	gk_otlp_memory *memory = user;
	void *block;

	/* Each block costs something of its own, however small it is. */
	if (size > memory->max || memory->used + size + 16 > memory->max) {
		memory->is_exhausted = true;
		return NULL;
	}
	block = malloc(size ? size : 1);
	if (block)
		memory->used += malloc_usable_size(block) + 16;
	return block;
}

static void give_back(void *user, void *block)
{
	gk_otlp_memory *memory = user;

	if (block)
		memory->used -= malloc_usable_size(block) + 16;
	free(block);
}

void gk_otlp_memory_init(gk_otlp_memory *memory, size_t text_len)
{
	*memory = (gk_otlp_memory){
		.allocator = { .alloc = take, .free = give_back, .allocator_data = memory },
		.max = GK_OTLP_MEMORY_BASE + GK_OTLP_MEMORY_FACTOR * text_len,
	};
}

/* --- protobuf --- */

typedef struct wire {
	const unsigned char *at, *end;
} wire;

static bool read_varint(wire *w, uint64_t *ret)
{
	*ret = 0;
	for (unsigned shift = 0; shift < 64 && w->at < w->end; shift += 7) {
		*ret |= (uint64_t)(*w->at & 0x7f) << shift;
		if (!(*w->at++ & 0x80))
			return true;
	}
	return false;
}

enum {
	VARINT = 0,
	FIXED64 = 1,
	DELIMITED = 2,
	FIXED32 = 5
};

static bool skip(wire *w, size_t len)
{
	if ((size_t)(w->end - w->at) < len)
		return false;
	w->at += len;
	return true;
}

static const ProtobufCMessageDescriptor *message_in(
	const ProtobufCMessageDescriptor *type, uint64_t number)
{
	const ProtobufCFieldDescriptor *field =
		number <= UINT32_MAX
			? protobuf_c_message_descriptor_get_field(type, (unsigned)number)
			: NULL;

	return field && field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
}

/* The library unpacks what is nested as deep as it comes, on the stack: a look before that. */
static gk_code check(const ProtobufCMessageDescriptor *type, wire w, unsigned depth, gk_error *err)
{
	const ProtobufCMessageDescriptor *inner;
	uint64_t tag, len;

	if (depth > GK_MAX_OTLP_DEPTH)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"protobuf: nested more than %d deep", GK_MAX_OTLP_DEPTH);
	while (w.at < w.end) {
		bool ok = read_varint(&w, &tag);

		if (ok && (tag & 7) == VARINT) {
			ok = read_varint(&w, &len);
		} else if (ok && (tag & 7) == FIXED64) {
			ok = skip(&w, 8);
		} else if (ok && (tag & 7) == FIXED32) {
			ok = skip(&w, 4);
		} else if (ok && (tag & 7) == DELIMITED) {
			const unsigned char *from;
			gk_code rc = GK_OK;

			ok = read_varint(&w, &len);
			from = w.at;
			ok = ok && len <= SIZE_MAX && skip(&w, (size_t)len);
			inner = ok ? message_in(type, tag >> 3) : NULL;
			if (inner)
				rc = check(inner, (wire){ from, w.at }, depth + 1, err);
			if (rc != GK_OK)
				return rc;
		} else {
			ok = false;
		}
		if (!ok)
			return gk_error_set(err, GK_INVALID_ARGUMENT, "not protobuf: malformed");
	}
	return GK_OK;
}

static gk_code parse_protobuf(const ProtobufCMessageDescriptor *type, const char *text, size_t len,
	gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err)
{
	const unsigned char *bytes = (const unsigned char *)text;
	ProtobufCMessage *message;
	gk_code rc = check(type, (wire){ bytes, bytes + len }, 0, err);

	if (rc != GK_OK)
		return rc;
	message = protobuf_c_message_unpack(type, &memory->allocator, len, bytes);
	if (!message && memory->is_exhausted)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"protobuf: unfolds to more than %zu bytes", memory->max);
	if (!message)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"not what was expected: %s cannot be unpacked", type->short_name);
	*ret = message;
	return GK_OK;
}

gk_code gk_otlp_parse(const ProtobufCMessageDescriptor *type, gk_otlp_encoding encoding,
	const char *text, size_t len, gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err)
{
	if (encoding == GK_OTLP_JSON)
		return gk_otlp_parse_json(type, text, len, memory, ret, err);
	return parse_protobuf(type, text, len, memory, ret, err);
}

void gk_otlp_append(gk_buf *buf, gk_otlp_encoding encoding, const ProtobufCMessage *message)
{
	size_t len;
	char *place;

	if (encoding == GK_OTLP_JSON) {
		gk_otlp_append_json(buf, message);
		return;
	}
	len = protobuf_c_message_get_packed_size(message);
	place = gk_buf_reserve(buf, len);
	if (place) {
		protobuf_c_message_pack(message, (unsigned char *)place);
		gk_buf_added(buf, len);
	}
}

/* --- answers --- */

static void append_json_answer(
	gk_buf *buf, gk_otlp_signal signal, unsigned rejected, const char *why)
{
	static const char *const names[] = { "rejectedSpans", "rejectedLogRecords",
		"rejectedDataPoints", "rejectedSpans" };

	if (!rejected) {
		gk_buf_puts(buf, "{}");
		return;
	}
	gk_buf_printf(buf, "{\"partialSuccess\":{\"%s\":\"%u\",\"errorMessage\":", names[signal],
		rejected);
	gk_json_append_string(buf, why, strlen(why));
	gk_buf_puts(buf, "}}");
}

void gk_otlp_append_answer(gk_buf *buf, gk_otlp_encoding encoding, gk_otlp_signal signal,
	unsigned rejected, const char *why)
{
	GkOtlp__PartialSuccess partial = GK_OTLP__PARTIAL_SUCCESS__INIT;
	GkOtlp__Response response = GK_OTLP__RESPONSE__INIT;

	if (encoding == GK_OTLP_JSON) {
		append_json_answer(buf, signal, rejected, why);
	} else if (rejected) {
		partial.rejected = rejected;
		partial.error_message = (char *)(uintptr_t)why;
		response.partial_success = &partial;
		gk_otlp_append(buf, encoding, &response.base);
	}
}

static uint64_t read_json_answer(const char *body, size_t len, char **why_ret)
{
	static const char *const names[] = { "rejectedSpans", "rejectedLogRecords",
		"rejectedDataPoints" };
	gk_auto_json json_t *answer = NULL;
	json_t *partial;
	const char *why;

	if (gk_json_parse(body, len, 0, &answer, NULL) != GK_OK)
		return 0;
	partial = json_object_get(answer, "partialSuccess");
	why = gk_json_str_peek(partial, "errorMessage");
	*why_ret = why && *why ? strdup(why) : NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *count = json_object_get(partial, names[i]);
		const char *text = json_string_value(count);
		uint64_t value = 0;

		if (text && gk_parse_u64(text, strlen(text), &value) && value)
			return value;
		if (json_is_integer(count) && json_integer_value(count) > 0)
			return (uint64_t)json_integer_value(count);
	}
	return 0;
}

uint64_t gk_otlp_read_answer(const char *content_type, const char *body, size_t len, char **why_ret)
{
	ProtobufCMessage *message = NULL;
	GkOtlp__PartialSuccess *partial;
	gk_otlp_encoding encoding;
	gk_otlp_memory memory;
	uint64_t rejected = 0;

	*why_ret = NULL;
	if (!len || !content_type || !gk_otlp_encoding_of(content_type, &encoding))
		return 0;
	if (encoding == GK_OTLP_JSON)
		return read_json_answer(body, len, why_ret);
	gk_otlp_memory_init(&memory, len);
	if (gk_otlp_parse(&gk_otlp__response__descriptor, encoding, body, len, &memory, &message,
		    NULL) != GK_OK)
		return 0;
	partial = ((GkOtlp__Response *)message)->partial_success;
	if (partial && partial->rejected > 0)
		rejected = (uint64_t)partial->rejected;
	if (partial && gk_otlp_is_given(partial->error_message) && *partial->error_message)
		*why_ret = strdup(partial->error_message);
	protobuf_c_message_free_unpacked(message, &memory.allocator);
	return rejected;
}
