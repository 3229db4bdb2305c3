/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reflection v1: listings, which may ask plugins and providers and so run in a fiber (reflection section 2). */
#include "server/reflection_internal.h"

#include "server/wire.h"

/* One request while its fiber runs. */
typedef struct listing {
	gk_reflection *reflection;
	gk_exchange *x; /* NULL: the client has gone */
	gk_scope *scope;
	const char *kind; /* of values, static; NULL: actions */
} listing;

static void hung_up(gk_exchange *x, void *user)
{
	listing *l = user;

	(void)x;
	l->x = NULL;
	gk_scope_cancel(l->scope, GK_CANCELLED);
}

static void answer(listing *l, const json_t *value, const gk_error *err)
{
	gk_buf *buf;

	if (!l->x)
		return;
	if (err) {
		gk_reflection_reply_error(l->x, err);
		return;
	}
	gk_exchange_begin(l->x, 200, "application/json; charset=utf-8");
	buf = gk_exchange_buffer(l->x);
	gk_wire_json(buf, value);
	gk_exchange_wrote(l->x);
	gk_exchange_end(l->x);
}

static void body(void *user)
{
	listing *l = user;
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = l->kind ? gk_app_list_values(l->reflection->app, l->kind, &value, &err)
			     : gk_app_list_actions(l->reflection->app, &value, &err);

	answer(l, value, rc == GK_OK ? NULL : &err);
	gk_scope_unref(l->scope);
	gk_reflection_unref(l->reflection);
	free(l);
}

static gk_code start(gk_reflection *r, gk_exchange *x, const char *kind, gk_error *err)
{
	gk_loop *loop = gk_app_loop(r->app);
	listing *l = calloc(1, sizeof(*l));
	gk_scope *scope = gk_scope_new(loop, NULL);
	gk_code rc;

	if (!l || !scope) {
		gk_scope_unref(scope);
		free(l);
		return gk_error_no_memory(err);
	}
	*l = (listing){ .reflection = gk_reflection_ref(r), .x = x, .scope = scope, .kind = kind };
	gk_exchange_on_hangup(x, hung_up, l);
	rc = gk_fiber_start(loop, "listing", scope, body, l, NULL, err);
	if (rc != GK_OK) {
		gk_exchange_on_hangup(x, NULL, NULL);
		gk_scope_unref(scope);
		gk_reflection_unref(r);
		free(l);
	}
	return rc;
}

static void list(gk_reflection *r, gk_exchange *x, const char *kind)
{
	gk_auto_error gk_error err = { 0 };

	if (start(r, x, kind, &err) != GK_OK)
		gk_reflection_reply_error(x, &err);
}

void gk_reflection_list_actions(gk_exchange *x, void *user)
{
	list(user, x, NULL);
}

void gk_reflection_list_values(gk_exchange *x, void *user)
{
	const char *type = gk_exchange_query(x, "type");
	const char *kind = type ? gk_wire_value_kind(type) : NULL;
	gk_auto_str char *text = NULL;

	if (kind) {
		list(user, x, kind);
	} else if (!type || !*type) {
		gk_reflection_reply_text(x, 400, "Query parameter \"type\" is required.");
	} else {
		text = gk_wire_unknown_kind(type);
		gk_reflection_reply_text(x, 400, text ? text : "'type' is not supported.");
	}
}
