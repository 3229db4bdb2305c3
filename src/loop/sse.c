/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A push is cut into lines. Fields remember where they lie (in the push, or in `line` when it began in an earlier
 * one), and are copied only when the push ends before their event does:
 *
 *	data: {"a":1} LF  LF  data: {"b"
 *	      '--.--'     |         '-- line: kept until its end comes
 *	     first_data   '-- event: first_data is handed on where it lies
 */
#include "loop/sse.h"

#include "base/limits.h"
#include "base/parse.h"

#define KEEP_BUFFER (64u << 10) /* a larger one is given back once it is empty */

void gk_sse_init(gk_sse *sse, size_t max, gk_sse_fn *fn, void *user)
{
	*sse = (gk_sse){ .fn = fn, .user = user, .max = max ? max : GK_MAX_SSE_EVENT };
}

void gk_sse_done(gk_sse *sse)
{
	gk_buf_done(&sse->line);
	gk_buf_done(&sse->data);
	gk_buf_done(&sse->event);
	gk_buf_done(&sse->last_id);
}

bool gk_sse_is_unfinished(const gk_sse *sse)
{
	return sse->line.len || sse->has_data || sse->has_event;
}

bool gk_sse_retry_ms(const gk_sse *sse, uint64_t *ret)
{
	if (sse->has_retry)
		*ret = sse->retry_ms;
	return sse->has_retry;
}

static void empty(gk_buf *buf)
{
	if (buf->cap > KEEP_BUFFER)
		gk_buf_done(buf);
	else
		gk_buf_clear(buf);
}

static gk_code check_size(const gk_sse *sse, size_t len, const char *what, gk_error *err)
{
	if (len <= sse->max)
		return GK_OK;
	return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
		"%s of the event stream is longer than %zu bytes", what, sse->max);
}

static gk_code keep(gk_buf *buf, gk_sse_text text, gk_error *err)
{
	gk_buf_put(buf, text.text, text.len);
	return gk_buf_failed(buf) ? gk_error_no_memory(err) : GK_OK;
}

/* --- fields --- */

static gk_code add_data(gk_sse *sse, gk_sse_text value, gk_error *err)
{
	size_t before = sse->first_data.text ? sse->first_data.len : sse->data.len;
	gk_code rc = GK_OK;

	if (!sse->has_data) {
		sse->has_data = true;
		sse->first_data = value;
		return GK_OK;
	}
	rc = check_size(sse, before + 1 + value.len, "an event", err);
	if (rc == GK_OK && sse->first_data.text) {
		rc = keep(&sse->data, sse->first_data, err);
		sse->first_data = (gk_sse_text){ 0 };
	}
	if (rc == GK_OK) {
		gk_buf_putc(&sse->data, '\n');
		rc = keep(&sse->data, value, err);
	}
	return rc;
}

static gk_code set_event(gk_sse *sse, gk_sse_text value, gk_error *err)
{
	(void)err;
	gk_buf_clear(&sse->event);
	sse->has_event = true;
	sse->event_name = value;
	return GK_OK;
}

static gk_code set_id(gk_sse *sse, gk_sse_text value, gk_error *err)
{
	if (memchr(value.text, '\0', value.len))
		return GK_OK;
	gk_buf_clear(&sse->last_id);
	return keep(&sse->last_id, value, err);
}

static gk_code set_retry(gk_sse *sse, gk_sse_text value, gk_error *err)
{
	(void)err;
	if (gk_parse_u64(value.text, value.len, &sse->retry_ms))
		sse->has_retry = true;
	return GK_OK;
}

static const struct {
	gk_sse_text name;
	gk_code (*set)(gk_sse *sse, gk_sse_text value, gk_error *err);
} fields[] = {
	{ { "data", 4 }, add_data },
	{ { "event", 5 }, set_event },
	{ { "id", 2 }, set_id },
	{ { "retry", 5 }, set_retry },
};

static gk_code take_field(gk_sse *sse, const char *line, size_t len, gk_error *err)
{
	const char *colon = memchr(line, ':', len);
	size_t name_len = colon ? (size_t)(colon - line) : len;
	gk_sse_text value = { line + len, 0 };

	if (colon) {
		value.text = colon + 1;
		value.len = len - name_len - 1;
		if (value.len && *value.text == ' ') {
			value.text++;
			value.len--;
		}
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
		if (name_len == fields[i].name.len &&
			memcmp(line, fields[i].name.text, name_len) == 0)
			return fields[i].set(sse, value, err);
	return GK_OK; /* a comment (no name), or a field nobody knows */
}

static gk_code end_event(gk_sse *sse, gk_error *err)
{
	gk_code rc = GK_OK;

	if (sse->has_data) {
		gk_sse_event event = { sse->first_data, sse->event_name,
			{ sse->last_id.data, sse->last_id.len } };

		if (!event.data.text)
			event.data = (gk_sse_text){ sse->data.data, sse->data.len };
		if (!event.event.text)
			event.event = (gk_sse_text){ sse->event.data, sse->event.len };
		rc = sse->fn(&event, sse->user, err);
	}
	sse->has_data = sse->has_event = false;
	sse->first_data = sse->event_name = (gk_sse_text){ 0 };
	empty(&sse->data);
	empty(&sse->event);
	return rc;
}

static gk_code take_line(gk_sse *sse, const char *line, size_t len, gk_error *err)
{
	gk_code rc = check_size(sse, len, "a line", err);

	if (rc != GK_OK)
		return rc;
	if (!sse->is_past_first) {
		sse->is_past_first = true;
		if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
			line += 3;
			len -= 3;
		}
	}
	return len ? take_field(sse, line, len, err) : end_event(sse, err);
}

/* --- pushing --- */

/* The push ends: what lies in it, or in `line`, which the next line will use, is copied. */
static gk_code leave_push(gk_sse *sse, gk_error *err)
{
	gk_code rc = GK_OK;

	if (sse->first_data.text) {
		rc = keep(&sse->data, sse->first_data, err);
		sse->first_data = (gk_sse_text){ 0 };
	}
	if (rc == GK_OK && sse->event_name.text) {
		rc = keep(&sse->event, sse->event_name, err);
		sse->event_name = (gk_sse_text){ 0 };
	}
	return rc;
}

/* The line that ends at `end`, of which `line` may hold the beginning. */
static gk_code finish_line(gk_sse *sse, const char *start, const char *end, gk_error *err)
{
	gk_sse_text rest = { start, (size_t)(end - start) };
	gk_code rc;

	if (!sse->line.len)
		return take_line(sse, rest.text, rest.len, err);
	rc = check_size(sse, sse->line.len + rest.len, "a line", err);
	if (rc == GK_OK)
		rc = keep(&sse->line, rest, err);
	if (rc == GK_OK)
		rc = take_line(sse, sse->line.data, sse->line.len, err);
	sse->line.len = 0; /* the bytes stay where they are: a field may lie there */
	return rc;
}

static gk_code push_lines(gk_sse *sse, const char *at, const char *end, gk_error *err)
{
	const char *lf = NULL; /* the next one, looked for once: many CR do not make it quadratic */
	gk_code rc = GK_OK;

	while (rc == GK_OK && at < end) {
		const char *stop, *cr;

		if (!lf || lf < at)
			lf = memchr(at, '\n', (size_t)(end - at));
		if (!lf)
			lf = end;
		stop = lf;
		cr = memchr(at, '\r', (size_t)(stop - at));
		if (cr)
			stop = cr;
		if (stop == end)
			break;
		rc = finish_line(sse, at, stop, err);
		at = stop + 1;
		if (cr && at < end && *at == '\n')
			at++;
		else
			sse->skip_lf = cr && at == end;
	}
	if (rc == GK_OK)
		rc = leave_push(sse, err);
	if (rc == GK_OK && at < end) {
		gk_sse_text rest = { at, (size_t)(end - at) };

		rc = check_size(sse, sse->line.len + rest.len, "a line", err);
		if (rc == GK_OK)
			rc = keep(&sse->line, rest, err);
	} else if (!sse->line.len) {
		empty(&sse->line);
	}
	return rc;
}

gk_code gk_sse_push(gk_sse *sse, const char *data, size_t len, gk_error *err)
{
	const char *end = data + len;

	if (sse->failed != GK_OK)
		return gk_error_set(err, sse->failed, "the event stream has failed before");
	if (len == 0)
		return GK_OK;
	if (sse->skip_lf && *data == '\n')
		data++;
	sse->skip_lf = false;
	sse->failed = push_lines(sse, data, end, err);
	return sse->failed;
}
