/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a helper in C can ask and do: genkit/helper.h. */
#include "dotprompt/render.h"
#include "dotprompt/text.h"

/* --- asking --- */

const char *gk_helper_name_peek(const gk_helper_call *call)
{
	return call->call->head.path->original;
}

void *gk_helper_user(const gk_helper_call *call)
{
	return call->helper->user;
}

size_t gk_helper_count(const gk_helper_call *call)
{
	return call->call->n_params;
}

json_t *gk_helper_arg_peek(const gk_helper_call *call, size_t index)
{
	return index < call->call->n_params ? call->args[index] : NULL;
}

char *gk_helper_arg_text(gk_helper_call *call, size_t index, size_t *len_ret)
{
	json_t *value = gk_helper_arg_peek(call, index);
	gk_buf text = GK_BUF_INIT(0);

	if (index == call->call->n_params)
		gk_buf_puts(&text, "[object Object]");
	else if (call->is_marked && gk_value_set_has(&call->render->marked, value))
		gk_buf_put(&text, json_string_value(value), json_string_length(value));
	else
		gk_text_put_value(&text, value);
	return gk_buf_take(&text, len_ret);
}

json_t *gk_helper_hash_peek(const gk_helper_call *call, const char *name)
{
	size_t len = strlen(name);

	for (unsigned i = 0; i < call->call->n_hash; i++) {
		const gk_tmpl_text *key = &call->call->hash[i].key;

		if (key->len == len && memcmp(key->text, name, len) == 0)
			return call->hash[i];
	}
	return NULL;
}

bool gk_helper_hash_at(const gk_helper_call *call, size_t index, const char **name_ret,
	size_t *len_ret, json_t **value_ret)
{
	if (index >= call->call->n_hash)
		return false;
	*name_ret = call->call->hash[index].key.text;
	*len_ret = call->call->hash[index].key.len;
	*value_ret = call->hash[index];
	return true;
}

/* Assigned backwards, as in handlebars.js: this is the order that people see. */
json_t *gk_helper_hashes_peek(gk_helper_call *call)
{
	json_t *object = NULL;

	if (call->hashes)
		return call->hashes;
	if (gk_render_keep_take(call->render, json_object(), &object) != GK_OK)
		return NULL;
	for (unsigned i = call->call->n_hash; i-- > 0;) {
		const gk_tmpl_text *key = &call->call->hash[i].key;

		if (call->hash[i] &&
			json_object_setn_nocheck(object, key->text, key->len, call->hash[i]) != 0)
			return NULL;
	}
	call->hashes = object;
	return object;
}

json_t *gk_helper_this_peek(const gk_helper_call *call)
{
	return call->this_value;
}

json_t *gk_helper_data_peek(gk_helper_call *call, const char *name)
{
	json_t *value = NULL;

	return gk_value_data(call->render, call->frame->data, 0, name, strlen(name), &value) ==
			       GK_OK
		       ? value
		       : NULL;
}

bool gk_helper_is_block(const gk_helper_call *call)
{
	return call->is_block;
}

/* --- writing --- */

static gk_code write_text(gk_helper_call *call, const char *text, size_t len)
{
	call->has_text = true;
	return call->is_marked ? gk_render_write_marked(call->render, text, len)
			       : gk_render_write(call->render, text, len);
}

gk_code gk_helper_write(gk_helper_call *call, const char *text, size_t len, gk_error *err)
{
	(void)err; /* it is the render's */
	return call->is_escaped ? gk_render_write_escaped(call->render, text, len)
				: write_text(call, text, len);
}

gk_code gk_helper_write_safe(gk_helper_call *call, const char *text, size_t len, gk_error *err)
{
	(void)err;
	call->is_safe = true;
	return write_text(call, text, len);
}

gk_code gk_helper_return_take(gk_helper_call *call, json_t *value_take, gk_error *err)
{
	gk_code rc = GK_OK;

	(void)err;
	call->has_result = true;
	call->result = NULL;
	if (value_take)
		rc = gk_render_keep_take(call->render, value_take, &call->result);
	if (rc == GK_OK && call->is_marked && json_is_string(call->result) &&
		!gk_value_set_add(&call->render->marked, call->result))
		rc = gk_error_no_memory(call->render->err);
	return rc;
}

/* --- bodies --- */

static gk_code render_part(
	gk_helper_call *call, const gk_tmpl_program *program, const gk_helper_body_opts *opts)
{
	static const gk_helper_body_opts none = { .size = sizeof(none) };
	gk_data data = { .up = call->frame->data, .kind = GK_DATA_OBJECT };
	json_t *context;

	if (!opts)
		opts = &none;
	context = opts->context || opts->is_undefined ? opts->context : call->this_value;
	data.object = opts->data;
	return gk_render_call_body(
		call, program, context, opts->data ? &data : NULL, opts->params, opts->n_params);
}

gk_code gk_helper_body(gk_helper_call *call, const gk_helper_body_opts *opts, gk_error *err)
{
	if (!call->is_block)
		return gk_error_set(
			err, GK_INTERNAL, "%s is called without a body", gk_helper_name_peek(call));
	return render_part(call, call->body, opts);
}

gk_code gk_helper_inverse(gk_helper_call *call, const gk_helper_body_opts *opts, gk_error *err)
{
	if (!call->is_block)
		return gk_error_set(
			err, GK_INTERNAL, "%s is called without a body", gk_helper_name_peek(call));
	return render_part(call, call->inverse, opts);
}

gk_code gk_helper_body_text(gk_helper_call *call, const gk_helper_body_opts *opts, char **ret,
	size_t *len_ret, gk_error *err)
{
	gk_render *r = call->render;
	size_t mark = gk_render_mark(r);
	gk_buf text = GK_BUF_INIT(0);
	gk_code rc = gk_helper_body(call, opts, err);
	char *taken;

	if (rc != GK_OK)
		return rc;
	gk_render_flatten(r, mark, true, &text);
	call->is_marked |= gk_render_has_markers(r, mark);
	r->n_pieces = mark;
	taken = gk_buf_take(&text, len_ret);
	if (!taken)
		return gk_error_no_memory(err);
	*ret = taken;
	return GK_OK;
}
