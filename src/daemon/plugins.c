/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/plugins.h"

#include "plugins/common/net.h"

#include <genkit/plugins.h>

static const char *from_environment(const char *name, void *user)
{
	(void)user;
	return getenv(name);
}

/* Proxies are named in small letters or in capitals; in capitals HTTP_PROXY may come from a request's header "Proxy", where
 * a program is run for one. */
static const char *either(const char *small, const char *capital)
{
	const char *value = getenv(small);

	return value && *value ? value : getenv(capital);
}

static gk_code set_network(gk_app *app, const gk_config *config, gk_error *err)
{
	gk_fetch_client_opts client = { .size = sizeof(client),
		.max_host_connections =
			(unsigned)gk_config_uint(config, "http_client.max_host_connections"),
		.ca_file = gk_config_str(config, "http_client.ca_file"),
		.http_proxy = getenv("http_proxy"),
		.https_proxy = either("https_proxy", "HTTPS_PROXY"),
		.no_proxy = either("no_proxy", "NO_PROXY") };

	return gk_net_configure(
		app, GK_OPTS(gk_net_opts, .client = &client, .env = from_environment), err);
}

gk_code gk_plugins_configure(gk_app *app, const gk_config *config, gk_error *err)
{
	gk_code rc = set_network(app, config, err);
	const char *name;
	json_t *options;

	json_object_foreach (gk_config_map_peek(config, "plugins"), name, options) {
		if (rc == GK_OK)
			rc = gk_use_plugin(app, name, json_is_null(options) ? NULL : options, err);
		if (rc != GK_OK) {
			gk_error_prefix(err, "%s: plugins: ", gk_config_where(config, "plugins"));
			break;
		}
	}
	return rc;
}
