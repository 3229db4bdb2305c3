/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/settings.h"

#include "json/edit.h"

#include <string.h>

/* The schema of one; NULL when memory ran out. */
static json_t *schema_of(const char *type)
{
	json_t *schema = NULL;

	if (*type == '{')
		return gk_json_parse(type, strlen(type), 0, &schema, NULL) == GK_OK ? schema : NULL;
	if (strcmp(type, "any") == 0)
		return json_object();
	if (strcmp(type, "strings") == 0)
		return json_pack("{s:s, s:{s:s}}", "type", "array", "items", "type", "string");
	return json_pack("{s:s}", "type", type);
}

bool gk_settings_put(json_t *schema, const char *name, const char *type)
{
	json_t *properties = json_object_get(schema, "properties");

	if (type)
		return gk_json_set_take(properties, name, schema_of(type));
	json_object_del(properties, name);
	return true;
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

json_t *gk_settings_schema_of(const gk_setting_of *table, unsigned of)
{
	gk_auto_json json_t *schema = gk_settings_schema(&(gk_setting){ .name = NULL });
	json_t *properties = json_object_get(schema, "properties");

	for (; table->name; table++)
		if ((table->of & of) &&
			(!gk_settings_put(schema, table->name, table->type) ||
				!gk_json_set_str(json_object_get(properties, table->name),
					"description", table->help)))
			return NULL;
	return gk_steal(schema);
}
