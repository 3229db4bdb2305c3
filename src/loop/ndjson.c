/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "loop/ndjson.h"

#include "base/limits.h"

#define KEEP_BUFFER (64u << 10) /* a larger one is given back once it is empty */

void gk_ndjson_init(gk_ndjson *lines, size_t max, gk_ndjson_fn *fn, void *user)
{
	*lines = (gk_ndjson){ .fn = fn, .user = user, .max = max ? max : GK_MAX_NDJSON_LINE };
}

void gk_ndjson_done(gk_ndjson *lines)
{
	gk_buf_done(&lines->line);
}

static bool is_blank(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			return false;
	return true;
}

static gk_code check_size(const gk_ndjson *lines, size_t len, gk_error *err)
{
	if (len <= lines->max)
		return GK_OK;
	return gk_error_set(
		err, GK_RESOURCE_EXHAUSTED, "a line is longer than %zu bytes", lines->max);
}

static gk_code take_line(gk_ndjson *lines, const char *line, size_t len, gk_error *err)
{
	gk_code rc = check_size(lines, len, err);

	if (rc != GK_OK)
		return rc;
	if (len && line[len - 1] == '\r')
		len--;
	return is_blank(line, len) ? GK_OK : lines->fn(line, len, lines->user, err);
}

static gk_code keep(gk_ndjson *lines, const char *data, size_t len, gk_error *err)
{
	gk_code rc = check_size(lines, lines->line.len + len, err);

	if (rc != GK_OK)
		return rc;
	gk_buf_put(&lines->line, data, len);
	return gk_buf_failed(&lines->line) ? gk_error_no_memory(err) : GK_OK;
}

static gk_code finish_kept(gk_ndjson *lines, gk_error *err)
{
	gk_code rc = take_line(lines, lines->line.data, lines->line.len, err);

	if (lines->line.cap > KEEP_BUFFER)
		gk_buf_done(&lines->line);
	else
		gk_buf_clear(&lines->line);
	return rc;
}

static gk_code push_lines(gk_ndjson *lines, const char *at, const char *end, gk_error *err)
{
	gk_code rc = GK_OK;

	while (rc == GK_OK && at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf)
			return keep(lines, at, (size_t)(end - at), err);
		if (!lines->line.len) {
			rc = take_line(lines, at, (size_t)(lf - at), err);
		} else {
			rc = keep(lines, at, (size_t)(lf - at), err);
			if (rc == GK_OK)
				rc = finish_kept(lines, err);
		}
		at = lf + 1;
	}
	return rc;
}

gk_code gk_ndjson_push(gk_ndjson *lines, const char *data, size_t len, gk_error *err)
{
	if (lines->failed != GK_OK)
		return gk_error_set(err, lines->failed, "the stream of lines has failed before");
	if (len)
		lines->failed = push_lines(lines, data, data + len, err);
	return lines->failed;
}

gk_code gk_ndjson_end(gk_ndjson *lines, gk_error *err)
{
	if (lines->failed != GK_OK)
		return gk_error_set(err, lines->failed, "the stream of lines has failed before");
	if (lines->line.len)
		lines->failed = finish_kept(lines, err);
	return lines->failed;
}
