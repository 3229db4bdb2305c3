/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/engine_internal.h"

#include "base/table.h"

struct gk_engine {
	unsigned refs;
	uint64_t serial; /* of its latest change */
	gk_engine *parent;
	gk_table *helpers, *partials, *schemas, *tools;
	gk_engine_resolver resolver;
	bool has_resolver;
	unsigned running;          /* renderings that look into it */
	gk_engine_helper *retired; /* replaced meanwhile */
};

/* Changes of all engines are numbered together, so that the highest number along the parents stands for one state. */
static uint64_t next_serial(void)
{
	static uint64_t serial;

	return __atomic_add_fetch(&serial, 1, __ATOMIC_RELAXED);
}

/* --- what its tables hold --- */

static void free_helper(gk_engine_helper *helper)
{
	if (helper->free_user)
		helper->free_user(helper->user);
	free(helper);
}

static void drop_helper(void *value)
{
	gk_engine_helper *helper = value;

	if (helper->engine->running == 0) {
		free_helper(helper);
		return;
	}
	helper->next = helper->engine->retired;
	helper->engine->retired = helper;
}

static void unref_partial(void *value)
{
	gk_engine_partial *partial = value;

	if (!partial || --partial->refs > 0)
		return;
	gk_template_unref(partial->tmpl);
	free(partial->source);
	free(partial);
}

static void unref_json(void *value)
{
	json_decref(value);
}

/* --- life --- */

gk_engine *gk_engine_new(gk_engine *parent)
{
	gk_engine *engine = calloc(1, sizeof(*engine));

	if (!engine)
		return NULL;
	engine->refs = 1;
	engine->serial = next_serial();
	engine->parent = gk_engine_ref(parent);
	engine->helpers = gk_table_new(drop_helper);
	engine->partials = gk_table_new(unref_partial);
	engine->schemas = gk_table_new(unref_json);
	engine->tools = gk_table_new(unref_json);
	if (!engine->helpers || !engine->partials || !engine->schemas || !engine->tools)
		return gk_engine_unref(engine);
	return engine;
}

gk_engine *gk_engine_ref(gk_engine *engine)
{
	if (engine)
		engine->refs++;
	return engine;
}

gk_engine *gk_engine_unref(gk_engine *engine)
{
	if (!engine || --engine->refs > 0)
		return NULL;
	gk_engine_set_resolver(engine, NULL);
	gk_table_free(engine->helpers);
	gk_table_free(engine->partials);
	gk_table_free(engine->schemas);
	gk_table_free(engine->tools);
	gk_engine_unref(engine->parent);
	free(engine);
	return NULL;
}

void gk_engine_enter(gk_engine *engine)
{
	gk_engine_ref(engine);
	for (; engine; engine = engine->parent)
		engine->running++;
}

void gk_engine_leave(gk_engine *engine)
{
	for (gk_engine *it = engine; it; it = it->parent) {
		gk_engine_helper *helper = it->retired, *next;

		if (--it->running > 0)
			continue;
		it->retired = NULL;
		for (; helper; helper = next) {
			next = helper->next;
			free_helper(helper);
		}
	}
	gk_engine_unref(engine);
}

uint64_t gk_engine_serial(const gk_engine *engine)
{
	uint64_t serial = 0;

	for (; engine; engine = engine->parent)
		if (engine->serial > serial)
			serial = engine->serial;
	return serial;
}

/* --- setting --- */

gk_code gk_engine_set_helper(gk_engine *engine, const char *name, gk_helper_fn *run, void *user,
	void (*free_user)(void *user), gk_error *err)
{
	gk_engine_helper *helper;

	if (!name || !*name || !run)
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "a helper needs a name and a function");
	helper = calloc(1, sizeof(*helper));
	if (!helper)
		return gk_error_no_memory(err);
	*helper = (gk_engine_helper){ .engine = engine, .run = run, .user = user };
	if (!gk_table_set(engine->helpers, name, helper)) {
		free(helper);
		return gk_error_no_memory(err);
	}
	helper->free_user = free_user;
	engine->serial = next_serial();
	return GK_OK;
}

gk_code gk_engine_set_partial(
	gk_engine *engine, const char *name, const char *source, size_t len, gk_error *err)
{
	gk_engine_partial *partial = calloc(1, sizeof(*partial));

	if (!partial)
		return gk_error_no_memory(err);
	partial->refs = 1;
	partial->len = len;
	partial->source = malloc(len + 1);
	if (partial->source) {
		memcpy(partial->source, source, len);
		partial->source[len] = '\0';
	}
	if (!partial->source || !gk_table_set(engine->partials, name, partial)) {
		unref_partial(partial);
		return gk_error_no_memory(err);
	}
	return GK_OK;
}

static gk_code set_value(gk_table *table, const char *name, json_t *value, gk_error *err)
{
	if (gk_table_set(table, name, json_incref(value)))
		return GK_OK;
	json_decref(value);
	return gk_error_no_memory(err);
}

gk_code gk_engine_set_schema(gk_engine *engine, const char *name, json_t *value, gk_error *err)
{
	return set_value(engine->schemas, name, value, err);
}

gk_code gk_engine_set_tool(gk_engine *engine, const char *name, json_t *value, gk_error *err)
{
	return set_value(engine->tools, name, value, err);
}

void gk_engine_set_resolver(gk_engine *engine, const gk_engine_resolver *resolver)
{
	if (engine->has_resolver && engine->resolver.free_user)
		engine->resolver.free_user(engine->resolver.user);
	engine->has_resolver = resolver != NULL;
	engine->resolver = resolver ? *resolver : (gk_engine_resolver){ 0 };
}

bool gk_engine_remove_helper(gk_engine *engine, const char *name)
{
	engine->serial = next_serial();
	return gk_table_remove(engine->helpers, name);
}

bool gk_engine_remove_partial(gk_engine *engine, const char *name)
{
	return gk_table_remove(engine->partials, name);
}

/* --- looking up --- */

gk_engine_helper *gk_engine_helper_peek(const gk_engine *engine, const char *name)
{
	for (; engine; engine = engine->parent) {
		gk_engine_helper *helper = gk_table_get(engine->helpers, name);

		if (helper)
			return helper;
	}
	return gk_builtin_helper_peek(name);
}

gk_engine_partial *gk_engine_partial_peek(const gk_engine *engine, const char *name)
{
	gk_engine_partial *partial = NULL;

	for (; engine && !partial; engine = engine->parent)
		partial = gk_table_get(engine->partials, name);
	return partial;
}

static const gk_engine_resolver *resolver_of(const gk_engine *engine)
{
	for (; engine; engine = engine->parent)
		if (engine->has_resolver)
			return &engine->resolver;
	return NULL;
}

gk_code gk_engine_schema(const gk_engine *engine, const char *name, json_t **ret, gk_error *err)
{
	const gk_engine_resolver *resolver = resolver_of(engine);
	json_t *set = NULL;

	for (; engine && !set; engine = engine->parent)
		set = gk_table_get(engine->schemas, name);
	*ret = json_incref(set);
	return !set && resolver && resolver->schema
		       ? resolver->schema(name, resolver->user, ret, err)
		       : GK_OK;
}

gk_code gk_engine_tool(const gk_engine *engine, const char *name, json_t **ret, bool *was_set_ret,
	bool *has_resolver_ret, gk_error *err)
{
	const gk_engine_resolver *resolver = resolver_of(engine);
	json_t *set = NULL;

	for (; engine && !set; engine = engine->parent)
		set = gk_table_get(engine->tools, name);
	*ret = json_incref(set);
	*was_set_ret = set != NULL;
	*has_resolver_ret = resolver && resolver->tool;
	return !set && *has_resolver_ret ? resolver->tool(name, resolver->user, ret, err) : GK_OK;
}

/* --- partials --- */

static bool opts_equal(const gk_template_opts *a, const gk_template_opts *b)
{
	return a->escapes_html == b->escapes_html && a->guesses_helpers == b->guesses_helpers &&
	       a->ignores_standalone == b->ignores_standalone &&
	       a->prevents_indent == b->prevents_indent;
}

gk_code gk_engine_partial_template(
	gk_engine_partial *partial, const gk_template_opts *opts, gk_template **ret, gk_error *err)
{
	gk_template *tmpl = NULL;
	gk_code rc;

	if (!partial->tmpl || !opts_equal(&partial->tmpl->opts, opts)) {
		rc = gk_template_compile(partial->source, partial->len, opts, NULL, &tmpl, err);
		if (rc != GK_OK)
			return rc;
		gk_template_unref(partial->tmpl);
		partial->tmpl = tmpl;
	}
	*ret = gk_template_ref(partial->tmpl);
	return GK_OK;
}

/* Of a partial that cannot be compiled nothing is asked: the mistake surfaces when it is used. */
static gk_code resolve_partial(
	gk_engine *engine, const gk_engine_resolver *resolver, const char *name, gk_error *err)
{
	gk_auto_str char *source = NULL;
	gk_code rc = resolver->partial(name, resolver->user, &source, err);

	if (rc != GK_OK || !source || !*source)
		return rc;
	return gk_engine_set_partial(engine, name, source, strlen(source), err);
}

/* Newly found ones are put in line behind the others; each is in the engine by then, so none is asked for twice. */
gk_code gk_engine_resolve_partials(gk_engine *engine, const gk_template *tmpl, gk_error *err)
{
	const gk_engine_resolver *resolver = resolver_of(engine);

	if (!resolver || !resolver->partial)
		return GK_OK;
	for (const gk_tmpl_name *it = tmpl->partials; it; it = it->next) {
		gk_auto_template gk_template *found = NULL;
		gk_engine_partial *partial;
		gk_code rc;

		if (gk_engine_partial_peek(engine, it->name))
			continue;
		rc = resolve_partial(engine, resolver, it->name, err);
		partial = rc == GK_OK ? gk_engine_partial_peek(engine, it->name) : NULL;
		if (partial &&
			gk_engine_partial_template(partial, &tmpl->opts, &found, NULL) == GK_OK)
			rc = gk_engine_resolve_partials(engine, found, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

/* --- links --- */

void gk_tmpl_links_unref(gk_tmpl_links *links)
{
	if (!links || --links->refs > 0)
		return;
	free(links);
}

static gk_tmpl_links *new_links(const gk_template *tmpl, const gk_engine *engine, uint64_t serial)
{
	size_t count = (size_t)tmpl->n_slots;
	gk_tmpl_links *links = calloc(1, sizeof(*links) + count * sizeof(links->helpers[0]));
	int i = tmpl->n_slots;

	if (!links)
		return NULL;
	links->refs = 1;
	links->engine = engine;
	links->serial = serial;
	for (const gk_tmpl_slot *slot = tmpl->slots; slot; slot = slot->next)
		links->helpers[--i] = gk_engine_helper_peek(engine, slot->name);
	return links;
}

static const char *slot_name(const gk_template *tmpl, int number)
{
	const gk_tmpl_slot *slot = tmpl->slots;

	for (int i = tmpl->n_slots - 1; i > number; i--)
		slot = slot->next;
	return slot->name;
}

static gk_code check_demand(const gk_template *tmpl, const gk_tmpl_links *links,
	const gk_tmpl_demand *it, gk_template_place *place, gk_error *err)
{
	unsigned line, column;

	if (!it->partial_params && (tmpl->opts.guesses_helpers || links->helpers[it->call->helper]))
		return GK_OK;
	if (place)
		*place = gk_tmpl_place(tmpl, it->call->at);
	gk_tmpl_where(tmpl, it->call->at, &line, &column);
	if (it->partial_params)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"Unsupported number of partial arguments: %u - %u:%u", it->partial_params,
			line, column);
	return gk_error_set(err, GK_INVALID_ARGUMENT,
		"You specified knownHelpersOnly, but used the unknown helper %s - %u:%u",
		slot_name(tmpl, it->call->helper), line, column);
}

gk_code gk_tmpl_link(gk_template *tmpl, gk_engine *engine, gk_template_place *place,
	gk_tmpl_links **ret, gk_error *err)
{
	uint64_t serial = gk_engine_serial(engine);
	gk_tmpl_links *links = tmpl->links;
	gk_code rc = GK_OK;

	if (!links || links->engine != engine || links->serial != serial) {
		links = new_links(tmpl, engine, serial);
		if (!links)
			return gk_error_no_memory(err);
		for (const gk_tmpl_demand *it = tmpl->demands; it && rc == GK_OK; it = it->next)
			rc = check_demand(tmpl, links, it, place, err);
		if (rc != GK_OK) {
			gk_tmpl_links_unref(links);
			return rc;
		}
		gk_tmpl_links_unref(tmpl->links);
		tmpl->links = links;
	}
	links->refs++;
	*ret = links;
	return GK_OK;
}
