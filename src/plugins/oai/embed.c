/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Embeddings: the text of each document, in requests of at most so many; vectors in the order of the documents. */
#include "plugins/oai/oai.h"

#include "plugins/common/ask.h"
#include "plugins/common/failure.h"
#include "plugins/common/media.h"

#include <genkit/context.h>

static const gk_oai_rename renames[] = {
	{ "encodingFormat", "encoding_format", NULL, false },
	{ "outputDimension", "output_dimension", NULL, false },
	{ "outputDtype", "output_dtype", NULL, false },
	{ "version", NULL, NULL, false },
	{ "apiKey", NULL, NULL, false },
	{ 0 },
};

static bool add_options(json_t *body, const json_t *options)
{
	const char *name;
	json_t *value;

	json_object_foreach ((json_t *)(uintptr_t)options, name, value) {
		const gk_oai_rename *rename = renames;

		while (rename->from && strcmp(rename->from, name) != 0)
			rename++;
		if (json_is_null(value) || (rename->from && !rename->to))
			continue;
		if (!gk_json_set(body, rename->from ? rename->to : name, value))
			return false;
	}
	return true;
}

/* Of a task that extracts features the address names the model. */
static json_t *body_of(
	const gk_vendor *vendor, const char *model, const json_t *input, size_t from, size_t count)
{
	bool is_task = ((const gk_oai_row *)vendor->type->row)->embeds_features;
	const json_t *documents = json_object_get(input, "input");
	gk_auto_json json_t *body = json_object();

	if ((!is_task && !gk_json_set_str(body, "model", model)) ||
		!gk_json_set_take(body, is_task ? "inputs" : "input",
			gk_documents_texts(documents, from, count)) ||
		!add_options(body, json_object_get(input, "options")))
		return NULL;
	return gk_steal(body);
}

/* base64 of little-endian 32-bit reals. */
static json_t *unpack(const char *text)
{
	gk_auto_json json_t *vector = json_array();
	gk_auto_str char *bytes = NULL;
	size_t len;

	if (!gk_base64_decode(text, strlen(text), &bytes, &len) || len % 4)
		return NULL;
	for (size_t i = 0; i < len; i += 4) {
		const unsigned char *b = (const unsigned char *)bytes + i;
		uint32_t bits =
			b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
		float value;

		memcpy(&value, &bits, sizeof(value));
		if (!gk_json_push_take(vector, json_real(value)))
			return NULL;
	}
	return gk_steal(vector);
}

static gk_code malformed(const char *who, const char *what, gk_error *err)
{
	return gk_error_set(err, GK_INTERNAL, "%s: the answer's embeddings %s", who, what);
}

/* What is listed for a document is its vector, or has it; a vector may be packed. New reference; NULL: it is none. */
static json_t *vector_of(json_t *item)
{
	json_t *vector = json_is_array(item) ? item : json_object_get(item, "embedding");

	if (json_is_string(vector))
		return unpack(json_string_value(vector));
	return gk_vector_is(vector) ? json_incref(vector) : NULL;
}

/* Puts the vectors of one answer to their places. */
static gk_code place(
	const char *who, const json_t *answer, size_t count, json_t *embeddings, gk_error *err)
{
	const json_t *data = json_is_array(answer) ? answer : json_object_get(answer, "data");
	json_t *item;
	size_t offset = json_array_size(embeddings), i;

	if (json_array_size(data) != count)
		return malformed(who, "are not as many as the documents", err);
	for (i = 0; i < count; i++)
		if (json_array_append_new(embeddings, json_null()) < 0)
			return gk_error_no_memory(err);
	json_array_foreach (data, i, item) {
		int64_t index = gk_json_int_at(item, "index", (int64_t)i);
		gk_auto_json json_t *own = vector_of(item);

		if (!own || index < 0 || (size_t)index >= count)
			return malformed(who, "are not vectors", err);
		if (json_array_set_new(embeddings, offset + (size_t)index,
			    json_pack("{s:O}", "embedding", own)) < 0)
			return gk_error_no_memory(err);
	}
	for (i = offset; i < offset + count; i++)
		if (!json_is_object(json_array_get(embeddings, i)))
			return malformed(who, "leave a document out", err);
	return GK_OK;
}

static gk_code embed_some(gk_ctx *ctx, const gk_vendor_model *model, const char *name,
	const json_t *input, size_t from, size_t count, json_t *embeddings, gk_error *err)
{
	const gk_vendor *vendor = model->vendor;
	const json_t *options = json_object_get(input, "options");
	gk_auto_json json_t *body = body_of(vendor, name, input, from, count), *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = body ? gk_oai_prepare(
			    vendor, vendor->type->row, &out, "/embeddings", name, options, err)
		  : gk_error_no_memory(err);
	if (rc != GK_OK)
		return rc;
	gk_outgoing_json(&out, body);
	rc = gk_ask_json(ctx, vendor->name, &out, &answer, err);
	if (rc == GK_OK && gk_failure_is(answer))
		rc = gk_failure_in_answer(err, vendor->name, &out, answer);
	return rc == GK_OK ? place(vendor->name, answer, count, embeddings, err) : rc;
}

gk_code gk_oai_run_embed(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	const char *version = gk_json_str_peek(input, "options.version");
	size_t total = json_array_size(json_object_get(input, "input"));
	gk_auto_json json_t *embeddings = json_array();

	if (!embeddings)
		return gk_error_no_memory(err);
	for (size_t from = 0; from < total; from += GK_MAX_EMBED_BATCH) {
		size_t count =
			total - from < GK_MAX_EMBED_BATCH ? total - from : GK_MAX_EMBED_BATCH;
		gk_code rc = embed_some(ctx, model, version && *version ? version : model->id,
			input, from, count, embeddings, err);

		if (rc != GK_OK)
			return rc;
	}
	*ret = json_pack("{s:O}", "embeddings", embeddings);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
