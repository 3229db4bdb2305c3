/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Documents as the table has them: a byte that says how, then the text or its compressed form (telemetry section 9.2). */
#include "store/sqlite.h"

#include "base/str.h"
#include "json/write.h"

#include <genkit/json.h>
#include <zlib.h>

#define RAW           0
#define DEFLATE       1
#define PACKED_PREFIX (1 + sizeof(uint32_t)) /* the kind, and how long it was */
#define SUMMARY_UNITS 1000                   /* UTF-16 */

bool gk_doc_pack(gk_buf *ret, const char *text, size_t len)
{
	uLongf packed = len >= GK_STORE_PACK && len <= UINT32_MAX ? compressBound(len) : 0;
	uint32_t size = (uint32_t)len;
	char *room;

	gk_buf_clear(ret);
	room = packed ? gk_buf_reserve(ret, PACKED_PREFIX + packed) : NULL;
	if (room &&
		compress2((Bytef *)room + PACKED_PREFIX, &packed, (const Bytef *)text, len,
			Z_BEST_SPEED) == Z_OK &&
		packed < len) {
		room[0] = DEFLATE;
		memcpy(room + 1, &size, sizeof(size));
		gk_buf_added(ret, PACKED_PREFIX + packed);
		return true;
	}
	gk_buf_clear(ret);
	gk_buf_putc(ret, RAW);
	gk_buf_put(ret, text, len);
	return !gk_buf_failed(ret);
}

gk_code gk_doc_unpack(gk_buf *ret, const void *data, size_t len, gk_error *err)
{
	const char *bytes = data;
	uint32_t size;
	uLongf unpacked;
	char *room;

	if (len && bytes[0] == RAW) {
		gk_buf_put(ret, bytes + 1, len - 1);
		return gk_buf_failed(ret) ? gk_error_no_memory(err) : GK_OK;
	}
	if (len < PACKED_PREFIX || bytes[0] != DEFLATE)
		return gk_error_set(err, GK_INTERNAL, "a span in the store is damaged");
	memcpy(&size, bytes + 1, sizeof(size));
	room = gk_buf_reserve(ret, size);
	if (!room)
		return gk_error_no_memory(err);
	unpacked = size;
	if (uncompress((Bytef *)room, &unpacked, (const Bytef *)bytes + PACKED_PREFIX,
		    len - PACKED_PREFIX) != Z_OK ||
		unpacked != size)
		return gk_error_set(err, GK_INTERNAL, "a span in the store is damaged");
	gk_buf_added(ret, size);
	return GK_OK;
}

/* --- summaries --- */

/* Bytes of the text up to so many UTF-16 units. A character that needs two is cut in half by the reference; it goes as
 * a whole here. */
static size_t cut_at(const char *text, size_t len)
{
	size_t units = 0, at = 0;

	while (at < len) {
		uint32_t character;
		size_t size = gk_str_decode_utf8(text + at, len - at, &character);

		units += character > 0xffff ? 2 : 1;
		if (units > SUMMARY_UNITS)
			return at;
		at += size ? size : 1;
	}
	return len;
}

static gk_code cut_attributes(json_t *attributes, bool *is_cut, gk_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach (attributes, key, value) {
		size_t len = json_string_length(value), keep;
		gk_auto_buf gk_buf text = GK_BUF_INIT(0);

		if (!json_is_string(value) || len <= SUMMARY_UNITS)
			continue;
		keep = cut_at(json_string_value(value), len);
		if (keep == len)
			continue;
		*is_cut = true;
		gk_buf_put(&text, json_string_value(value), keep);
		gk_buf_puts(&text, "...");
		if (gk_buf_failed(&text) || json_object_set_new_nocheck(attributes, key,
						    json_stringn_nocheck(text.data, text.len)) < 0)
			return gk_error_no_memory(err);
	}
	return GK_OK;
}

gk_code gk_doc_summary(const char *text, size_t len, char **ret, size_t *len_ret, gk_error *err)
{
	gk_auto_json json_t *doc = NULL;
	bool is_cut = false;
	gk_code rc;

	*ret = NULL;
	*len_ret = 0;
	if (len <= SUMMARY_UNITS)
		return GK_OK;
	rc = gk_json_parse(text, len, len, &doc, err);
	if (rc == GK_OK)
		rc = cut_attributes(json_object_get(doc, "attributes"), &is_cut, err);
	if (rc != GK_OK || !is_cut)
		return rc;
	*ret = gk_json_write(doc, len_ret);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
