/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a YAML scalar means (YAML 1.2, core schema). */
#ifndef GK_JSON_YAML_SCALAR_H
#define GK_JSON_YAML_SCALAR_H

#include "json/yaml.h"

/**
 * The value of a scalar: a new reference, NULL when memory ran out. `tag` is NULL, "!" or a tag's full name, `is_plain`
 * means that it stood without quotes. An explicit core tag counts in both modes; text that is not of the tag's form is
 * a string. `*unknown_tag_ret` tells of a tag that is none of the core's.
 */
json_t *gk_yaml_scalar(const char *text, size_t len, const char *tag, bool is_plain,
	gk_yaml_mode mode, bool *unknown_tag_ret);
/** A scalar's value as a member's name, a string, the way JavaScript makes it: "1" for 0x1, "" for null. A new
 * reference; NULL when memory ran out. */
json_t *gk_yaml_key(const json_t *value);

#endif
