/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/middleware_builtin.h"

#include "ai/hooks.h"

gk_code gk_middleware_define_builtins(gk_app *app, gk_error *err)
{
	static const gk_middleware_opts *const all[] = { &gk_middleware_retry,
		&gk_middleware_fallback, &gk_middleware_approval, &gk_middleware_filesystem,
		&gk_middleware_skills, &gk_middleware_artifacts, &gk_middleware_agents };
	gk_code rc = GK_OK;

	for (size_t i = 0; rc == GK_OK && i < sizeof(all) / sizeof(all[0]); i++)
		rc = gk_define_middleware(app, all[i], err);
	return rc;
}
