/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server/inflate.h"

#include "base/buf.h"

#include <strings.h>
#include <zlib.h>

#define STEP        (64u << 10)
#define ANY_HEADER  (15 + 32) /* gzip's or zlib's */
#define WITHOUT_ONE (-15)     /* what some send as deflate */

static gk_code inflate_all(z_stream *stream, gk_buf *out, gk_error *err)
{
	int status = Z_OK;

	while (status == Z_OK) {
		char *room = gk_buf_reserve(out, STEP);

		if (!room)
			return out->max && out->len + STEP > out->max
				       ? gk_error_set(err, GK_FAILED_PRECONDITION,
						 "the request's body is too large")
				       : gk_error_no_memory(err);
		stream->next_out = (Bytef *)room;
		stream->avail_out = STEP;
		status = inflate(stream, Z_NO_FLUSH);
		gk_buf_added(out, STEP - stream->avail_out);
	}
	if (status == Z_STREAM_END)
		return GK_OK;
	return gk_error_set(err, GK_INVALID_ARGUMENT, "the compressed body is damaged");
}

static gk_code run(int window, const char *data, size_t len, gk_buf *out, gk_error *err)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)len };
	gk_code rc;

	if (inflateInit2(&stream, window) != Z_OK)
		return gk_error_no_memory(err);
	rc = inflate_all(&stream, out, err);
	inflateEnd(&stream);
	return rc;
}

gk_code gk_inflate(const char *encoding, const char *data, size_t len, size_t max, char **ret,
	size_t *len_ret, gk_error *err)
{
	bool is_deflate = strcasecmp(encoding, "deflate") == 0;
	gk_auto_buf gk_buf out = GK_BUF_INIT(max + STEP);
	gk_code rc;

	if (!is_deflate && strcasecmp(encoding, "gzip") != 0)
		return gk_error_set(err, GK_UNIMPLEMENTED,
			"unknown Content-Encoding: gzip and deflate are known");
	rc = run(ANY_HEADER, data, len, &out, err);
	if (rc == GK_INVALID_ARGUMENT && is_deflate && !out.len)
		rc = run(WITHOUT_ONE, data, len, &out, err);
	if (rc != GK_OK)
		return rc;
	if (out.len > max)
		return gk_error_set(err, GK_FAILED_PRECONDITION, "the request's body is too large");
	*ret = gk_buf_take(&out, len_ret);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
