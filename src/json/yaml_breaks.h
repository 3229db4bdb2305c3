/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Line breaks that YAML 1.2 has no more. libyaml takes U+0085, U+2028 and U+2029 for line breaks. Where they occur they
 * are hidden from it behind characters of private use, one for one, and shown again in the scalars.
 */
#ifndef GK_JSON_YAML_BREAKS_H
#define GK_JSON_YAML_BREAKS_H

#include "base/buf.h"

bool gk_yaml_has_breaks(const char *text, size_t len);
/** Puts the text without them into `ret`. Gives the stand-ins it chose, static; NULL when the text has all of those. */
const char *gk_yaml_hide_breaks(const char *text, size_t len, gk_buf *ret);
void gk_yaml_show_breaks(const char *stand_ins, const char *text, size_t len, gk_buf *ret);

#endif
