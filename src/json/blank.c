/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/blank.h"

#include "base/str.h"

static bool is_blank(uint32_t c)
{
	switch (c) {
	case '\t' ... '\r':
	case ' ':
	case 0xa0:
	case 0x1680:
	case 0x2000 ... 0x200a:
	case 0x2028:
	case 0x2029:
	case 0x202f:
	case 0x205f:
	case 0x3000:
	case 0xfeff:
		return true;
	default:
		return false;
	}
}

size_t gk_blank(const char *at, const char *end)
{
	uint32_t c;
	size_t len;

	if (at == end)
		return 0;
	if ((unsigned char)*at < 0x80)
		return is_blank((unsigned char)*at);
	len = gk_str_decode_utf8(at, (size_t)(end - at), &c);
	return len && is_blank(c) ? len : 0;
}

void gk_trim(const char **text, size_t *len)
{
	const char *end = *text + *len;
	size_t blank;

	while ((blank = gk_blank(*text, end))) {
		*text += blank;
		*len -= blank;
	}
	while (*len) {
		const char *last = end - 1;

		while (last > *text && end - last < 4 && ((unsigned char)*last & 0xc0) == 0x80)
			last--;
		if (gk_blank(last, end) != (size_t)(end - last))
			return;
		*len -= (size_t)(end - last);
		end = last;
	}
}
