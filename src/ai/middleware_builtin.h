/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The registered middleware that every application has (generate section 5.6). */
#ifndef GK_AI_MIDDLEWARE_BUILTIN_H
#define GK_AI_MIDDLEWARE_BUILTIN_H

#include <genkit/middleware.h>

extern const gk_middleware_opts gk_middleware_retry;
extern const gk_middleware_opts gk_middleware_fallback;
extern const gk_middleware_opts gk_middleware_approval;
extern const gk_middleware_opts gk_middleware_filesystem;
extern const gk_middleware_opts gk_middleware_skills;
extern const gk_middleware_opts gk_middleware_artifacts;
extern const gk_middleware_opts gk_middleware_agents;

#endif
