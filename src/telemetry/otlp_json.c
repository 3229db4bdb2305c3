/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages as OTLP's JSON: names in camelCase, ids in hexadecimal, 64-bit integers as strings (telemetry section 7.1). */
#include "telemetry/otlp_internal.h"

#include "base/limits.h"
#include "base/number.h"
#include "base/parse.h"
#include "json/write.h"

#include <math.h>
#include <openssl/evp.h>

/* --- writing --- */

static void put_hex(gk_buf *buf, const ProtobufCBinaryData *bytes)
{
	gk_buf_putc(buf, '"');
	for (size_t i = 0; i < bytes->len; i++)
		gk_buf_printf(buf, "%02x", bytes->data[i]);
	gk_buf_putc(buf, '"');
}

static void put_base64(gk_buf *buf, const ProtobufCBinaryData *bytes)
{
	size_t room = (bytes->len + 2) / 3 * 4 + 1;
	char *place;

	gk_buf_putc(buf, '"');
	place = bytes->len < INT32_MAX ? gk_buf_reserve(buf, room) : NULL;
	if (place) {
		EVP_EncodeBlock((unsigned char *)place, bytes->data, (int)bytes->len);
		gk_buf_added(buf, room - 1);
	}
	gk_buf_putc(buf, '"');
}

static void put_real(gk_buf *buf, double value)
{
	char text[GK_NUMBER_SIZE];

	if (isfinite(value))
		gk_buf_put(buf, text, gk_format_real(value, text));
	else
		gk_buf_puts(buf, isnan(value) ? "\"NaN\""
				 : value > 0  ? "\"Infinity\""
					      : "\"-Infinity\"");
}

static void put_value(gk_buf *buf, const ProtobufCFieldDescriptor *field, const void *place)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		gk_otlp_append_json(buf, *(const ProtobufCMessage *const *)place);
		break;
	case PROTOBUF_C_TYPE_STRING:
		gk_json_append_string(
			buf, *(const char *const *)place, strlen(*(const char *const *)place));
		break;
	case PROTOBUF_C_TYPE_BYTES:
		if (gk_otlp_is_id(field))
			put_hex(buf, place);
		else
			put_base64(buf, place);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		gk_buf_puts(buf, *(const protobuf_c_boolean *)place ? "true" : "false");
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_real(buf, *(const double *)place);
		break;
	case PROTOBUF_C_TYPE_FIXED64:
		gk_buf_printf(buf, "\"%llu\"", (unsigned long long)*(const uint64_t *)place);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		gk_buf_printf(buf, "\"%lld\"", (long long)*(const int64_t *)place);
		break;
	case PROTOBUF_C_TYPE_INT32:
		gk_buf_printf(buf, "%d", *(const int32_t *)place);
		break;
	default: /* uint32, fixed32: no other type is in otlp.proto */
		gk_buf_printf(buf, "%u", *(const uint32_t *)place);
	}
}

/* What is left out: the same as in protobuf. */
static bool is_absent(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *place = gk_otlp_field(message, field->offset);

	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return *(size_t *)gk_otlp_field(message, field->quantifier_offset) == 0;
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(uint32_t *)gk_otlp_field(message, field->quantifier_offset) != field->id;
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return !*(const ProtobufCMessage *const *)place;
	case PROTOBUF_C_TYPE_STRING:
		return !*(const char *const *)place || !**(const char *const *)place;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)place)->len == 0;
	case PROTOBUF_C_TYPE_BOOL:
		return !*(const protobuf_c_boolean *)place;
	default:
		return gk_otlp_element_size(field) == 4 ? *(const uint32_t *)place == 0
							: *(const uint64_t *)place == 0;
	}
}

static void put_array(
	gk_buf *buf, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	size_t count = *(size_t *)gk_otlp_field(message, field->quantifier_offset);
	const char *items = *(char **)gk_otlp_field(message, field->offset);

	gk_buf_putc(buf, '[');
	for (size_t i = 0; i < count; i++) {
		if (i)
			gk_buf_putc(buf, ',');
		put_value(buf, field, items + i * gk_otlp_element_size(field));
	}
	gk_buf_putc(buf, ']');
}

void gk_otlp_append_json(gk_buf *buf, const ProtobufCMessage *message)
{
	char name[GK_OTLP_NAME_SIZE], separator = '{';

	for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];

		if (is_absent(message, field))
			continue;
		gk_otlp_json_name(field, name);
		gk_buf_printf(buf, "%c\"%s\":", separator, name);
		separator = ',';
		if (field->label == PROTOBUF_C_LABEL_REPEATED)
			put_array(buf, message, field);
		else
			put_value(buf, field, gk_otlp_field(message, field->offset));
	}
	gk_buf_puts(buf, separator == '{' ? "{}" : "}");
}

/* --- reading --- */

static gk_code wrong(const ProtobufCFieldDescriptor *field, const char *expected, gk_error *err)
{
	char name[GK_OTLP_NAME_SIZE];

	gk_otlp_json_name(field, name);
	return gk_error_set(err, GK_INVALID_ARGUMENT, "OTLP: '%s' must be %s", name, expected);
}

static gk_code no_room(const gk_otlp_memory *memory, gk_error *err)
{
	if (!memory->is_exhausted)
		return gk_error_no_memory(err);
	return gk_error_set(
		err, GK_RESOURCE_EXHAUSTED, "OTLP: unfolds to more than %zu bytes", memory->max);
}

static gk_code read_message(const ProtobufCMessageDescriptor *type, const json_t *value,
	gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err);

static gk_code read_text(const ProtobufCFieldDescriptor *field, const json_t *value,
	gk_otlp_memory *memory, char **ret, gk_error *err)
{
	size_t len = json_string_length(value);
	char *copy;

	if (!json_is_string(value))
		return wrong(field, "a string", err);
	copy = memory->allocator.alloc(memory, len + 1);
	if (!copy)
		return no_room(memory, err);
	memcpy(copy, json_string_value(value), len + 1);
	*ret = copy;
	return GK_OK;
}

/* Bytes stay the text they are: ids need not be hexadecimal here, and what is base64 is shown as such. */
static gk_code read_bytes(const ProtobufCFieldDescriptor *field, const json_t *value,
	gk_otlp_memory *memory, ProtobufCBinaryData *ret, gk_error *err)
{
	char *text = NULL;
	gk_code rc = read_text(field, value, memory, &text, err);

	if (rc != GK_OK)
		return rc;
	ret->data = (unsigned char *)text;
	ret->len = json_string_length(value);
	return GK_OK;
}

/* Numbers, or strings of digits. */
static bool read_i64(const json_t *value, int64_t *ret)
{
	uint64_t unsigned_value;
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		*ret = json_integer_value(value);
		return true;
	}
	if (json_is_real(value) && fabs(json_real_value(value)) < 9.2e18) {
		*ret = (int64_t)json_real_value(value);
		return true;
	}
	if (!text)
		return false;
	if (gk_parse_i64(text, strlen(text), ret))
		return true;
	if (!gk_parse_u64(text, strlen(text), &unsigned_value))
		return false;
	*ret = (int64_t)unsigned_value;
	return true;
}

static bool read_real(const json_t *value, double *ret)
{
	const char *text = json_string_value(value);

	if (json_is_number(value)) {
		*ret = json_number_value(value);
		return true;
	}
	if (!text)
		return false;
	if (strcmp(text, "NaN") == 0)
		*ret = (double)NAN;
	else if (strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0)
		*ret = *text == '-' ? -(double)INFINITY : (double)INFINITY;
	else
		return gk_parse_real(text, strlen(text), ret);
	return true;
}

static gk_code read_scalar(
	const ProtobufCFieldDescriptor *field, const json_t *value, void *place, gk_error *err)
{
	int64_t number;

	if (field->type == PROTOBUF_C_TYPE_BOOL) {
		if (!json_is_boolean(value))
			return wrong(field, "true or false", err);
		*(protobuf_c_boolean *)place = json_is_true(value);
	} else if (field->type == PROTOBUF_C_TYPE_DOUBLE) {
		if (!read_real(value, place))
			return wrong(field, "a number", err);
	} else if (!read_i64(value, &number)) {
		return wrong(field, "an integer", err);
	} else if (gk_otlp_element_size(field) == 4) {
		*(uint32_t *)place =
			number < INT32_MIN || number > UINT32_MAX ? 0 : (uint32_t)number;
	} else {
		*(int64_t *)place = number;
	}
	return GK_OK;
}

static gk_code read_value(const ProtobufCFieldDescriptor *field, const json_t *value,
	gk_otlp_memory *memory, void *place, gk_error *err)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(field->descriptor, value, memory, place, err);
	case PROTOBUF_C_TYPE_STRING:
		return read_text(field, value, memory, place, err);
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(field, value, memory, place, err);
	default:
		return read_scalar(field, value, place, err);
	}
}

static gk_code read_array(const ProtobufCFieldDescriptor *field, const json_t *value,
	gk_otlp_memory *memory, ProtobufCMessage *message, gk_error *err)
{
	size_t *count = gk_otlp_field(message, field->quantifier_offset);
	size_t size = gk_otlp_element_size(field), i;
	json_t *item;
	char *items;

	if (!json_is_array(value))
		return wrong(field, "an array", err);
	if (json_array_size(value) == 0)
		return GK_OK;
	items = memory->allocator.alloc(memory, json_array_size(value) * size);
	if (!items)
		return no_room(memory, err);
	*(char **)gk_otlp_field(message, field->offset) = items;
	json_array_foreach (value, i, item) {
		gk_code rc = read_value(field, item, memory, items + *count * size, err);

		if (rc != GK_OK)
			return rc;
		(*count)++;
	}
	return GK_OK;
}

/* JavaScript's logger sends every number as an integer, 1.5 too. */
static const ProtobufCFieldDescriptor *field_for(const ProtobufCMessageDescriptor *type,
	const ProtobufCFieldDescriptor *field, const json_t *value)
{
	if (type == &gk_otlp__any_value__descriptor && field->type == PROTOBUF_C_TYPE_INT64 &&
		json_is_real(value))
		return protobuf_c_message_descriptor_get_field_by_name(type, "double_value");
	return field;
}

static gk_code read_fields(
	ProtobufCMessage *message, const json_t *value, gk_otlp_memory *memory, gk_error *err)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	char name[GK_OTLP_NAME_SIZE];
	gk_code rc = GK_OK;

	for (unsigned i = 0; rc == GK_OK && i < type->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &type->fields[i];
		const json_t *member;
		uint32_t *chosen = NULL;

		gk_otlp_json_name(field, name);
		member = json_object_get(value, name);
		if (!member || json_is_null(member))
			continue;
		field = field_for(type, field, member);
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			rc = read_array(field, member, memory, message, err);
			continue;
		}
		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
			chosen = gk_otlp_field(message, field->quantifier_offset);
			if (*chosen)
				continue; /* the first one holds */
		}
		rc = read_value(field, member, memory, gk_otlp_field(message, field->offset), err);
		if (rc == GK_OK && chosen)
			*chosen = field->id;
	}
	return rc;
}

static gk_code read_message(const ProtobufCMessageDescriptor *type, const json_t *value,
	gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err)
{
	ProtobufCMessage *message;
	gk_code rc;

	if (!json_is_object(value))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "OTLP: a %s must be an object", type->short_name);
	message = memory->allocator.alloc(memory, type->sizeof_message);
	if (!message)
		return no_room(memory, err);
	protobuf_c_message_init(type, message);
	rc = read_fields(message, value, memory, err);
	if (rc == GK_OK)
		*ret = message;
	else
		protobuf_c_message_free_unpacked(message, &memory->allocator);
	return rc;
}

gk_code gk_otlp_parse_json(const ProtobufCMessageDescriptor *type, const char *text, size_t len,
	gk_otlp_memory *memory, ProtobufCMessage **ret, gk_error *err)
{
	gk_auto_json json_t *value = NULL;
	gk_code rc = gk_json_parse(text, len, SIZE_MAX, &value, err);

	return rc == GK_OK ? read_message(type, value, memory, ret, err) : rc;
}
