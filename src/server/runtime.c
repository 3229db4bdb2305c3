/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What tools and the daemon tell each other. */
#include "server/runtime.h"

#include "base/log.h"
#include "config.h"

const char *gk_runtime_version(const gk_runtime *runtime)
{
	return runtime->version ? runtime->version : PACKAGE_VERSION;
}

static void check_version(const json_t *version)
{
	json_int_t theirs = json_integer_value(version);

	if (theirs < GK_REFLECTION_SPEC_VERSION)
		gk_log(GK_LOG_WARN, "reflection",
			"the tool that talks to us may be outdated: it speaks version %d of the reflection API, we speak %d",
			(int)theirs, GK_REFLECTION_SPEC_VERSION);
	else if (theirs > GK_REFLECTION_SPEC_VERSION)
		gk_log(GK_LOG_WARN, "reflection",
			"the tool that talks to us is newer: it speaks version %d of the reflection API, we speak %d",
			(int)theirs, GK_REFLECTION_SPEC_VERSION);
}

void gk_runtime_notice(const gk_runtime *runtime, const json_t *params, bool checks_version)
{
	const char *url = json_string_value(json_object_get(params, "telemetryServerUrl"));

	if (checks_version)
		check_version(json_object_get(params, "reflectionApiSpecVersion"));
	if (url && *url && runtime->set_telemetry)
		runtime->set_telemetry(url, runtime->user);
}
