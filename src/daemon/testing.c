/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/testing.h"

#include "ai/testing.h"
#include "base/file.h"
#include "base/limits.h"
#include "json/yaml.h"

#include <genkit/testing.h>

gk_code gk_testing_read(gk_app *app, const gk_config *config, json_t **ret, gk_error *err)
{
	const char *path = gk_config_str(config, "testing.script");
	gk_auto_str char *text = NULL;
	gk_auto_yaml gk_yaml *doc = NULL;
	size_t len;
	gk_code rc;

	*ret = NULL;
	if (!path)
		return GK_OK;
	rc = gk_file_read(path, GK_MAX_YAML_TEXT, &text, &len, err);
	if (rc == GK_OK)
		rc = gk_yaml_parse(text, len, path, GK_YAML_CORE, &doc, err);
	if (rc == GK_OK)
		rc = gk_define_test_models(app, err);
	if (rc != GK_OK)
		return rc;
	rc = gk_test_script_check(gk_yaml_value_peek(doc), err);
	if (rc != GK_OK)
		return gk_error_prefix(err, "%s: ", path);
	*ret = json_incref(gk_yaml_value_peek(doc));
	return GK_OK;
}

gk_code gk_testing_configure(gk_app *app, const gk_config *config, gk_error *err)
{
	gk_auto_json json_t *script = NULL;
	gk_code rc = gk_testing_read(app, config, &script, err);
	json_t *name;
	size_t i;

	if (rc == GK_OK && script)
		rc = gk_test_script(app, script, err);
	json_array_foreach (gk_config_list_peek(config, "testing.models"), i, name)
		if (rc == GK_OK)
			rc = gk_define_test_model(app, json_string_value(name), err);
	return rc;
}
