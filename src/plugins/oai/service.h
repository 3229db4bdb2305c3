/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* For the files with a service's row: a plugin of the OpenAI core is this much. */
#ifndef GK_PLUGINS_OAI_SERVICE_H
#define GK_PLUGINS_OAI_SERVICE_H

#include "plugins/common/builtin.h"
#include "plugins/oai/oai.h"

/* What the core needs to know, and how the service's models are asked for. */
#define GK_OAI_PLUGIN(name_)                                                                       \
	{ .abi = GK_PLUGIN_ABI,                                                                    \
		.name = (name_),                                                                   \
		.init = gk_oai_init,                                                               \
		.resolve = gk_oai_resolve,                                                         \
		.list = gk_oai_list,                                                               \
		.done = gk_vendor_plugin_done },                                                   \
		.list = gk_oai_ask_listing
/* NULL-terminated names of environment variables. */
#define GK_ENV(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
