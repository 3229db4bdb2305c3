/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/client.h"

#include "core/app_client.h"
#include "plugins/common/net.h"

/* The first that is set and not empty; NULL: none. */
static const char *first_of(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value && *value)
			return value;
	}
	return NULL;
}

#define FIRST_OF(...) first_of((const char *const[]){ __VA_ARGS__, NULL })

gk_fetch_client_opts gk_client_opts(const gk_config *config)
{
	return (gk_fetch_client_opts){ .size = sizeof(gk_fetch_client_opts),
		.max_host_connections =
			(unsigned)gk_config_uint(config, "http_client.max_host_connections"),
		.max_idle_connections =
			(unsigned)gk_config_uint(config, "http_client.max_idle_connections"),
		.ca_file = gk_config_str(config, "http_client.ca_file"),
		.http_proxy = FIRST_OF("http_proxy", "all_proxy", "ALL_PROXY"),
		.https_proxy = FIRST_OF("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
		.no_proxy = FIRST_OF("no_proxy", "NO_PROXY") };
}

static const char *environment(const char *name, void *user)
{
	(void)user;
	return getenv(name);
}

gk_code gk_client_configure(gk_app *app, const gk_config *config, gk_error *err)
{
	const gk_fetch_client_opts client = gk_client_opts(config);

	if (!gk_net_set_env(app, environment, NULL))
		return gk_error_no_memory(err);
	return gk_app_set_client(app, &client, err);
}
