/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/vendor_internal.h"

#include "base/str.h"
#include "core/app.h"
#include "core/define.h"
#include "json/edit.h"
#include "plugins/common/failure.h"

#include <stdio.h>

/* --- actions --- */

gk_vendor_model *gk_vendor_model_new(gk_vendor *vendor, const char *id, const void *row)
{
	gk_vendor_model *model = calloc(1, sizeof(*model));

	if (!model || !(model->id = strdup(id))) {
		free(model);
		return NULL;
	}
	model->vendor = gk_vendor_ref(vendor);
	model->row = row;
	return model;
}

void gk_vendor_model_free(void *it)
{
	gk_vendor_model *model = it;

	if (!model)
		return;
	gk_vendor_unref(model->vendor);
	free(model->id);
	free(model);
}

/* A model or an embedder, before its maker is called. */
typedef struct making {
	gk_vendor_model *model;
	char *name; /* with the prefix */
} making;

static gk_code begin(making *it, gk_vendor *vendor, const char *id, const void *row, gk_error *err)
{
	it->model = gk_vendor_model_new(vendor, id, row);
	if (it->model && asprintf(&it->name, "%s/%s", vendor->name, id) >= 0)
		return GK_OK;
	gk_vendor_model_free(it->model);
	return gk_error_no_memory(err);
}

/* `rc` is what the maker said. */
static gk_code finish(making *it, gk_plugin *plugin, gk_action *action, gk_code rc, gk_error *err)
{
	free(it->name);
	if (rc != GK_OK) {
		gk_vendor_model_free(it->model);
		return rc;
	}
	rc = gk_plugin_add(plugin, action, err);
	gk_action_unref(action);
	return rc;
}

gk_code gk_vendor_define_model(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err)
{
	gk_action *action = NULL;
	making it = { 0 };
	gk_code rc = begin(&it, vendor, id, row, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_model_new(vendor->app,
		GK_OPTS(gk_model_opts, .name = it.name, .info = info, .run = run, .user = it.model,
			.free_user = gk_vendor_model_free),
		&action, err);
	return finish(&it, plugin, action, rc, err);
}

/* {label, dimensions, supports: {input}} as the options of an embedder. */
static unsigned embeds_of(const json_t *info)
{
	static const struct {
		const char *name;
		unsigned flag;
	} kinds[] = { { "text", GK_EMBEDS_TEXT }, { "image", GK_EMBEDS_IMAGE },
		{ "video", GK_EMBEDS_VIDEO } };
	unsigned supports = 0;
	json_t *one;
	size_t i;

	json_array_foreach (gk_json_at_peek(info, "supports.input"), i, one)
		for (size_t k = 0; k < 3; k++)
			if (gk_str_equal(json_string_value(one), kinds[k].name))
				supports |= kinds[k].flag;
	return supports;
}

gk_code gk_vendor_define_embedder(gk_plugin *plugin, gk_vendor *vendor, const char *id,
	const void *row, json_t *info, gk_action_fn *run, gk_error *err)
{
	gk_action *action = NULL;
	making it = { 0 };
	gk_code rc = begin(&it, vendor, id, row, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_embedder_new(vendor->app,
		GK_OPTS(gk_embedder_opts, .name = it.name, .label = gk_json_str_peek(info, "label"),
			.dimensions = (unsigned)gk_json_int_at(info, "dimensions", 0),
			.supports = embeds_of(info),
			.config_json = json_object_get(info, "customOptions"), .run = run,
			.user = it.model, .free_user = gk_vendor_model_free),
		&action, err);
	return finish(&it, plugin, action, rc, err);
}

/* --- many of them --- */

gk_code gk_vendor_define_words(gk_plugin *plugin, gk_vendor *vendor, const char *ids,
	const void *row, gk_vendor_define_fn *define, gk_error *err)
{
	gk_code rc = GK_OK;

	for (; rc == GK_OK && *(ids += strspn(ids, " ")); ids += strcspn(ids, " ")) {
		gk_auto_str char *id = strndup(ids, strcspn(ids, " "));

		if (!id)
			return gk_error_no_memory(err);
		if (!strchr(id, '*'))
			rc = define(plugin, vendor, row, id, err);
	}
	return rc;
}

gk_code gk_vendor_define_given(gk_plugin *plugin, gk_vendor *vendor, const char *option,
	gk_vendor_define_fn *define, gk_error *err)
{
	json_t *one;
	size_t i;

	json_array_foreach (gk_vendor_option_peek(vendor, option), i, one) {
		const char *id = json_is_string(one) ? json_string_value(one)
						     : gk_json_str_peek(one, "name");
		gk_code rc;

		if (!id || !*id)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"plugin %s: each of '%s' is a name, or a mapping with 'name'",
				vendor->name, option);
		rc = define(plugin, vendor, json_is_object(one) ? one : NULL, id, err);
		if (rc != GK_OK)
			return rc;
	}
	return GK_OK;
}

/* --- listings --- */

static bool is_fresh(const gk_vendor *vendor)
{
	uint64_t max_ms =
		vendor->type->listing_ms ? vendor->type->listing_ms : GK_VENDOR_LISTING_MS;

	return vendor->listing &&
	       gk_loop_now_ms(gk_app_loop(vendor->app)) - vendor->listed_ms <= max_ms;
}

gk_code gk_vendor_list(gk_ctx *ctx, gk_plugin *plugin, json_t *list, gk_error *err)
{
	gk_vendor *vendor;
	gk_code rc = gk_vendor_of(plugin, &vendor, err);

	if (rc != GK_OK ||
		(!vendor->api_key && (vendor->key_per_call || !vendor->type->key_optional)))
		return rc;
	if (!is_fresh(vendor)) {
		gk_auto_json json_t *listing = json_array();

		rc = listing ? vendor->type->list(ctx, vendor, listing, err)
			     : gk_error_no_memory(err);
		if (rc != GK_OK)
			return rc;
		json_decref(vendor->listing);
		vendor->listing = gk_steal(listing);
		vendor->listed_ms = gk_loop_now_ms(gk_app_loop(vendor->app));
	}
	return json_array_extend(list, vendor->listing) == 0 ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_vendor_items(const gk_vendor *vendor, const gk_outgoing *out, json_t *answer,
	const char *member, json_t **ret, gk_error *err)
{
	json_t *items = json_is_array(answer) ? answer : json_object_get(answer, member);

	if (gk_failure_is(answer))
		return gk_failure_in_answer(err, vendor->name, out, answer);
	if (!json_is_array(items) && !json_is_null(items))
		return gk_error_set(
			err, GK_INTERNAL, "%s: the answer is no listing of models", vendor->name);
	*ret = items;
	return GK_OK;
}

json_t *gk_vendor_listed(const char *type, const char *id, json_t *info)
{
	const char *kind = strcmp(type, "embedder") == 0 ? "embedder" : "model";
	gk_auto_json json_t *metadata = json_object(), *item = json_object();

	if (!gk_json_set(metadata, kind, info) || !gk_json_set_str(item, "type", type) ||
		!gk_json_set_str(item, "name", id) || !gk_json_set(item, "metadata", metadata))
		return NULL;
	return gk_steal(item);
}

bool gk_words_match(const char *words, const char *id)
{
	size_t id_len = strlen(id);

	while (words && *(words += strspn(words, " "))) {
		size_t len = strcspn(words, " ");
		bool open_front = *words == '*', open_back = len && words[len - 1] == '*';
		const char *text = words + open_front;
		size_t text_len = len - open_front - (open_back && len > 1);

		if (open_front && open_back) {
			if (memmem(id, id_len, text, text_len))
				return true;
		} else if (id_len >= text_len && (open_front || open_back || id_len == text_len) &&
			   memcmp(open_front ? id + id_len - text_len : id, text, text_len) == 0) {
			return true;
		}
		words += len;
	}
	return false;
}
