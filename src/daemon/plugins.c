/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/plugins.h"

#include <genkit/plugins.h>

gk_code gk_plugins_configure(gk_app *app, const gk_config *config, gk_error *err)
{
	gk_code rc = GK_OK;
	const char *name;
	json_t *options;

	json_object_foreach (gk_config_map_peek(config, "plugins"), name, options) {
		rc = gk_use_plugin(app, name, json_is_null(options) ? NULL : options, err);
		if (rc != GK_OK) {
			gk_error_prefix(err, "%s: plugins: ", gk_config_where(config, "plugins"));
			break;
		}
	}
	return rc;
}
