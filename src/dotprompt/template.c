/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "dotprompt/engine_internal.h"
#include "dotprompt/text.h"

#include "base/limits.h"

static gk_template *new_template(const gk_template_opts *opts)
{
	gk_template *tmpl = calloc(1, sizeof(*tmpl));

	if (!tmpl)
		return NULL;
	tmpl->refs = 1;
	if (opts)
		tmpl->opts = *opts;
	tmpl->literals = json_array();
	return tmpl->literals ? tmpl : gk_template_unref(tmpl);
}

gk_template *gk_template_ref(gk_template *tmpl)
{
	if (tmpl)
		tmpl->refs++;
	return tmpl;
}

gk_template *gk_template_unref(gk_template *tmpl)
{
	if (!tmpl || --tmpl->refs > 0)
		return NULL;
	gk_tmpl_links_unref(tmpl->links);
	json_decref(tmpl->literals);
	gk_arena_done(&tmpl->arena);
	free(tmpl);
	return NULL;
}

/* The template's own copy of the source, valid UTF-8: a byte that begins no character can then stand for a marker. */
static bool take_source(gk_template *tmpl, const char *text, size_t len)
{
	gk_auto_buf gk_buf valid = GK_BUF_INIT(0);

	if (!gk_text_is_utf8(text, len)) {
		gk_text_put(&valid, text, len);
		gk_buf_put(&valid, "", 0);
		if (gk_buf_failed(&valid))
			return false;
		text = valid.data;
		len = valid.len;
	}
	tmpl->source = gk_arena_text(&tmpl->arena, text, len);
	tmpl->len = len;
	return tmpl->source != NULL;
}

gk_code gk_template_compile(const char *text, size_t len, const gk_template_opts *opts,
	gk_template_place *place, gk_template **ret, gk_error *err)
{
	gk_auto_template gk_template *tmpl = NULL;
	gk_code rc;

	if (place)
		*place = (gk_template_place){ 0 };
	if (len > GK_MAX_TEMPLATE)
		return gk_error_set(err, GK_RESOURCE_EXHAUSTED, "a template of more than %u bytes",
			GK_MAX_TEMPLATE);
	tmpl = new_template(opts);
	if (!tmpl || !take_source(tmpl, text, len))
		return gk_error_no_memory(err);
	rc = gk_tmpl_parse(tmpl, place, err);
	if (rc != GK_OK)
		return rc;
	gk_tmpl_strip_blanks(tmpl);
	rc = gk_tmpl_bind(tmpl, err);
	if (rc == GK_OK)
		*ret = gk_steal(tmpl);
	return rc;
}

gk_code gk_template_check(
	gk_template *tmpl, gk_engine *engine, gk_template_place *place, gk_error *err)
{
	gk_tmpl_links *links = NULL;
	gk_code rc = gk_tmpl_link(tmpl, engine, place, &links, err);

	gk_tmpl_links_unref(links);
	return rc;
}

/* --- places --- */

/* Where the line begins that `at` is in: behind the last LF, CR or CRLF. */
static size_t line_start(const gk_template *tmpl, size_t at, unsigned *line_ret)
{
	size_t start = 0;
	unsigned line = 1;

	for (size_t i = 0; i < at; i++) {
		char c = tmpl->source[i];

		if (c == '\n' || (c == '\r' && !(i + 1 < at && tmpl->source[i + 1] == '\n'))) {
			start = i + 1;
			line++;
		}
	}
	*line_ret = line;
	return start;
}

void gk_tmpl_where(const gk_template *tmpl, size_t at, unsigned *line_ret, unsigned *column_ret)
{
	size_t start = line_start(tmpl, at, line_ret);

	*column_ret = (unsigned)gk_text_units(tmpl->source + start, at - start);
}

gk_template_place gk_tmpl_place(const gk_template *tmpl, size_t at)
{
	gk_template_place place = { .column = 1 };

	for (size_t i = line_start(tmpl, at, &place.line); i < at; i++)
		place.column += ((unsigned char)tmpl->source[i] & 0xc0) != 0x80;
	return place;
}
