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
	bool has_begun;
	bool is_filled; /* an action was written */
} listing;

static void hung_up(gk_exchange *x, void *user)
{
	listing *l = user;

	(void)x;
	l->x = NULL;
	gk_scope_cancel(l->scope, GK_CANCELLED);
}

static void begin(listing *l)
{
	gk_exchange_begin(l->x, 200, "application/json; charset=utf-8");
	l->has_begun = true;
}

/* An answer that is on its way can only be cut short. */
static void fail(listing *l, const gk_error *err)
{
	if (l->x && !l->has_begun)
		gk_reflection_reply_error(l->x, err);
	else if (l->x)
		gk_exchange_end(l->x);
}

/* --- actions --- */

static gk_code put_action(const char *key, json_t *descriptor, void *user, gk_error *err)
{
	listing *l = user;
	gk_buf *buf;

	if (!l->x)
		return gk_error_set(err, GK_CANCELLED, "the client has gone");
	if (!l->has_begun)
		begin(l);
	buf = gk_exchange_buffer(l->x);
	gk_buf_putc(buf, l->is_filled ? ',' : '{');
	l->is_filled = true;
	gk_wire_string(buf, key);
	gk_buf_putc(buf, ':');
	if (!gk_wire_json(buf, descriptor))
		gk_buf_puts(buf, "{}");
	gk_exchange_wrote(l->x);
	return gk_exchange_wait_room(l->x, err);
}

static void list_actions(listing *l)
{
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_app_each_action(l->reflection->app, put_action, l, &err);

	if (rc != GK_OK) {
		fail(l, &err);
		return;
	}
	if (!l->x)
		return;
	if (!l->has_begun)
		begin(l);
	gk_exchange_write(l->x, l->is_filled ? "}" : "{}", l->is_filled ? 1 : 2);
	gk_exchange_end(l->x);
}

/* --- values --- */

static void list_values(listing *l)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_app_list_values(l->reflection->app, l->kind, &value, &err);

	if (rc != GK_OK) {
		fail(l, &err);
		return;
	}
	if (!l->x)
		return;
	begin(l);
	gk_wire_json(gk_exchange_buffer(l->x), value);
	gk_exchange_wrote(l->x);
	gk_exchange_end(l->x);
}

static void body(void *user)
{
	listing *l = user;

	if (l->kind)
		list_values(l);
	else
		list_actions(l);
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
