/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/settings.h"

#include "json/edit.h"

#include <string.h>

bool gk_settings_put(json_t *schema, const char *name, const char *type)
{
	json_t *properties = json_object_get(schema, "properties");

	if (!type) {
		json_object_del(properties, name);
		return true;
	}
	return gk_json_set_take(properties, name,
		strcmp(type, "any") == 0 ? json_object()
		: strcmp(type, "strings") == 0
			? json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string")
			: json_pack("{s:s}", "type", type));
}

json_t *gk_settings_schema(const gk_setting *table)
{
	gk_auto_json json_t *schema = json_pack(
		"{s:s, s:{}, s:b}", "type", "object", "properties", "additionalProperties", 1);

	for (; schema && table->name; table++)
		if (!gk_settings_put(schema, table->name, table->type))
			return NULL;
	return gk_steal(schema);
}
