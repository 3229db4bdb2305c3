/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/gzip.h"

#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* the largest window, and gzip's header */
#define MEMORY      8

gk_code gk_gzip(gk_buf *buf, gk_error *err)
{
	z_stream z = { .next_in = (unsigned char *)buf->data, .avail_in = (unsigned)buf->len };
	gk_buf out = GK_BUF_INIT(0);
	unsigned char *place;
	size_t room;

	if (buf->len > UINT32_MAX / 2 || deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED,
						 GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
		return gk_error_no_memory(err);
	room = deflateBound(&z, buf->len);
	place = (unsigned char *)gk_buf_reserve(&out, room);
	z.next_out = place;
	z.avail_out = place ? (unsigned)room : 0;
	if (!place || deflate(&z, Z_FINISH) != Z_STREAM_END) {
		deflateEnd(&z);
		gk_buf_done(&out);
		return gk_error_no_memory(err);
	}
	gk_buf_added(&out, z.total_out);
	deflateEnd(&z);
	gk_buf_done(buf);
	*buf = out;
	return GK_OK;
}
