/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Flows: a friendlier form of an action. */
#include "core/internal.h"

#include <genkit/flow.h>

gk_code gk_define_flow(gk_app *app, const gk_flow_opts *opts, gk_error *err)
{
	return gk_action_register(app,
		GK_OPTS(gk_action_opts, .type = "flow", .name = opts->name,
			.description = opts->description, .input = opts->input,
			.output = opts->output, .stream = opts->stream, .init = opts->init,
			.metadata = opts->metadata, .run = opts->run, .user = opts->user,
			.free_user = opts->free_user, .is_bidi = opts->is_bidi),
		NULL, err);
}
