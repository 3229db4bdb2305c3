/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the daemon keeps: the store, the recorder that fills it with traces, the sessions of the application, and where the
 * file is. */
#ifndef GK_DAEMON_RECORDING_H
#define GK_DAEMON_RECORDING_H

#include "core/app.h"
#include "daemon/config.h"
#include "store/trace_store.h"

typedef struct gk_recording gk_recording;

/** Gives the application its session store. `is_dev`: the file's default place is in the project.
 * FAILED_PRECONDITION: the file is not for this version, or another program's. */
GK_MUST_USE gk_code gk_recording_new(
	gk_app *app, const gk_config *config, bool is_dev, gk_recording **ret, gk_error *err);
/** Returns when sessions can be read; modules are loaded meanwhile. Before anything is served. */
void gk_recording_wait(gk_recording *recording);
/** From now on log records are kept, too: once it serves, for what a start says is for the terminal. */
void gk_recording_take_logs(gk_recording *recording);
/** What a reload may change: retention, durability, sampling. */
void gk_recording_reload(gk_recording *recording, const gk_config *config);
/** NULL: the configuration wants no traces. */
gk_trace_store *gk_recording_store(gk_recording *recording);
/** Commits what is queued. NULL is allowed. */
void gk_recording_free(gk_recording *recording);

#endif
