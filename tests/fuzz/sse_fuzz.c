/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Event streams and lines of JSON: however the bytes are cut, the same events and lines come out. */
#include "loop/ndjson.h"
#include "loop/sse.h"

#include <stdint.h>

#define MAX 256 /* small, so that the limits are reached */

static gk_code note_event(const gk_sse_event *event, void *user, gk_error *err)
{
	gk_buf *story = user;

	(void)err;
	gk_buf_puts(story, "[");
	gk_buf_put(story, event->event.text ? event->event.text : "", event->event.len);
	gk_buf_puts(story, "|");
	gk_buf_put(story, event->id.text ? event->id.text : "", event->id.len);
	gk_buf_puts(story, "|");
	gk_buf_put(story, event->data.text ? event->data.text : "", event->data.len);
	gk_buf_puts(story, "]");
	return GK_OK;
}

static gk_code note_line(const char *line, size_t len, void *user, gk_error *err)
{
	gk_buf *story = user;

	(void)err;
	gk_buf_puts(story, "(");
	gk_buf_put(story, line, len);
	gk_buf_puts(story, ")");
	return GK_OK;
}

/* What comes out of pushes of `step` bytes each. */
static void tell(const char *data, size_t size, size_t step, gk_buf *story)
{
	gk_auto_ndjson gk_ndjson lines;
	gk_auto_sse gk_sse sse;
	gk_code events_rc = GK_OK, lines_rc = GK_OK;

	gk_sse_init(&sse, MAX, note_event, story);
	for (size_t at = 0; at < size && events_rc == GK_OK; at += step)
		events_rc = gk_sse_push(&sse, data + at, size - at < step ? size - at : step, NULL);
	gk_ndjson_init(&lines, MAX, note_line, story);
	for (size_t at = 0; at < size && lines_rc == GK_OK; at += step)
		lines_rc = gk_ndjson_push(
			&lines, data + at, size - at < step ? size - at : step, NULL);
	if (lines_rc == GK_OK)
		lines_rc = gk_ndjson_end(&lines, NULL);
	gk_buf_printf(story, "%d %d", events_rc, lines_rc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 1, 2, 7 };
	gk_auto_buf gk_buf whole = GK_BUF_INIT(0);

	tell((const char *)data, size, size ? size : 1, &whole);
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		gk_auto_buf gk_buf cut = GK_BUF_INIT(0);

		tell((const char *)data, size, steps[i], &cut);
		if (cut.len != whole.len || memcmp(cut.data, whole.data, whole.len) != 0)
			abort();
	}
	return 0;
}
