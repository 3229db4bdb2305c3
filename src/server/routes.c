/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Routes: a table of paths, each with a route for each method, and a short list of paths that end in `*`. */
#include "server/routes.h"

#include "base/buf.h"
#include "base/str.h"
#include "base/table.h"

/* The routes of one path. */
typedef struct place {
	char *prefix; /* of an open path, without the `*`; NULL: the table has the path */
	size_t prefix_len;
	gk_route *routes;
	size_t count;
} place;

struct gk_routes {
	gk_routes_opts opts;
	gk_table *exact;
	place **open; /* longest first */
	size_t open_count;
	bool is_draining;
	gk_http_answered_fn *watch; /* NULL: nobody */
	void *watch_user;
};

static void free_place(void *user)
{
	place *p = user;

	free(p->prefix);
	free(p->routes);
	free(p);
}

gk_routes *gk_routes_new(const gk_routes_opts *opts)
{
	gk_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return NULL;
	if (opts)
		routes->opts = *opts;
	routes->exact = gk_table_new(free_place);
	if (!routes->exact) {
		free(routes);
		return NULL;
	}
	return routes;
}

void gk_routes_free(gk_routes *routes)
{
	if (!routes)
		return;
	gk_table_free(routes->exact);
	for (size_t i = 0; i < routes->open_count; i++)
		free_place(routes->open[i]);
	free(routes->open);
	free(routes);
}

/* --- adding --- */

static place *new_open_place(gk_routes *routes, const char *path, size_t len)
{
	place **larger = realloc(routes->open, (routes->open_count + 1) * sizeof(*larger));
	place *p = calloc(1, sizeof(*p));
	size_t at = 0;

	if (larger)
		routes->open = larger;
	if (p)
		p->prefix = strndup(path, len);
	if (!larger || !p || !p->prefix) {
		free(p);
		return NULL;
	}
	p->prefix_len = len;
	while (at < routes->open_count && larger[at]->prefix_len >= len)
		at++;
	memmove(larger + at + 1, larger + at, (routes->open_count - at) * sizeof(*larger));
	larger[at] = p;
	routes->open_count++;
	return p;
}

static place *place_for(gk_routes *routes, const char *path)
{
	size_t len = strlen(path);
	place *p;

	if (len && path[len - 1] == '*') {
		for (size_t i = 0; i < routes->open_count; i++)
			if (routes->open[i]->prefix_len == len - 1 &&
				memcmp(routes->open[i]->prefix, path, len - 1) == 0)
				return routes->open[i];
		return new_open_place(routes, path, len - 1);
	}
	p = gk_table_get(routes->exact, path);
	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p && gk_table_set(routes->exact, path, p))
		return p;
	free(p);
	return NULL;
}

static const gk_route *pick(const place *p, const char *method)
{
	for (size_t i = 0; p && i < p->count; i++)
		if (strcmp(p->routes[i].method, method) == 0)
			return &p->routes[i];
	return NULL;
}

gk_code gk_routes_add(gk_routes *routes, const gk_route *route, gk_error *err)
{
	place *p = place_for(routes, route->path);
	gk_route *larger;

	if (!p)
		return gk_error_no_memory(err);
	if (pick(p, route->method))
		return gk_error_set(err, GK_ALREADY_EXISTS, "there is a route for %s %s already",
			route->method, route->path);
	larger = realloc(p->routes, (p->count + 1) * sizeof(*larger));
	if (!larger)
		return gk_error_no_memory(err);
	p->routes = larger;
	larger[p->count++] = *route;
	return GK_OK;
}

/* --- finding --- */

static const gk_route *find_in(const place *p, const char *method)
{
	const gk_route *route = pick(p, method);

	return route || strcmp(method, "HEAD") != 0 ? route : pick(p, "GET");
}

static const gk_route *find(const gk_routes *routes, const char *method, const char *path)
{
	const gk_route *route = find_in(gk_table_get(routes->exact, path), method);

	for (size_t i = 0; !route && i < routes->open_count; i++)
		if (strncmp(path, routes->open[i]->prefix, routes->open[i]->prefix_len) == 0)
			route = find_in(routes->open[i], method);
	return route;
}

static bool say_options(const gk_routes *routes, gk_exchange *x)
{
	const place *p = gk_table_get(routes->exact, gk_exchange_path(x));
	gk_auto_buf gk_buf methods = GK_BUF_INIT(0);

	if (!p || !p->count)
		return false;
	for (size_t i = 0; i < p->count; i++)
		gk_buf_printf(&methods, "%s%s%s", i ? "," : "", p->routes[i].method,
			gk_str_equal(p->routes[i].method, "GET") ? ",HEAD" : "");
	if (gk_buf_failed(&methods))
		return false;
	gk_exchange_set_header(x, "Allow", methods.data);
	gk_exchange_reply(x, 200, "text/plain; charset=utf-8", methods.data, methods.len);
	return true;
}

static void reply_text(gk_exchange *x, int status, const char *text)
{
	gk_exchange_reply(x, status, "application/json", text, strlen(text));
}

void gk_routes_handle(gk_exchange *x, void *user)
{
	gk_routes *routes = user;
	const char *method = gk_exchange_method(x);
	const gk_route *route;

	if (routes->opts.guard && !routes->opts.guard(x, routes->opts.user))
		return;
	route = find(routes, method, gk_exchange_path(x));
	if (route)
		gk_exchange_set_route(x, route->path);
	if (routes->is_draining && !(route && route->flags & GK_ROUTE_ALWAYS)) {
		gk_exchange_set_header(x, "Connection", "close");
		reply_text(x, 503,
			"{\"status\":\"UNAVAILABLE\",\"message\":\"server is shutting down\"}");
	} else if (route) {
		route->handle(x, route->user);
	} else if (routes->opts.says_options && strcmp(method, "OPTIONS") == 0 &&
		   say_options(routes, x)) {
		/* answered */
	} else if (routes->opts.missing) {
		routes->opts.missing(x, routes->opts.user);
	} else {
		reply_text(x, 404,
			"{\"status\":\"NOT_FOUND\",\"message\":\"No action matched the request path.\"}");
	}
}

void gk_routes_too_large(gk_exchange *x, void *user)
{
	gk_routes *routes = user;

	if (routes->opts.guard && !routes->opts.guard(x, routes->opts.user))
		return;
	if (routes->opts.too_large)
		routes->opts.too_large(x, routes->opts.user);
	else
		reply_text(x, 413,
			"{\"status\":\"RESOURCE_EXHAUSTED\",\"message\":\"the request's body is too large\"}");
}

void gk_routes_set_watch(gk_routes *routes, gk_http_answered_fn *fn, void *user)
{
	routes->watch = fn;
	routes->watch_user = user;
}

void gk_routes_answered(const gk_http_answer *answer, void *user)
{
	gk_routes *routes = user;

	if (routes->watch)
		routes->watch(answer, routes->watch_user);
}

void gk_routes_drain(gk_routes *routes)
{
	routes->is_draining = true;
}

bool gk_routes_is_draining(const gk_routes *routes)
{
	return routes->is_draining;
}
