/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Log records as rows (telemetry section 3.1). */
#include "store/trace_backend.h"

#include "base/clock.h"
#include "base/number.h"
#include "base/str.h"
#include "json/write.h"

#include <genkit/json.h>

#define OWN_SCOPE "genkitd"

/* Makes the row of a document and what it is looked for by. */
static gk_log_row *make(const gk_log_row *from, const char *doc, size_t len)
{
	const char *texts[] = { from->trace_id, from->span_id, from->severity_text };
	const char **places[3];
	size_t size = sizeof(*from) + len + 1;
	gk_log_row *row;
	char *at;

	for (size_t i = 0; i < 3; i++)
		size += texts[i] ? strlen(texts[i]) + 1 : 0;
	row = malloc(size);
	if (!row)
		return NULL;
	*row = *from;
	places[0] = &row->trace_id;
	places[1] = &row->span_id;
	places[2] = &row->severity_text;
	at = row->text;
	for (size_t i = 0; i < 3; i++) {
		*places[i] = texts[i] ? at : NULL;
		if (texts[i])
			at = stpcpy(at, texts[i]) + 1;
	}
	memcpy(at, doc, len);
	at[len] = '\0';
	row->doc = at;
	row->doc_len = len;
	row->bytes = size;
	return row;
}

static void put_text(gk_buf *buf, const char *name, const char *text)
{
	if (!text)
		return;
	gk_buf_puts(buf, name);
	gk_json_append_string(buf, text, strlen(text));
}

/* Up to the severity: what both kinds of records have. */
static void put_head(gk_buf *buf, const gk_log_row *row)
{
	char number[GK_NUMBER_SIZE];

	gk_buf_printf(buf, "{\"logId\":\"%s\"", row->log_id);
	put_text(buf, ",\"traceId\":", row->trace_id);
	put_text(buf, ",\"spanId\":", row->span_id);
	gk_buf_puts(buf, ",\"timestamp\":");
	gk_buf_put(buf, number, gk_format_i64(row->time_ms, number));
	if (row->severity != INT64_MIN) {
		gk_buf_puts(buf, ",\"severityNumber\":");
		gk_buf_put(buf, number, gk_format_i64(row->severity, number));
	}
	put_text(buf, ",\"severityText\":", row->severity_text);
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && *text ? text : NULL;
}

static void put_value(gk_buf *buf, const char *name, const json_t *value)
{
	if (!value)
		return;
	gk_buf_printf(buf, ",\"%s\":", name);
	gk_json_append(buf, value);
}

gk_log_row *gk_log_row_read(const json_t *record, bool *is_lost)
{
	json_t *time = json_object_get(record, "timestamp");
	json_t *severity = json_object_get(record, "severityNumber");
	json_t *attributes = json_object_get(record, "attributes");
	json_t *library = json_object_get(record, "instrumentationLibrary");
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);
	gk_log_row row = { .trace_id = text_of(record, "traceId"),
		.span_id = text_of(record, "spanId"),
		.severity_text = text_of(record, "severityText"),
		.severity = json_is_number(severity) ? (int64_t)json_number_value(severity)
						     : INT64_MIN },
		   *made;

	*is_lost = false;
	if (!json_is_object(record))
		return NULL;
	row.time_ms = json_is_number(time) ? (int64_t)json_number_value(time)
					   : (int64_t)(gk_clock_wall_ns() / 1000000);
	gk_id_uuid(row.log_id);
	put_head(&doc, &row);
	put_value(&doc, "body", json_object_get(record, "body"));
	put_value(&doc, "attributes", json_is_object(attributes) ? attributes : NULL);
	put_value(&doc, "instrumentationLibrary", json_is_object(library) ? library : NULL);
	gk_buf_putc(&doc, '}');
	made = gk_buf_failed(&doc) ? NULL : make(&row, doc.data, doc.len);
	*is_lost = !made;
	return made;
}

/* OpenTelemetry's numbers and names of the levels. */
static void set_level(gk_log_row *row, gk_log_level level)
{
	row->severity = level == GK_LOG_ERROR  ? 17
			: level == GK_LOG_WARN ? 13
			: level == GK_LOG_INFO ? 9
					       : 5;
	row->severity_text = level == GK_LOG_ERROR  ? "ERROR"
			     : level == GK_LOG_WARN ? "WARN"
			     : level == GK_LOG_INFO ? "INFO"
						    : "DEBUG";
}

/* {"component": ..., and what the record brings along}. */
static void put_own_attributes(gk_buf *doc, const gk_log_record *record)
{
	const char *key;
	json_t *value;

	put_text(
		doc, ",\"attributes\":{\"component\":", record->component ? record->component : "");
	json_object_foreach ((json_t *)(uintptr_t)record->attributes, key, value) {
		gk_buf_putc(doc, ',');
		gk_json_append_string(doc, key, strlen(key));
		gk_buf_putc(doc, ':');
		gk_json_append(doc, value);
	}
	gk_buf_putc(doc, '}');
}

gk_log_row *gk_log_row_of(const gk_log_record *record)
{
	gk_auto_buf gk_buf doc = GK_BUF_INIT(0);
	gk_log_row row = { .trace_id = record->trace_id,
		.span_id = record->span_id,
		.time_ms = (int64_t)(record->wall_ns / 1000000) };

	set_level(&row, record->level);
	gk_id_uuid(row.log_id);
	put_head(&doc, &row);
	put_text(&doc, ",\"body\":", record->message);
	put_own_attributes(&doc, record);
	gk_buf_puts(&doc, ",\"instrumentationLibrary\":{\"name\":\"" OWN_SCOPE "\"}}");
	return gk_buf_failed(&doc) ? NULL : make(&row, doc.data, doc.len);
}
