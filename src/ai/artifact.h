/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Artifacts of a session, {name?, parts, metadata?}: what is in them, and the middleware that shows them to models. */
#ifndef GK_AI_ARTIFACT_H
#define GK_AI_ARTIFACT_H

#include <genkit/json.h>

/** The texts of its parts, a line each; "" when there is none. New reference; NULL when memory ran out. */
json_t *gk_artifact_text(const json_t *artifact);

#endif
