/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What others send becomes TraceData and LogRecords (telemetry sections 2.7 and 3.1). */
#include "telemetry/otlp_internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/span.h"
#include "json/edit.h"

#include <ctype.h>
#include <openssl/evp.h>

#define NS_PER_MS    1000000u
#define EXACT_DOUBLE (1ll << 53) /* beyond, a reader in JavaScript would round */

typedef struct reading {
	const gk_otlp_source *source;
	json_t *traces, *by_id; /* the same TraceData, by trace id */
	json_t *logs;
	size_t items;
	unsigned rejected;
} reading;

/* --- values --- */

static bool is_hex(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return len > 0;
}

/* An id as text; from JSON it may be any. NULL: none. */
static json_t *id_of(const reading *r, const ProtobufCBinaryData *bytes)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (!bytes->data)
		return NULL;
	if (r->source->encoding == GK_OTLP_JSON) {
		gk_buf_put(&text, bytes->data, bytes->len);
		if (text.data && is_hex(text.data, text.len))
			for (size_t i = 0; i < text.len; i++)
				text.data[i] = (char)tolower((unsigned char)text.data[i]);
	} else {
		for (size_t i = 0; i < bytes->len; i++)
			gk_buf_printf(&text, "%02x", bytes->data[i]);
	}
	return gk_buf_failed(&text) ? NULL : json_stringn(text.data ? text.data : "", text.len);
}

static json_t *base64(const reading *r, const ProtobufCBinaryData *bytes)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	char *place;

	if (r->source->encoding == GK_OTLP_JSON)
		return json_stringn((const char *)bytes->data, bytes->len);
	place = bytes->len < INT32_MAX ? gk_buf_reserve(&text, (bytes->len + 2) / 3 * 4 + 1) : NULL;
	return place ? json_stringn_nocheck(place, (size_t)EVP_EncodeBlock((unsigned char *)place,
							   bytes->data, (int)bytes->len))
		     : NULL;
}

/* What is not UTF-8 ends where it stops being so; protobuf does not check. */
static json_t *text_of(const char *text)
{
	return json_stringn_nocheck(text, gk_str_valid_utf8(text, strlen(text)));
}

static json_t *integer_of(int64_t value)
{
	if (value > EXACT_DOUBLE || value < -EXACT_DOUBLE)
		return json_sprintf("%lld", (long long)value);
	return json_integer(value);
}

static json_t *object_of(const reading *r, GkOtlp__KeyValue *const *pairs, size_t count);

/* NULL: it has no value, or memory ran out. */
static json_t *value_of(const reading *r, const GkOtlp__AnyValue *value)
{
	json_t *array;

	switch (value ? value->value_case : GK_OTLP__ANY_VALUE__VALUE__NOT_SET) {
	case GK_OTLP__ANY_VALUE__VALUE_STRING_VALUE:
		return text_of(value->string_value);
	case GK_OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
		return json_boolean(value->bool_value);
	case GK_OTLP__ANY_VALUE__VALUE_INT_VALUE:
		return integer_of(value->int_value);
	case GK_OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
		return json_real(value->double_value);
	case GK_OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
		return base64(r, &value->bytes_value);
	case GK_OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
		return object_of(r, value->kvlist_value->values, value->kvlist_value->n_values);
	case GK_OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
		array = json_array();
		for (size_t i = 0; i < value->array_value->n_values; i++) {
			json_t *item = value_of(r, value->array_value->values[i]);

			if (!gk_json_push_take(array, item ? item : json_null()))
				break;
		}
		return array;
	default:
		return NULL;
	}
}

/* Pairs without a value are left out, as the reference leaves them. */
static json_t *object_of(const reading *r, GkOtlp__KeyValue *const *pairs, size_t count)
{
	json_t *object = json_object();

	for (size_t i = 0; i < count; i++) {
		json_t *value = value_of(r, pairs[i]->value);
		size_t len = gk_str_valid_utf8(pairs[i]->key, strlen(pairs[i]->key));

		if (value)
			json_object_setn_new_nocheck(object, pairs[i]->key, len, value);
	}
	return object;
}

static json_t *ms_of(uint64_t ns)
{
	uint64_t ms = ns / NS_PER_MS + (ns % NS_PER_MS >= NS_PER_MS / 2);

	return json_integer((json_int_t)ms);
}

static json_t *library_of(const GkOtlp__InstrumentationScope *scope)
{
	gk_auto_json json_t *library = json_object();

	if (!gk_json_set_take(library, "name", text_of(scope ? scope->name : "")) ||
		(scope && gk_otlp_is_given(scope->version) &&
			!gk_json_set_take(library, "version", text_of(scope->version))))
		return NULL;
	return gk_steal(library);
}

/* --- spans --- */

static json_t *events_of(const reading *r, const GkOtlp__Span *span)
{
	gk_auto_json json_t *events = json_array();

	for (size_t i = 0; i < span->n_events; i++) {
		const GkOtlp__Event *event = span->events[i];

		if (!gk_json_push_take(events,
			    json_pack("{s:o, s:{s:o, s:o}}", "time", ms_of(event->time_unix_nano),
				    "annotation", "attributes",
				    object_of(r, event->attributes, event->n_attributes),
				    "description", text_of(event->name))))
			return NULL;
	}
	return json_pack("{s:O}", "timeEvent", events);
}

static json_t *links_of(const reading *r, const GkOtlp__Span *span)
{
	gk_auto_json json_t *links = json_array();

	for (size_t i = 0; i < span->n_links; i++) {
		const GkOtlp__Link *link = span->links[i];
		json_t *trace_id = id_of(r, &link->trace_id), *span_id = id_of(r, &link->span_id);

		if (!gk_json_push_take(
			    links, json_pack("{s:{s:o, s:o, s:i}, s:o}", "context", "traceId",
					   trace_id ? trace_id : json_string(""), "spanId",
					   span_id ? span_id : json_string(""), "traceFlags",
					   (int)(link->flags & 0xff), "attributes",
					   object_of(r, link->attributes, link->n_attributes))))
			return NULL;
	}
	return gk_steal(links);
}

static json_t *status_of(const GkOtlp__Status *status)
{
	gk_auto_json json_t *value = json_pack("{s:i}", "code", (int)status->code);

	if (*status->message && !gk_json_set_take(value, "message", text_of(status->message)))
		return NULL;
	return gk_steal(value);
}

/* Its parent: given, none, or where all are to hang. */
static bool set_parent(const reading *r, json_t *data, const GkOtlp__Span *span)
{
	const char *above = r->source->parent_span_id;
	gk_auto_json json_t *parent = id_of(r, &span->parent_span_id);

	if (r->source->parent_trace_id && above && json_string_length(parent) == 0)
		return gk_json_set_str(data, "parentSpanId", above);
	return !parent || gk_json_set(data, "parentSpanId", parent);
}

static bool set_attributes(const reading *r, json_t *data, const GkOtlp__Span *span,
	json_t *trace_id, json_t *resource)
{
	json_t *attributes = object_of(r, span->attributes, span->n_attributes);

	if (!gk_json_set_take(data, "attributes", attributes))
		return false;
	if (r->source->parent_trace_id && !gk_json_set(attributes, "genkit:otlp-traceId", trace_id))
		return false;
	return json_object_size(resource) == 0 ||
	       gk_json_set(attributes, "genkitd:resource", resource);
}

static json_t *data_of(const reading *r, const GkOtlp__Span *span, json_t *trace_id,
	json_t *span_id, json_t *resource, json_t *library)
{
	gk_auto_json json_t *data = json_object();
	const char *own = r->source->parent_trace_id;

	if (!gk_json_set(data, "spanId", span_id) ||
		!gk_json_set_take(
			data, "traceId", own ? json_string(own) : json_incref(trace_id)) ||
		!set_parent(r, data, span) ||
		!gk_json_set_take(data, "startTime", ms_of(span->start_time_unix_nano)) ||
		!gk_json_set_take(data, "endTime", ms_of(span->end_time_unix_nano)) ||
		!set_attributes(r, data, span, trace_id, resource) ||
		!gk_json_set_take(data, "displayName", text_of(span->name)) ||
		!gk_json_set(data, "instrumentationLibrary", library) ||
		!gk_json_set_str(data, "spanKind", gk_span_kind_name(span->kind)) ||
		(span->n_links && !gk_json_set_take(data, "links", links_of(r, span))) ||
		(span->n_events && !gk_json_set_take(data, "timeEvents", events_of(r, span))) ||
		(span->status && span->status->code &&
			!gk_json_set_take(data, "status", status_of(span->status))))
		return NULL;
	return gk_steal(data);
}

/* {span id: SpanData} of a trace; borrowed. */
static json_t *spans_of(reading *r, const char *trace_id)
{
	json_t *trace = json_object_get(r->by_id, trace_id);

	if (!trace) {
		trace = json_pack("{s:s, s:{}}", "traceId", trace_id, "spans");
		if (!gk_json_push_take(r->traces, trace) || !gk_json_set(r->by_id, trace_id, trace))
			return NULL;
	}
	return json_object_get(trace, "spans");
}

static gk_code count_item(reading *r, gk_error *err)
{
	if (++r->items <= GK_MAX_OTLP_ITEMS)
		return GK_OK;
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
		"OTLP: more than %d spans and records at once", GK_MAX_OTLP_ITEMS);
}

static gk_code take_span(
	reading *r, const GkOtlp__Span *span, json_t *resource, json_t *library, gk_error *err)
{
	gk_auto_json json_t *trace_id = id_of(r, &span->trace_id);
	gk_auto_json json_t *span_id = id_of(r, &span->span_id);
	const char *where = r->source->parent_trace_id;
	json_t *spans, *data;
	gk_code rc = count_item(r, err);

	if (rc != GK_OK)
		return rc;
	if (json_string_length(trace_id) == 0 || json_string_length(span_id) == 0) {
		r->rejected++;
		return GK_OK;
	}
	spans = spans_of(r, where ? where : json_string_value(trace_id));
	data = data_of(r, span, trace_id, span_id, resource, library);
	if (!spans || !data) {
		json_decref(data);
		return gk_error_no_memory(err);
	}
	return gk_json_set_take(spans, json_string_value(span_id), data) ? GK_OK
									 : gk_error_no_memory(err);
}

static gk_code take_traces(
	reading *r, GkOtlp__ResourceSpans *const *all, size_t count, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < count; i++) {
		const GkOtlp__Resource *from = all[i]->resource;
		gk_auto_json json_t *resource =
			from ? object_of(r, from->attributes, from->n_attributes) : NULL;

		for (size_t j = 0; rc == GK_OK && j < all[i]->n_scope_spans; j++) {
			const GkOtlp__ScopeSpans *scope = all[i]->scope_spans[j];
			gk_auto_json json_t *library = library_of(scope->scope);

			if (!library)
				return gk_error_no_memory(err);
			for (size_t k = 0; rc == GK_OK && k < scope->n_spans; k++)
				rc = take_span(r, scope->spans[k], resource, library, err);
		}
	}
	return rc;
}

/* --- log records --- */

static bool set_id(const reading *r, json_t *record, const char *key, const ProtobufCBinaryData *id)
{
	json_t *text = id_of(r, id);

	if (json_string_length(text))
		return gk_json_set_take(record, key, text);
	json_decref(text);
	return true;
}

static uint64_t time_of(const GkOtlp__LogRecord *from)
{
	if (from->time_unix_nano)
		return from->time_unix_nano;
	return from->observed_time_unix_nano ? from->observed_time_unix_nano : gk_clock_wall_ns();
}

static gk_code take_record(
	reading *r, const GkOtlp__LogRecord *from, json_t *library, gk_error *err)
{
	gk_auto_json json_t *record = json_object();
	json_t *body = value_of(r, from->body);
	gk_code rc = count_item(r, err);

	if ((body && !gk_json_set_take(record, "body", body)) ||
		!set_id(r, record, "traceId", &from->trace_id) ||
		!set_id(r, record, "spanId", &from->span_id) ||
		!gk_json_set_take(record, "timestamp", ms_of(time_of(from))) ||
		(from->severity_number &&
			!gk_json_set_int(record, "severityNumber", from->severity_number)) ||
		(*from->severity_text &&
			!gk_json_set_take(record, "severityText", text_of(from->severity_text))) ||
		!gk_json_set_take(
			record, "attributes", object_of(r, from->attributes, from->n_attributes)) ||
		!gk_json_set(record, "instrumentationLibrary", library) ||
		json_array_append(r->logs, record) < 0)
		return gk_error_no_memory(err);
	return rc;
}

static gk_code take_logs(reading *r, GkOtlp__ResourceLogs *const *all, size_t count, gk_error *err)
{
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < count; i++)
		for (size_t j = 0; rc == GK_OK && j < all[i]->n_scope_logs; j++) {
			const GkOtlp__ScopeLogs *scope = all[i]->scope_logs[j];
			gk_auto_json json_t *library = library_of(scope->scope);

			if (!library)
				return gk_error_no_memory(err);
			for (size_t k = 0; rc == GK_OK && k < scope->n_log_records; k++)
				rc = take_record(r, scope->log_records[k], library, err);
		}
	return rc;
}

/* --- requests --- */

static const ProtobufCMessageDescriptor *request_type(const gk_otlp_source *source)
{
	if (source->encoding == GK_OTLP_JSON)
		return &gk_otlp__any_request__descriptor;
	switch (source->signal) {
	case GK_OTLP_LOGS:
		return &gk_otlp__logs_request__descriptor;
	case GK_OTLP_METRICS:
		return &gk_otlp__metrics_request__descriptor;
	default:
		return &gk_otlp__trace_request__descriptor;
	}
}

static gk_code take_request(reading *r, const ProtobufCMessage *message, gk_error *err)
{
	gk_code rc = GK_OK;

	if (message->descriptor == &gk_otlp__any_request__descriptor) {
		const GkOtlp__AnyRequest *any = (const GkOtlp__AnyRequest *)message;

		rc = take_traces(r, any->resource_spans, any->n_resource_spans, err);
		if (rc == GK_OK)
			rc = take_logs(r, any->resource_logs, any->n_resource_logs, err);
	} else if (message->descriptor == &gk_otlp__trace_request__descriptor) {
		const GkOtlp__TraceRequest *traces = (const GkOtlp__TraceRequest *)message;

		rc = take_traces(r, traces->resource_spans, traces->n_resource_spans, err);
	} else if (message->descriptor == &gk_otlp__logs_request__descriptor) {
		const GkOtlp__LogsRequest *logs = (const GkOtlp__LogsRequest *)message;

		rc = take_logs(r, logs->resource_logs, logs->n_resource_logs, err);
	}
	return rc;
}

gk_code gk_otlp_read(const gk_otlp_source *source, gk_otlp_content *ret, gk_error *err)
{
	reading r = { .source = source };
	ProtobufCMessage *message = NULL;
	gk_otlp_memory memory;
	gk_code rc;

	gk_otlp_memory_init(&memory, source->len);
	rc = gk_otlp_parse(request_type(source), source->encoding, source->body, source->len,
		&memory, &message, err);
	if (rc != GK_OK)
		return rc;
	r.traces = json_array();
	r.by_id = json_object();
	r.logs = json_array();
	rc = r.traces && r.by_id && r.logs ? take_request(&r, message, err)
					   : gk_error_no_memory(err);
	protobuf_c_message_free_unpacked(message, &memory.allocator);
	json_decref(r.by_id);
	if (rc != GK_OK) {
		json_decref(r.traces);
		json_decref(r.logs);
		return rc;
	}
	*ret = (gk_otlp_content){ r.traces, r.logs, r.rejected };
	return GK_OK;
}

void gk_otlp_content_done(gk_otlp_content *content)
{
	json_decref(content->traces);
	json_decref(content->logs);
	*content = (gk_otlp_content){ 0 };
}
