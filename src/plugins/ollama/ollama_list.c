/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Which models a server has, and what each of them can do. The latter is asked for once for each digest, and not again for a
 * while when there is no answer: a model is then taken for one that can do everything.
 */
#include "plugins/ollama/ollama.h"

#include "base/str.h"
#include "core/app.h"
#include "plugins/common/ask.h"

/* --- what is known --- */

static uint64_t now_ms(const gk_vendor *vendor)
{
	return gk_loop_now_ms(gk_app_loop(vendor->app));
}

/* Models of one digest are one; without one the name has to do. */
static const char *key_of(const json_t *item)
{
	const char *digest = gk_json_str_peek(item, "digest");

	return digest && *digest ? digest : gk_ollama_listed_name(item);
}

/* What is remembered of it: {capabilities} or {failedMs}; NULL: nothing, or not any more. Borrowed. */
static json_t *recall(const gk_vendor *vendor, const json_t *item)
{
	json_t *known = json_object_get(vendor->memory, key_of(item));
	json_t *failed = json_object_get(known, "failedMs");

	return failed && now_ms(vendor) - (uint64_t)json_integer_value(failed) >=
				       GK_OLLAMA_SHOW_RETRY_MS
		       ? NULL
		       : known;
}

const char *gk_ollama_listed_name(const json_t *item)
{
	const char *name = gk_json_str_peek(item, "model");

	return name ? name : gk_json_str_peek(item, "name");
}

bool gk_ollama_is_embedder(const char *name, const json_t *capabilities)
{
	json_t *one;
	bool embeds = false;
	size_t i;

	if (!json_is_array(capabilities))
		return strcasestr(name, "embed") != NULL;
	json_array_foreach (capabilities, i, one) {
		if (gk_str_equal(json_string_value(one), "completion"))
			return false;
		embeds |= gk_str_equal(json_string_value(one), "embedding");
	}
	return embeds;
}

/* --- asking --- */

/* Never fails, unless it is called off: `*ret` is what to remember. */
static gk_code ask_one(gk_ctx *ctx, json_t *item, json_t **ret, gk_error *err)
{
	const gk_vendor *vendor = gk_ctx_user(ctx);
	gk_auto_json json_t *body = json_pack("{s:s}", "model", gk_ollama_listed_name(item));
	gk_auto_json json_t *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	json_t *capabilities;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	if (!body)
		return gk_error_no_memory(err);
	rc = gk_ollama_prepare(vendor, NULL, "/api/show", &out, err);
	gk_outgoing_json(&out, body);
	out.timeout_ms = GK_OLLAMA_LIST_MS;
	if (rc == GK_OK)
		rc = gk_ask_json(ctx, "ollama", &out, &answer, err);
	if (rc != GK_OK && gk_ctx_is_cancelled(ctx))
		return rc;
	gk_error_clear(err);
	capabilities = json_object_get(answer, "capabilities");
	*ret = json_is_array(capabilities)
		       ? json_pack("{s:O}", "capabilities", capabilities)
		       : json_pack("{s:I}", "failedMs", (json_int_t)now_ms(vendor));
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code ask_some(gk_ctx *ctx, gk_vendor *vendor, json_t *const *items, size_t count,
	json_t *memory, gk_error *err)
{
	gk_parallel all[GK_OLLAMA_SHOWS] = { 0 };
	gk_code rc;

	for (size_t i = 0; i < count; i++)
		all[i] = (gk_parallel){ .fn = ask_one, .user = vendor, .input = items[i] };
	rc = gk_run_parallel(ctx, all, count, err);
	for (size_t i = 0; i < count; i++) {
		if (rc == GK_OK && !gk_json_set(memory, key_of(items[i]), all[i].ret))
			rc = gk_error_no_memory(err);
		json_decref(all[i].ret);
		gk_error_clear(&all[i].err);
	}
	return rc;
}

gk_code gk_ollama_learn(gk_ctx *ctx, gk_vendor *vendor, json_t *models, gk_error *err)
{
	gk_auto_json json_t *memory = json_object();
	json_t *waiting[GK_OLLAMA_SHOWS], *item;
	size_t count = 0, i;
	gk_code rc = memory ? GK_OK : gk_error_no_memory(err);

	json_array_foreach (models, i, item) {
		const char *name = gk_ollama_listed_name(item);
		json_t *known = name ? recall(vendor, item) : NULL;

		if (rc != GK_OK)
			return rc;
		if (known && !gk_json_set(memory, key_of(item), known))
			return gk_error_no_memory(err);
		if (!name || known || gk_ollama_is_embedder(name, NULL))
			continue;
		waiting[count++] = item;
		if (count == GK_OLLAMA_SHOWS) {
			rc = ask_some(ctx, vendor, waiting, count, memory, err);
			count = 0;
		}
	}
	if (rc == GK_OK && count)
		rc = ask_some(ctx, vendor, waiting, count, memory, err);
	if (rc != GK_OK)
		return rc;
	/* Of models that are gone nothing is remembered. */
	json_decref(vendor->memory);
	vendor->memory = gk_steal(memory);
	return GK_OK;
}

json_t *gk_ollama_capabilities_peek(const gk_vendor *vendor, const json_t *item)
{
	return json_object_get(json_object_get(vendor->memory, key_of(item)), "capabilities");
}
