/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The sessions of an application, for its operators: whose they are, what was said, and how to be rid of them.
 *
 *	POST /api/sessions/list		{store?, owner?, sessionId?, limit?, token?}
 *	POST /api/sessions/show		{sessionId, store?, owner?, state?: true}
 *	POST /api/sessions/delete	{sessionId? | store? | owner?}		{"deleted": n}
 *
 * Answers are those of gk_sessions_list() and gk_sessions_show().
 */
#ifndef GK_SERVER_SESSION_PAGES_H
#define GK_SERVER_SESSION_PAGES_H

#include "core/app.h"
#include "server/context_provider.h"
#include "server/routes.h"

typedef struct gk_session_pages gk_session_pages;

/** `app` must outlive it. NULL when memory ran out. */
gk_session_pages *gk_session_pages_new(gk_app *app);
/** Adds them to a listener's; what they need lives as long as `pages`. */
GK_MUST_USE gk_code gk_session_pages_add(gk_session_pages *pages, gk_routes *routes, gk_error *err);
/** Who may from now on, on the listener of `routes`: whom `admin` lets (NULL: whoever reaches it; a reference is taken), or
 * nobody. */
void gk_session_pages_set_access(gk_session_pages *pages, const gk_routes *routes,
	gk_context_provider *admin, bool is_closed);
/** What is being answered goes on. NULL is allowed. */
void gk_session_pages_free(gk_session_pages *pages);

#endif
