/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/usage.h"

#include "base/str.h"
#include "json/edit.h"
#include "plugins/common/media.h"

typedef struct counts {
	size_t characters, images, videos, audios;
} counts;

static void count(counts *it, const json_t *parts)
{
	json_t *part;
	size_t i;

	json_array_foreach (parts, i, part) {
		const json_t *text = gk_json_peek(part, "text");
		const json_t *media = gk_json_peek(part, "media");
		gk_media seen;

		if (json_is_string(text))
			it->characters +=
				gk_str_utf16_len(json_string_value(text), json_string_length(text));
		if (!media || gk_media_read(media, &seen, NULL) != GK_OK)
			continue;
		it->images += gk_media_is(&seen, "image");
		it->videos += gk_media_is(&seen, "video");
		it->audios += gk_media_is(&seen, "audio");
	}
}

bool gk_usage_add_basic(json_t *usage, const json_t *request, const json_t *message)
{
	counts in = { 0 }, out = { 0 };
	json_t *one;
	size_t i;

	json_array_foreach (gk_json_peek(request, "messages"), i, one)
		count(&in, gk_json_peek(one, "content"));
	count(&out, gk_json_peek(message, "content"));
	return gk_json_set_int(usage, "inputCharacters", (int64_t)in.characters) &&
	       gk_json_set_int(usage, "inputImages", (int64_t)in.images) &&
	       gk_json_set_int(usage, "inputVideos", (int64_t)in.videos) &&
	       gk_json_set_int(usage, "inputAudioFiles", (int64_t)in.audios) &&
	       gk_json_set_int(usage, "outputCharacters", (int64_t)out.characters) &&
	       gk_json_set_int(usage, "outputImages", (int64_t)out.images) &&
	       gk_json_set_int(usage, "outputVideos", (int64_t)out.videos) &&
	       gk_json_set_int(usage, "outputAudioFiles", (int64_t)out.audios);
}

bool gk_usage_copy(json_t *usage, const char *key, const json_t *from, const char *path)
{
	json_t *value = gk_json_at_peek(from, path);

	return !json_is_number(value) || gk_json_set(usage, key, value);
}

gk_code gk_vendor_response(
	const json_t *request, json_t *content_take, json_t *raw, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *message = json_object(), *usage = json_object();
	gk_auto_json json_t *content = content_take, *response = json_object();

	if (!gk_json_set_str(message, "role", "model") ||
		!gk_json_set(message, "content", content) ||
		!gk_json_set(response, "message", message) ||
		!gk_json_set_str(response, "finishReason", "stop") ||
		!gk_usage_add_basic(usage, request, message) ||
		!gk_json_set(response, "usage", usage) ||
		(raw && (!gk_json_set(response, "custom", raw) ||
				!gk_json_set(response, "raw", raw))))
		return gk_error_no_memory(err);
	*ret = gk_steal(response);
	return GK_OK;
}
