/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "json/yaml_breaks.h"

#define BREAKS       3
#define STAND_IN_LEN 4

/* Strings to look for, in the same order everywhere. */
typedef struct triple {
	const char *text[BREAKS];
	size_t len[BREAKS];
} triple;

static const triple breaks = { { "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9" }, { 2, 3, 3 } };

static triple triple_of(const char *stand_ins)
{
	return (triple){ { stand_ins, stand_ins + STAND_IN_LEN, stand_ins + 2 * STAND_IN_LEN },
		{ STAND_IN_LEN, STAND_IN_LEN, STAND_IN_LEN } };
}

static bool has_any(const char *text, size_t len, const triple *what)
{
	for (size_t i = 0; i < BREAKS; i++)
		if (memmem(text, len, what->text[i], what->len[i]))
			return true;
	return false;
}

static void replace(gk_buf *ret, const char *text, size_t len, const triple *from, const triple *to)
{
	size_t begin = 0, at = 0;

	while (at < len) {
		size_t i = 0;

		while (i < BREAKS && (len - at < from->len[i] ||
					     memcmp(text + at, from->text[i], from->len[i]) != 0))
			i++;
		if (i == BREAKS) {
			at++;
			continue;
		}
		gk_buf_put(ret, text + begin, at - begin);
		gk_buf_put(ret, to->text[i], to->len[i]);
		at += from->len[i];
		begin = at;
	}
	gk_buf_put(ret, text + begin, len - begin);
}

bool gk_yaml_has_breaks(const char *text, size_t len)
{
	return has_any(text, len, &breaks);
}

const char *gk_yaml_hide_breaks(const char *text, size_t len, gk_buf *ret)
{
	/* Neighbours at far ends of the two private planes: nobody has all of them by chance. */
	static const char *const sets[] = {
		"\xf4\x8f\xbf\xbb\xf4\x8f\xbf\xbc\xf4\x8f\xbf\xbd",
		"\xf3\xbf\xbf\xbb\xf3\xbf\xbf\xbc\xf3\xbf\xbf\xbd",
		"\xf3\xb0\x80\x81\xf3\xb0\x80\x82\xf3\xb0\x80\x83",
		"\xf4\x80\x80\x81\xf4\x80\x80\x82\xf4\x80\x80\x83",
	};

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		triple stand_ins = triple_of(sets[i]);

		if (has_any(text, len, &stand_ins))
			continue;
		replace(ret, text, len, &breaks, &stand_ins);
		return sets[i];
	}
	return NULL;
}

void gk_yaml_show_breaks(const char *stand_ins, const char *text, size_t len, gk_buf *ret)
{
	triple from = triple_of(stand_ins);

	replace(ret, text, len, &from, &breaks);
}
