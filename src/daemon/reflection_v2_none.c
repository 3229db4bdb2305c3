/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Stands in until src/server has the client of reflection v2; weak, so that the real one wins. */
#include "server/reflection_v2.h"

#define WEAK __attribute__((weak))

WEAK gk_code gk_reflection_v2_new(gk_app *app, const gk_runtime *runtime, const char *url,
	gk_reflection_v2 **ret, gk_error *err)
{
	(void)app;
	(void)runtime;
	(void)ret;
	return gk_error_set(err, GK_UNIMPLEMENTED, "reflection v2 (%s) is not there yet", url);
}

WEAK void gk_reflection_v2_drain(gk_reflection_v2 *client)
{
	(void)client;
}

WEAK bool gk_reflection_v2_is_busy(const gk_reflection_v2 *client)
{
	(void)client;
	return false;
}

WEAK void gk_reflection_v2_free(gk_reflection_v2 *client)
{
	(void)client;
}
