/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the documents say of plugins is what the plugins say of themselves. */
#include "base/str.h"
#include "core.h"
#include "plugins/common/builtin.h"
#include "plugins/oai/oai.h"

#include <stdio.h>

static char *read_file(const char *path)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	FILE *file = fopen(path, "re");
	char piece[4096];
	size_t len;

	if (!file)
		return NULL;
	while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
		gk_buf_put(&text, piece, len);
	fclose(file);
	return gk_buf_take(&text, NULL);
}

/* Nobody is there: what a plugin knows it knows by itself. */
static gk_code refuse(void *user, const gk_outgoing *out, void **ret, gk_error *err)
{
	(void)user;
	(void)out;
	(void)ret;
	return gk_error_set(err, GK_UNAVAILABLE, "nobody is there");
}

static const gk_transport nobody = { .start = refuse };

typedef struct abilities {
	bool tools, choice, media, schema, embeds, makes;
} abilities;

static void learn(abilities *it, const char *key, const json_t *metadata)
{
	const json_t *supports = gk_json_at_peek(metadata, "model.supports"), *one;
	size_t i;

	it->embeds |= gk_str_has_prefix(key, "/embedder/");
	it->tools |= json_is_true(json_object_get(supports, "tools"));
	it->choice |= json_is_true(json_object_get(supports, "toolChoice"));
	it->media |= json_is_true(json_object_get(supports, "media"));
	it->schema |= gk_str_equal(gk_json_str_peek(supports, "constrained"), "all");
	json_array_foreach (json_object_get(supports, "output"), i, one)
		it->makes |= gk_str_equal(json_string_value(one), "media");
}

/* Looks a model and an embedder up that nobody has heard of, then all that is there. */
static gk_code look_around(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	static const char *const types[] = { "model", "embedder" };

	(void)ret;
	for (size_t i = 0; i < 2; i++) {
		gk_auto_str char *key = NULL;
		gk_action *action = NULL;
		gk_code rc;

		if (asprintf(&key, "/%s/%s/zzz", types[i], json_string_value(input)) < 0)
			abort();
		rc = gk_lookup_action(ctx, key, &action, err);
		gk_action_unref(action);
		if (rc != GK_OK)
			return rc;
	}
	return gk_app_list_actions(gk_ctx_app(ctx), ret, err);
}

static abilities abilities_of(const char *name)
{
	bool is_compat = strcmp(name, "compat") == 0;
	gk_auto_json json_t *options =
		json("{'apiKey':'test-key','baseURL':'http://nowhere.invalid'}");
	gk_auto_json json_t *actions = NULL;
	abilities it = { 0 };
	const char *key;
	json_t *one;

	core_start_unseen();
	if (is_compat)
		json_object_set_new(options, "name", json_string("zoo"));
	ck_assert(gk_net_set_transport(core_app, &nobody, NULL));
	ck_assert_int_eq(gk_use_plugin(core_app, name, options, NULL), GK_OK);
	core_flow("look", look_around, NULL);
	actions = core_run("/flow/look", json_string(is_compat ? "zoo" : name));
	json_object_foreach (actions, key, one)
		learn(&it, key, json_object_get(one, "metadata"));
	core_stop();
	return it;
}

static const char *mark(bool is_so)
{
	return is_so ? "+" : "";
}

static const char *folder_of(const char *name)
{
	if (strcmp(name, "cloudflare-workers-ai") == 0)
		return "cloudflare";
	return strcmp(name, "microsoft-foundry") == 0 ? "foundry" : name;
}

static bool lists(const gk_vendor_type *type)
{
	const gk_oai_row *row = type && type->plugin.list == gk_oai_list ? type->row : NULL;

	return (!type || type->plugin.list) && (!row || !row->no_listing);
}

/* Under their own names: an alias has no line. */
static const char *plugin_at(size_t *i, const gk_vendor_type **type)
{
	const char *name;

	while ((name = gk_builtin_at(*i, type)) && *type && strcmp((*type)->plugin.name, name) != 0)
		(*i)++;
	return name;
}

START_TEST(the_table_of_providers_is_true)
{
	gk_auto_str char *docs = read_file("docs/providers.md");
	gk_auto_buf gk_buf table = GK_BUF_INIT(0);
	const gk_vendor_type *type;
	const char *name;

	gk_buf_puts(&table,
		"<!-- begin table -->\n"
		"| plugin | tools | choice | media | schema | embeds | makes media | lists |\n"
		"| --- | --- | --- | --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; (name = plugin_at(&i, &type)); i++) {
		abilities it = abilities_of(name);

		gk_buf_printf(&table,
			"| [%s](../src/plugins/%s/%s.md) | %s | %s | %s | %s | %s | %s | %s |\n",
			name, folder_of(name), folder_of(name), mark(it.tools), mark(it.choice),
			mark(it.media), mark(it.schema), mark(it.embeds), mark(it.makes),
			mark(lists(type)));
	}
	gk_buf_puts(&table, "<!-- end table -->\n");
	ck_assert_ptr_nonnull(docs);
	ck_assert_msg(
		strstr(docs, table.data) != NULL, "docs/providers.md should have:\n%s", table.data);
}
END_TEST

START_TEST(each_manual_names_every_option_and_variable)
{
	const gk_vendor_type *type;
	const char *name;

	for (size_t i = 0; (name = plugin_at(&i, &type)); i++) {
		gk_auto_str char *path = NULL, *text = NULL;

		if (asprintf(&path, "src/plugins/%s/%s.md", folder_of(name), folder_of(name)) < 0)
			abort();
		text = read_file(path);
		ck_assert_msg(text != NULL, "%s is missing", path);
		for (const gk_vendor_option *o = type ? type->options : NULL; o && o->name; o++)
			ck_assert_msg(strstr(text, o->name) != NULL, "%s: %s", path, o->name);
		for (const char *const *e = type ? type->key_env : NULL; e && *e; e++)
			ck_assert_msg(strstr(text, *e) != NULL, "%s: %s", path, *e);
		for (const char *const *e = type ? type->base_env : NULL; e && *e; e++)
			ck_assert_msg(strstr(text, *e) != NULL, "%s: %s", path, *e);
	}
}
END_TEST

static Suite *vendor_docs_suite(void)
{
	Suite *suite = suite_create("vendor_docs");
	TCase *tcase = tcase_create("vendor_docs");

	tcase_add_test(tcase, the_table_of_providers_is_true);
	tcase_add_test(tcase, each_manual_names_every_option_and_variable);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_docs_suite)
