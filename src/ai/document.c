/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Documents (actions section 5). */
#include <genkit/document.h>

#include "ai/parts.h"
#include "base/log.h"
#include "base/str.h"
#include "base/table.h"
#include "json/edit.h"

json_t *gk_document_new(json_t *content_take, json_t *metadata)
{
	gk_auto_json json_t *document = json_object(), *content = content_take;

	if (!gk_json_set(document, "content", content) ||
		(metadata && !gk_json_set(document, "metadata", metadata)))
		return NULL;
	return gk_steal(document);
}

/* [part] */
static json_t *document_of(json_t *part_take, json_t *metadata)
{
	gk_auto_json json_t *content = json_array();

	return gk_json_push_take(content, part_take) ? gk_document_new(gk_steal(content), metadata)
						     : NULL;
}

json_t *gk_document_of_text(const char *text, json_t *metadata)
{
	return document_of(gk_part_text(text), metadata);
}

json_t *gk_document_of_media(const char *url, const char *content_type, json_t *metadata)
{
	return document_of(gk_part_media(url, content_type), metadata);
}

json_t *gk_document_of_data(const char *data, const char *data_type, json_t *metadata)
{
	return gk_str_equal(data_type, "text") ? gk_document_of_text(data, metadata)
					       : gk_document_of_media(data, data_type, metadata);
}

/* --- reading --- */

char *gk_document_text(const json_t *document)
{
	return gk_message_text(document);
}

/* A part that has a text as well counts as text. */
static json_t *medium_of(const json_t *part)
{
	json_t *media = json_object_get(part, "media");

	return gk_json_is_truthy(media) && !gk_json_is_truthy(json_object_get(part, "text")) ? media
											     : NULL;
}

static json_t *first_medium(const json_t *document)
{
	json_t *part, *media;
	size_t i;

	json_array_foreach (json_object_get(document, "content"), i, part) {
		media = medium_of(part);
		if (media)
			return media;
	}
	return NULL;
}

json_t *gk_document_media(const json_t *document)
{
	gk_auto_json json_t *list = json_array();
	json_t *part, *media;
	size_t i;

	json_array_foreach (json_object_get(document, "content"), i, part) {
		media = medium_of(part);
		if (media && !gk_json_push_take(list, json_incref(media)))
			return NULL;
	}
	return gk_steal(list);
}

char *gk_document_data(const json_t *document)
{
	char *text = gk_document_text(document);
	const char *url;

	if (!text || *text)
		return text;
	free(text);
	url = json_string_value(json_object_get(first_medium(document), "url"));
	return strdup(url ? url : "");
}

const char *gk_document_data_type_peek(const json_t *document)
{
	json_t *text = gk_parts_first_peek(document, "text");

	if (text)
		return "text";
	return json_string_value(json_object_get(first_medium(document), "contentType"));
}

/* --- embeddings --- */

static json_t *copy_for(json_t *document, const json_t *embedding)
{
	json_t *embed_metadata = json_object_get(embedding, "metadata");
	gk_auto_json json_t *copy = json_deep_copy(document), *metadata = NULL;

	if (!copy || !gk_json_is_truthy(embed_metadata))
		return gk_steal(copy);
	metadata = json_incref(json_object_get(copy, "metadata"));
	if (!metadata)
		metadata = json_object();
	if (!gk_json_set_take(metadata, "embedMetadata", json_deep_copy(embed_metadata)) ||
		!gk_json_set(copy, "metadata", metadata))
		return NULL;
	return gk_steal(copy);
}

/* They are copies of one document: what tells them apart is the metadata of their embeddings. */
static bool are_unique(const json_t *embeddings)
{
	gk_table *seen = gk_table_new(NULL);
	bool unique = true;
	json_t *embedding;
	size_t i;

	json_array_foreach (embeddings, i, embedding) {
		json_t *metadata = json_object_get(embedding, "metadata");
		gk_auto_str char *text =
			gk_json_is_truthy(metadata) ? gk_json_write(metadata, NULL) : strdup("");

		if (!seen || !text)
			break; /* no memory for a warning */
		unique = unique && !gk_table_get(seen, text);
		if (!gk_table_set(seen, text, seen))
			break;
	}
	gk_table_free(seen);
	return unique;
}

json_t *gk_document_split(json_t *document, json_t *embeddings)
{
	gk_auto_json json_t *list = json_array();
	json_t *embedding;
	size_t i;

	json_array_foreach (embeddings, i, embedding)
		if (!gk_json_push_take(list, copy_for(document, embedding)))
			return NULL;
	if (json_array_size(embeddings) > 1 && !are_unique(embeddings))
		gk_log(GK_LOG_WARN, "document",
			"Warning: embedding documents are not unique. Are you missing embed "
			"metadata?");
	return gk_steal(list);
}
