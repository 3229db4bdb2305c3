/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the files of reflection v1 share. */
#ifndef GK_SERVER_REFLECTION_INTERNAL_H
#define GK_SERVER_REFLECTION_INTERNAL_H

#include "server/reflection.h"

struct gk_reflection {
	unsigned refs; /* its owner's, and one for each request that is waited for */
	gk_app *app;
	const gk_runtime *runtime;
	gk_routes *routes;
	char *address; /* NULL until it is bound */
	char *pid_port;
	json_t *no_context; /* {}: v1 always passes a context */
	gk_defer quit;
};

gk_reflection *gk_reflection_ref(gk_reflection *reflection);
void gk_reflection_unref(gk_reflection *reflection);

void gk_reflection_reply_text(gk_exchange *x, int status, const char *text);
/** 200 with {"error": Status}, as all failures but a few have it. */
void gk_reflection_reply_error(gk_exchange *x, const gk_error *err);

/* The endpoints that take more than a few lines; `user` is the gk_reflection. */
void gk_reflection_run_action(gk_exchange *x, void *user);
void gk_reflection_list_actions(gk_exchange *x, void *user);
void gk_reflection_list_values(gk_exchange *x, void *user);

#endif
