/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What the documents say of plugins is what the plugins say of themselves. */
#include "base/file.h"
#include "base/str.h"
#include "core.h"
#include "core/internal.h"
#include "json/schema.h"
#include "plugins/common/builtin.h"
#include "plugins/oai/oai.h"

#include <stdio.h>

static char *read_file(const char *path)
{
	char *text = NULL;
	size_t len;

	return gk_file_read(path, 1 << 20, &text, &len, NULL) == GK_OK ? text : NULL;
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

/* An application with that plugin; the compatible one is called zoo. */
static void start_plugin(const char *name)
{
	gk_auto_json json_t *options =
		json("{'apiKey':'test-key','baseURL':'http://nowhere.invalid'}");

	if (strcmp(name, "cloudflare-workers-ai") == 0)
		json_object_set_new(options, "accountId", json_string("acc"));
	core_start_unseen();
	if (strcmp(name, "compat") == 0)
		json_object_set_new(options, "name", json_string("zoo"));
	ck_assert(gk_net_set_transport(core_app, &nobody, NULL));
	ck_assert_int_eq(gk_use_plugin(core_app, name, options, NULL), GK_OK);
	core_flow("look", look_around, NULL);
}

static json_t *list_plugin(const char *name)
{
	return core_run("/flow/look", json_string(strcmp(name, "compat") == 0 ? "zoo" : name));
}

static abilities abilities_of(const char *name)
{
	gk_auto_json json_t *actions = NULL;
	abilities it = { 0 };
	const char *key;
	json_t *one;

	start_plugin(name);
	actions = list_plugin(name);
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

/* --- manuals --- */

/* The names between backticks in the first column of a section's table, as {name: true}. Members of none: it has no table. */
static json_t *named_in(const char *text, const char *section)
{
	const char *at = strstr(text, section), *end;
	json_t *names = json_object();

	ck_assert_msg(at != NULL, "no section '%s'", section);
	at += strlen(section);
	end = strstr(at, "\n## ");
	end = end ? end : at + strlen(at);
	while ((at = strstr(at, "\n| `")) && at < end) {
		const char *column_end = strchr(at + 3, '|');

		for (at += 3; at < column_end; at++) {
			size_t len = *at == '`' ? strcspn(at + 1, "`") : 0;
			gk_auto_str char *name = len ? strndup(at + 1, len) : NULL;

			if (name)
				json_object_set_new(names, name, json_true());
			at += len ? len + 1 : 0;
		}
	}
	return names;
}

static void assert_same_names(const char *path, const json_t *told, const json_t *known)
{
	const char *name;
	json_t *one;

	json_object_foreach ((json_t *)(uintptr_t)told, name, one)
		ck_assert_msg(json_object_get(known, name) != NULL,
			"%s tells of '%s', and there is none", path, name);
	json_object_foreach ((json_t *)(uintptr_t)known, name, one)
		ck_assert_msg(
			json_object_get(told, name) != NULL, "%s leaves out '%s'", path, name);
}

static void put_options(json_t *names, const gk_vendor_option *option)
{
	for (; option && option->name; option++)
		json_object_set_new(names, option->name, json_true());
}

static char *manual_of(const char *name, char **path_ret)
{
	char *text;

	if (asprintf(path_ret, "src/plugins/%s/%s.md", folder_of(name), folder_of(name)) < 0)
		abort();
	text = read_file(*path_ret);
	ck_assert_msg(text != NULL, "%s is missing", *path_ret);
	return text;
}

START_TEST(each_manual_has_the_options_that_there_are)
{
	const gk_vendor_type *type;
	const char *name;

	for (size_t i = 0; (name = plugin_at(&i, &type)); i++) {
		gk_auto_str char *path = NULL, *text = manual_of(name, &path);
		gk_auto_json json_t *told = named_in(text, "## Options"), *known = json_object();
		gk_vendor *vendor = NULL;

		start_plugin(name);
		ck_assert_int_eq(gk_vendor_of(gk_table_get(core_app->plugins, type ? name : "zoo"),
					 &vendor, NULL),
			GK_OK);
		put_options(known, gk_vendor_common_options);
		put_options(known, vendor->type->options);
		if (!type)
			json_object_set_new(known, "name", json_true());
		core_stop();
		assert_same_names(path, told, known);
	}
}
END_TEST

/* What the models of a plugin say that their configuration may have. */
static json_t *settings_of(const char *name)
{
	gk_auto_json json_t *actions = NULL;
	json_t *all = json_object(), *one;
	const char *key;

	start_plugin(name);
	actions = list_plugin(name);
	json_object_foreach (actions, key, one) {
		json_t *schema = gk_json_at_peek(one, "metadata.model.customOptions");

		json_object_update(all, json_object_get(schema, "properties"));
	}
	core_stop();
	return all;
}

START_TEST(each_manual_has_the_members_of_a_configuration_that_there_are)
{
	const gk_vendor_type *type;
	const char *name;

	for (size_t i = 0; (name = plugin_at(&i, &type)); i++) {
		gk_auto_str char *path = NULL, *text = manual_of(name, &path);
		gk_auto_json json_t *told = named_in(text, "## Configuration of a call");
		gk_auto_json json_t *known = settings_of(name);

		assert_same_names(path, told, known);
	}
}
END_TEST

/* The spelling of files and ours, each once. */
static bool is_taken(const gk_schema *schema, const char *plugin, const gk_vendor_option *option)
{
	gk_auto_json json_t *value =
		option->type == GK_OPTION_STRING || option->type == GK_OPTION_SECRET
			? json_string("x")
		: option->type == GK_OPTION_BOOL   ? json_true()
		: option->type == GK_OPTION_NUMBER ? json_integer(1)
		: option->type == GK_OPTION_LIST   ? json_array()
						   : json_object();
	gk_auto_json json_t *config =
		json_pack("{s:{s:s, s:O}}", plugin, "name", "zoo", option->name, value);

	if (strcmp(plugin, "compat") != 0)
		json_object_del(json_object_get(config, plugin), "name");
	return gk_schema_check(schema, config, NULL) == GK_OK;
}

START_TEST(the_schema_of_the_configuration_knows_every_option)
{
	gk_auto_json json_t *text = gk_plugins_schema();
	gk_schema *schema = NULL;
	const gk_vendor_type *type;
	const char *name;

	ck_assert_int_eq(gk_schema_compile(text, NULL, NULL, &schema, NULL), GK_OK);
	for (size_t i = 0; (name = gk_builtin_at(i, &type)); i++) {
		const gk_vendor_option *const tables[] = { gk_vendor_common_options,
			type ? type->options : gk_compat_options };

		for (size_t t = 0; t < 2; t++)
			for (const gk_vendor_option *o = tables[t]; o && o->name; o++)
				ck_assert_msg(is_taken(schema, name, o), "%s: %s", name, o->name);
		ck_assert(!is_taken(schema, name,
			&(const gk_vendor_option){ .name = "bse_url", .type = GK_OPTION_STRING }));
	}
	gk_schema_unref(schema);
}
END_TEST

START_TEST(each_manual_names_every_variable)
{
	const gk_vendor_type *type;
	const char *name;

	for (size_t i = 0; (name = plugin_at(&i, &type)); i++) {
		gk_auto_str char *path = NULL, *text = manual_of(name, &path);
		const gk_oai_row *row = type && type->plugin.list == gk_oai_list ? type->row : NULL;

		for (const char *const *e = type ? type->key_env : NULL; e && *e; e++)
			ck_assert_msg(strstr(text, *e) != NULL, "%s: %s", path, *e);
		for (const char *const *e = type ? type->base_env : NULL; e && *e; e++)
			ck_assert_msg(strstr(text, *e) != NULL, "%s: %s", path, *e);
		for (const char *const *e = row ? row->headers : NULL; e && *e; e += 3)
			ck_assert_msg(strstr(text, e[1]) != NULL, "%s: %s", path, e[1]);
	}
}
END_TEST

static Suite *vendor_docs_suite(void)
{
	Suite *suite = suite_create("vendor_docs");
	TCase *tcase = tcase_create("vendor_docs");

	tcase_add_test(tcase, the_table_of_providers_is_true);
	tcase_add_test(tcase, each_manual_has_the_options_that_there_are);
	tcase_add_test(tcase, each_manual_has_the_members_of_a_configuration_that_there_are);
	tcase_add_test(tcase, the_schema_of_the_configuration_knows_every_option);
	tcase_add_test(tcase, each_manual_names_every_variable);
	suite_add_tcase(suite, tcase);
	return suite;
}

UNIT_MAIN(vendor_docs_suite)
