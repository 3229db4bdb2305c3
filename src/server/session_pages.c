/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "server/session_pages.h"

#include "base/str.h"
#include "server/body.h"

#include <genkit/session_store.h>

/* A listener on which they are. */
typedef struct door {
	gk_session_pages *pages;
	const gk_routes *routes;
	gk_context_provider *admin; /* NULL: whoever reaches it */
	bool is_closed;
	LIST_ENTRY(door) link;
} door;

struct gk_session_pages {
	unsigned refs; /* of the owner and of calls */
	gk_app *app;
	LIST_HEAD(, door) doors;
};

static void unref(gk_session_pages *pages)
{
	door *d;

	if (--pages->refs)
		return;
	while ((d = LIST_FIRST(&pages->doors))) {
		LIST_REMOVE(d, link);
		gk_context_provider_unref(d->admin);
		free(d);
	}
	free(pages);
}

/* --- what is asked --- */

typedef gk_code page_fn(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err);

static gk_code delete_sessions(
	gk_session_store *store, const gk_session_query *query, json_t **ret, gk_error *err)
{
	uint64_t count = 0;
	gk_code rc = gk_sessions_delete(store, query, &count, err);

	if (rc != GK_OK)
		return rc;
	*ret = json_pack("{s:I}", "deleted", (json_int_t)count);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static const struct page {
	const char *path;
	page_fn *run;
} pages_table[] = {
	{ "/api/sessions/list", gk_sessions_list },
	{ "/api/sessions/show", gk_sessions_show },
	{ "/api/sessions/delete", delete_sessions },
};

/* A request while its fiber runs. */
typedef struct call {
	gk_session_pages *pages;
	const struct page *page;
	gk_exchange *x; /* NULL: the client has gone */
	gk_scope *scope;
	json_t *body; /* NULL: none */
} call;

static void free_call(call *c)
{
	gk_scope_unref(c->scope);
	unref(c->pages);
	json_decref(c->body);
	free(c);
}

static void fail(gk_exchange *x, const gk_error *err)
{
	gk_auto_json json_t *value = json_pack("{s:s, s:s}", "status", gk_code_name(err->code),
		"message", err->message ? err->message : "out of memory");

	gk_exchange_reply_json(x, gk_code_http_status(err->code), value);
}

/* A misspelt name beside "store" must not make the question a larger one. */
static gk_code check_names(const json_t *body, gk_error *err)
{
	static const char *const known[] = { "store", "owner", "sessionId", "token", "limit",
		"state" };
	const size_t count = sizeof(known) / sizeof(known[0]);
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)body, name, value) {
		size_t i = 0;

		while (i < count && strcmp(name, known[i]) != 0)
			i++;
		if (i == count)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"'%s' is no part of a question about sessions", name);
	}
	return GK_OK;
}

static gk_code read_query(const json_t *body, gk_session_query *ret, gk_error *err)
{
	int64_t limit = gk_json_int_at(body, "limit", 0);
	gk_session_query query = { .size = sizeof(query),
		.with_state = gk_json_bool_at(body, "state", false),
		.limit = limit > 0 ? (size_t)limit : 0 };
	const struct {
		const char *name, **ret;
	} texts[] = { { "store", &query.store }, { "owner", &query.owner },
		{ "sessionId", &query.session_id }, { "token", &query.token } };
	gk_code rc = check_names(body, err);

	for (size_t i = 0; rc == GK_OK && i < sizeof(texts) / sizeof(texts[0]); i++)
		rc = gk_body_text_peek(body, texts[i].name, texts[i].ret, err);
	if (rc == GK_OK)
		*ret = query;
	return rc;
}

static void answer(void *user)
{
	call *c = user;
	gk_session_store *store = gk_session_store_peek(c->pages->app);
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_session_query query;
	gk_code rc = store ? read_query(c->body, &query, &err) : gk_error_no_memory(&err);

	if (rc == GK_OK)
		rc = c->page->run(store, &query, &value, &err);
	if (c->x && rc == GK_OK)
		gk_exchange_reply_json(c->x, 200, value);
	else if (c->x)
		fail(c->x, &err);
	free_call(c);
}

static void hung_up(gk_exchange *x, void *user)
{
	call *c = user;

	(void)x;
	c->x = NULL;
	gk_scope_cancel(c->scope, GK_CANCELLED);
}

/* --- who may --- */

static bool admit(const door *d, gk_exchange *x)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *context = NULL;
	gk_code rc = GK_OK;

	if (d->is_closed)
		rc = gk_error_set(&err, GK_NOT_FOUND, "there is nothing here");
	else if (d->admin)
		rc = d->admin->provide(d->admin, x, NULL, &context, &err);
	if (rc != GK_OK)
		fail(x, &err);
	return rc == GK_OK;
}

static const struct page *page_of(const char *path)
{
	for (size_t i = 0; i < sizeof(pages_table) / sizeof(pages_table[0]); i++)
		if (gk_str_equal(path, pages_table[i].path))
			return &pages_table[i];
	return NULL;
}

static void body_read(gk_exchange *x, json_t *body, const gk_error *err, void *user)
{
	call *c = user;
	gk_loop *loop = gk_app_loop(c->pages->app);
	gk_auto_error gk_error failure = { 0 };

	c->x = x;
	c->body = json_incref(body);
	if (x && !err) {
		gk_exchange_on_hangup(x, hung_up, c);
		if (gk_fiber_start(loop, "sessions", c->scope, answer, c, NULL, &failure) == GK_OK)
			return;
		gk_exchange_on_hangup(x, NULL, NULL);
		err = &failure;
	}
	if (x)
		fail(x, err);
	free_call(c);
}

static void handle(gk_exchange *x, void *user)
{
	door *d = user;
	gk_auto_error gk_error err = { 0 };
	gk_loop *loop = gk_app_loop(d->pages->app);
	gk_scope *scope;
	call *c;

	if (!admit(d, x))
		return;
	scope = gk_scope_new(loop, NULL);
	c = scope ? malloc(sizeof(*c)) : NULL;
	if (!c) {
		gk_scope_unref(scope);
		gk_error_no_memory(&err);
		fail(x, &err);
		return;
	}
	*c = (call){ .pages = d->pages, .page = page_of(gk_exchange_path(x)), .scope = scope };
	d->pages->refs++;
	gk_body_read(loop, x, body_read, c);
}

/* --- life --- */

gk_session_pages *gk_session_pages_new(gk_app *app)
{
	gk_session_pages *pages = calloc(1, sizeof(*pages));

	if (!pages)
		return NULL;
	pages->refs = 1;
	pages->app = app;
	LIST_INIT(&pages->doors);
	return pages;
}

gk_code gk_session_pages_add(gk_session_pages *pages, gk_routes *routes, gk_error *err)
{
	door *d = calloc(1, sizeof(*d));
	gk_code rc = GK_OK;

	if (!d)
		return gk_error_no_memory(err);
	*d = (door){ .pages = pages, .routes = routes };
	LIST_INSERT_HEAD(&pages->doors, d, link);
	for (size_t i = 0; rc == GK_OK && i < sizeof(pages_table) / sizeof(pages_table[0]); i++)
		rc = gk_routes_add(routes,
			&(gk_route){ .method = "POST",
				.path = pages_table[i].path,
				.handle = handle,
				.user = d },
			err);
	return rc;
}

void gk_session_pages_set_access(gk_session_pages *pages, const gk_routes *routes,
	gk_context_provider *admin, bool is_closed)
{
	door *d;

	LIST_FOREACH (d, &pages->doors, link) {
		gk_context_provider *before = d->admin;

		if (d->routes != routes)
			continue;
		d->is_closed = is_closed;
		d->admin = admin;
		if (admin)
			gk_context_provider_ref(admin);
		gk_context_provider_unref(before);
	}
}

void gk_session_pages_free(gk_session_pages *pages)
{
	if (pages)
		unref(pages);
}
