/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of the protocol share: messages as structs (protobuf-c makes them from otlp.proto), and the two ways to
 * write and read them. */
#ifndef GK_TELEMETRY_OTLP_INTERNAL_H
#define GK_TELEMETRY_OTLP_INTERNAL_H

#include "otlp.pb-c.h"
#include "telemetry/otlp.h"

/* --- writing --- */

/** Appends a message in either encoding. */
void gk_otlp_append(gk_buf *buf, gk_otlp_encoding encoding, const ProtobufCMessage *message);
void gk_otlp_append_json(gk_buf *buf, const ProtobufCMessage *message);

/* --- reading --- */

/* Counts what a message takes in memory, and refuses what is beyond `max`. */
typedef struct gk_otlp_memory {
	ProtobufCAllocator allocator;
	size_t used, max;
	bool is_exhausted;
} gk_otlp_memory;
void gk_otlp_memory_init(gk_otlp_memory *memory, size_t text_len);

/** `*ret` is freed with protobuf_c_message_free_unpacked() and the same memory. */
GK_MUST_USE gk_code gk_otlp_parse(const ProtobufCMessageDescriptor *type, gk_otlp_encoding encoding,
	const char *text, size_t len, gk_otlp_memory *memory, ProtobufCMessage **ret,
	gk_error *err);
GK_MUST_USE gk_code gk_otlp_parse_json(const ProtobufCMessageDescriptor *type, const char *text,
	size_t len, gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err);

/* --- both --- */

/** "start_time_unix_nano" as JSON has it: "startTimeUnixNano". */
#define GK_OTLP_NAME_SIZE 48
void gk_otlp_json_name(const ProtobufCFieldDescriptor *field, char ret[GK_OTLP_NAME_SIZE]);
/** Ids are hexadecimal in JSON, other bytes base64. */
bool gk_otlp_is_id(const ProtobufCFieldDescriptor *field);
/** The place of a field in a message. */
static inline void *gk_otlp_field(const ProtobufCMessage *message, unsigned offset)
{
	return (char *)(uintptr_t)message + offset;
}
/** The field's place in its array, when it is repeated. */
size_t gk_otlp_element_size(const ProtobufCFieldDescriptor *field);

/** True: a text that was there, if only empty; false: it was left out. */
static inline bool gk_otlp_is_given(const char *text)
{
	return text && text != protobuf_c_empty_string;
}

#endif
