/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/document_internal.h"

#include "base/limits.h"
#include "dotprompt/front_matter.h"
#include "dotprompt/text.h"
#include "dotprompt/value.h"
#include "json/edit.h"
#include "json/yaml.h"

static const char *const reserved[] = { "config", "description", "input", "model", "name", "output",
	"toolDefs", "tools", "variant", "version" };

/* --- life --- */

gk_prompt_document *gk_prompt_document_ref(gk_prompt_document *doc)
{
	if (doc)
		__atomic_add_fetch(&doc->refs, 1, __ATOMIC_RELAXED);
	return doc;
}

gk_prompt_document *gk_prompt_document_unref(gk_prompt_document *doc)
{
	if (!doc || __atomic_sub_fetch(&doc->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return NULL;
	gk_template_unref(doc->tmpl);
	gk_error_clear(&doc->mistake);
	json_decref(doc->parsed);
	json_decref(doc->metadata);
	free(doc->source);
	free(doc->name);
	free(doc);
	return NULL;
}

const char *gk_prompt_document_template_peek(const gk_prompt_document *doc, size_t *len_ret)
{
	if (len_ret)
		*len_ret = doc->body_len;
	return doc->source + doc->body;
}

bool gk_prompt_document_lacks_front_matter(const gk_prompt_document *doc)
{
	return doc->lacks_front_matter;
}

/* --- the front matter's keys --- */

/* "a.b.c" becomes ext["a.b"].c */
static bool add_extension(json_t *ext, const char *key, const char *dot, json_t *value)
{
	gk_auto_str char *space = strndup(key, (size_t)(dot - key));
	json_t *members = space ? json_object_get(ext, space) : NULL;

	if (!space)
		return false;
	if (!members) {
		if (!gk_json_set_take(ext, space, json_object()))
			return false;
		members = json_object_get(ext, space);
	}
	return gk_json_set(members, dot + 1, value);
}

static bool is_reserved(const char *key)
{
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (strcmp(reserved[i], key) == 0)
			return true;
	return false;
}

/* The parts of `raw` that have a place in the metadata. */
static bool sort_keys(json_t *parsed, json_t *raw)
{
	json_t *ext = json_object_get(parsed, "ext"), *value;
	const char *key;

	json_object_foreach (raw, key, value) {
		const char *dot = strrchr(key, '.');

		if (is_reserved(key) ? !gk_json_set(parsed, key, value)
				     : dot && !add_extension(ext, key, dot, value))
			return false;
	}
	return gk_json_set(parsed, "raw", raw);
}

static json_t *new_parsed(void)
{
	gk_auto_json json_t *parsed = json_object();

	if (!parsed || !gk_json_set_take(parsed, "ext", json_object()) ||
		!gk_json_set_take(parsed, "metadata", json_object()) ||
		!gk_json_set_take(parsed, "config", json_object()))
		return NULL;
	return gk_steal(parsed);
}

/* --- parsing --- */

static unsigned line_of(const char *text, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += text[i] == '\n' || (text[i] == '\r' && text[i + 1] != '\n');
	return line;
}

static gk_code read_matter(gk_prompt_document *doc, json_t *parsed, gk_error *err)
{
	const gk_front_matter *matter = &doc->matter;
	gk_auto_yaml gk_yaml *yaml = NULL;
	gk_auto_json json_t *raw = json_object();
	gk_code rc = gk_yaml_parse_at(doc->source + matter->begin, matter->end - matter->begin,
		doc->name, line_of(doc->source, matter->begin), GK_YAML_CORE, &yaml, err);

	if (rc != GK_OK)
		return rc;
	return raw && gk_value_spread(raw, gk_yaml_value_peek(yaml)) && sort_keys(parsed, raw)
		       ? GK_OK
		       : gk_error_no_memory(err);
}

static gk_code read_parsed(gk_prompt_document *doc, gk_error *err)
{
	gk_auto_json json_t *parsed = new_parsed();
	gk_code rc = GK_OK;

	if (!parsed)
		return gk_error_no_memory(err);
	if (doc->matter.end > doc->matter.begin)
		rc = read_matter(doc, parsed, err);
	if (rc == GK_OK && !gk_json_set_take(parsed, "template",
				   json_stringn_nocheck(doc->source + doc->body, doc->body_len)))
		rc = gk_error_no_memory(err);
	if (rc == GK_OK)
		doc->parsed = gk_steal(parsed);
	return rc;
}

json_t *gk_prompt_document_parsed_peek(gk_prompt_document *doc)
{
	if (!doc->parsed && read_parsed(doc, NULL) != GK_OK)
		return NULL;
	return doc->parsed;
}

/* Where the template begins in the source, for the places of its mistakes. */
static void set_origin(gk_prompt_document *doc, size_t at)
{
	const char *text = doc->source;
	size_t start = at;

	while (start > 0 && text[start - 1] != '\n' && text[start - 1] != '\r')
		start--;
	doc->first_line = line_of(text, at);
	doc->first_column = (unsigned)gk_text_units(text + start, at - start) + 1;
}

/* A mistake in the template is kept, running out of memory is not. */
static gk_code compile(gk_prompt_document *doc, gk_error *err)
{
	gk_code rc = gk_template_compile(doc->source + doc->body, doc->body_len, NULL, &doc->place,
		&doc->tmpl, &doc->mistake);

	if (rc == GK_RESOURCE_EXHAUSTED && doc->place.line == 0)
		return gk_error_move(err, &doc->mistake);
	return GK_OK;
}

static void find_parts(gk_prompt_document *doc)
{
	const char *text = doc->source;
	size_t begin, rest;

	if (!gk_front_matter_find(text, doc->len, &doc->matter)) {
		begin = gk_front_matter_skip(text, doc->len);
		doc->lacks_front_matter = doc->len - begin >= 4 &&
					  memcmp(text + begin, "---", 3) == 0 &&
					  gk_text_space(text + begin + 3, doc->len - begin - 3) > 0;
		doc->matter = (gk_front_matter){ 0 };
		doc->body_len = doc->len;
		set_origin(doc, 0);
		return;
	}
	rest = doc->len - doc->matter.body;
	doc->body = doc->matter.body + gk_text_leading(text + doc->matter.body, rest);
	doc->body_len = gk_text_trimmed(text + doc->body, doc->len - doc->body);
	set_origin(doc, doc->body);
}

static gk_prompt_document *new_document(const char *name, const char *source, size_t len)
{
	gk_auto_prompt_document gk_prompt_document *doc = calloc(1, sizeof(*doc));
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);

	if (!doc)
		return NULL;
	doc->refs = 1;
	gk_text_put(&text, source, len);
	gk_buf_put(&text, "", 1); /* one more can be looked at everywhere */
	if (gk_buf_failed(&text))
		return NULL;
	doc->name = strdup(name ? name : "<prompt>");
	doc->len = text.len - 1;
	doc->source = malloc(text.len);
	if (!doc->name || !doc->source)
		return NULL;
	memcpy(doc->source, text.data, text.len);
	return gk_steal(doc);
}

gk_code gk_prompt_document_parse(
	const char *source, size_t len, const char *name, gk_prompt_document **ret, gk_error *err)
{
	gk_auto_prompt_document gk_prompt_document *doc = NULL;
	gk_code rc;

	if (len > GK_MAX_TEMPLATE)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED,
			"%s: a prompt of more than %u bytes", name ? name : "<prompt>",
			GK_MAX_TEMPLATE);
	doc = new_document(name, source, len);
	if (!doc)
		return gk_error_no_memory(err);
	find_parts(doc);
	rc = read_parsed(doc, err);
	if (rc == GK_OK)
		rc = compile(doc, err);
	if (rc == GK_OK)
		*ret = gk_steal(doc);
	return rc;
}

void gk_prompt_document_rest(gk_prompt_document *doc)
{
	gk_template_unref(gk_steal(doc->tmpl));
	json_decref(gk_steal(doc->parsed));
	json_decref(gk_steal(doc->metadata));
}

/* --- mistakes in the template --- */

gk_code gk_prompt_document_mistake(
	const gk_prompt_document *doc, gk_template_place place, gk_error *err)
{
	unsigned line = doc->first_line + place.line - 1;
	unsigned column = place.line == 1 ? doc->first_column + place.column - 1 : place.column;

	if (place.line == 0)
		return err ? err->code : GK_OK;
	return gk_error_prefix(err, "%s:%u:%u: ", doc->name, line, column);
}

/* The line that begins with `key` and a colon. */
static unsigned line_of_key(const gk_prompt_document *doc, const char *key)
{
	const char *at = doc->source + doc->matter.begin, *end = doc->source + doc->matter.end;
	size_t len = strlen(key);

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));

		if ((size_t)(end - at) > len && memcmp(at, key, len) == 0 && at[len] == ':')
			return line_of(doc->source, (size_t)(at - doc->source));
		at = line_end ? line_end + 1 : end;
	}
	return line_of(doc->source, doc->matter.begin);
}

gk_code gk_prompt_document_key_mistake(
	const gk_prompt_document *doc, const char *key, gk_error *err)
{
	if (!key)
		key = doc->wrong_key;
	return key ? gk_error_prefix(err, "%s:%u:1: ", doc->name, line_of_key(doc, key))
		   : err->code;
}

gk_code gk_prompt_document_compiled(gk_prompt_document *doc, gk_error *err)
{
	gk_code rc = GK_OK;

	if (!doc->tmpl && doc->mistake.code == GK_OK)
		rc = compile(doc, err);
	if (rc != GK_OK || doc->tmpl)
		return rc;
	rc = gk_error_copy(err, &doc->mistake);
	gk_prompt_document_mistake(doc, doc->place, err);
	return rc;
}

gk_code gk_prompt_document_check(gk_prompt_document *doc, gk_engine *engine, gk_error *err)
{
	gk_template_place place = { 0 };
	gk_code rc = gk_prompt_document_compiled(doc, err);

	if (rc != GK_OK)
		return rc;
	rc = gk_template_check(doc->tmpl, engine, &place, err);
	if (rc != GK_OK)
		gk_prompt_document_mistake(doc, place, err);
	return rc;
}
