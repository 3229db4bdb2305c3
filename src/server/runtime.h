/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a running daemon says of itself to Genkit's tools, over whichever door: reflection v1, v2 and the runtime file. */
#ifndef GK_SERVER_RUNTIME_H
#define GK_SERVER_RUNTIME_H

#include <genkit/status.h>

#define GK_REFLECTION_SPEC_VERSION 1

/* Owned by the daemon; must outlive what is given it. */
typedef struct gk_runtime {
	const char *id;      /* GENKIT_RUNTIME_ID; NULL: "PID-PORT" (v1), "PID" (v2) */
	const char *name;    /* NULL: the id */
	const char *version; /* NULL: the library's */
	/** A tool says where traces go (reflection v1 notify, v2 register and configure). NULL: nobody listens, or the
	 * environment has said so already and wins. */
	void (*set_telemetry)(const char *url, void *user);
	/** __quitquitquit: drain and exit. Called after the answer has been written. NULL: ignored. */
	void (*quit)(void *user);
	void *user;
} gk_runtime;

const char *gk_runtime_version(const gk_runtime *runtime);
/** Acts on {"telemetryServerUrl"?, "reflectionApiSpecVersion"?}: tells the daemon, warns of a version that is not ours. */
void gk_runtime_notice(const gk_runtime *runtime, const json_t *params, bool checks_version);

#endif
