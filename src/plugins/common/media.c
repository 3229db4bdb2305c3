/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/media.h"

#include "base/str.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <strings.h>

gk_code gk_media_read(const json_t *media, gk_media *ret, gk_error *err)
{
	const char *type = gk_json_str_peek(media, "contentType"), *comma, *end;

	*ret = (gk_media){ .url = gk_json_str_peek(media, "url") };
	if (!ret->url || !*ret->url)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a media part has no 'url'");
	if (type && *type) {
		ret->type = type;
		ret->type_len = strlen(type);
	}
	if (!gk_str_has_prefix(ret->url, "data:"))
		return GK_OK;
	comma = strchr(ret->url, ',');
	if (!comma || comma - ret->url < 7 || strncmp(comma - 7, ";base64", 7) != 0)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a media part has a data: URL that is not base64");
	ret->data = comma + 1;
	end = ret->url + strcspn(ret->url, ";,");
	if (!ret->type && end > ret->url + 5) {
		ret->type = ret->url + 5;
		ret->type_len = (size_t)(end - ret->type);
	}
	return GK_OK;
}

bool gk_media_is(const gk_media *media, const char *prefix)
{
	size_t len = strlen(prefix);

	return media->type && media->type_len >= len && strncasecmp(media->type, prefix, len) == 0;
}

char *gk_media_data_url(const char *type, const char *base64)
{
	char *url;

	if (!base64 || asprintf(&url, "data:%s;base64,%s", type, base64) < 0)
		return NULL;
	return url;
}

json_t *gk_media_part(const char *type, const char *url)
{
	if (!url)
		return NULL;
	if (!type)
		return json_pack("{s:{s:s}}", "media", "url", url);
	return json_pack("{s:{s:s, s:s}}", "media", "contentType", type, "url", url);
}

/* --- base64 --- */

char *gk_base64_encode(const void *data, size_t len)
{
	char *text = len < INT32_MAX / 2 ? malloc((len + 2) / 3 * 4 + 1) : NULL;

	if (text)
		EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return text;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

bool gk_base64_decode(const char *text, size_t len, char **ret, size_t *len_ret)
{
	gk_auto_str char *out = malloc(len / 4 * 3 + 4);
	uint32_t bits = 0;
	size_t count = 0, at = 0, i;

	if (!out)
		return false;
	for (i = 0; i < len && text[i] != '='; i++) {
		int value = digit(text[i]);

		if (strchr(" \t\r\n", text[i]) && text[i])
			continue;
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
		if (++count % 4 == 0) {
			out[at++] = (char)(bits >> 16);
			out[at++] = (char)(bits >> 8);
			out[at++] = (char)bits;
		}
	}
	for (; i < len; i++)
		if (!strchr("= \t\r\n", text[i]))
			return false;
	if (count % 4 == 1)
		return false;
	if (count % 4 == 2) {
		out[at++] = (char)(bits >> 4);
	} else if (count % 4 == 3) {
		out[at++] = (char)(bits >> 10);
		out[at++] = (char)(bits >> 2);
	}
	out[at] = '\0';
	*ret = gk_steal(out);
	*len_ret = at;
	return true;
}
