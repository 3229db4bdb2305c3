/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Tools, their multipart twins, interrupts, and the answers to interrupts (tools sections 1, 2 and 4). */
#include "core/internal.h"

#include "base/str.h"
#include "core/builtin_schemas.h"
#include "core/refs.h"
#include "json/edit.h"

#include <genkit/tool.h>

/* What sets an interrupt apart from other errors: it never leaves the process. */
#define INTERRUPT_SOURCE "ToolInterruptError"

/* What the user wrote, shared by the forms of one tool. */
typedef struct tool_body {
	unsigned refs;
	gk_action_fn *fn;
	void *user;
	void (*free_user)(void *user);
} tool_body;

/* --- interrupts --- */

gk_code gk_interrupt(gk_ctx *ctx, json_t *metadata_take, gk_error *err)
{
	gk_auto_json json_t *metadata = metadata_take;
	gk_auto_str char *text = metadata ? gk_json_write(metadata, NULL) : NULL;

	if (metadata)
		gk_ctx_set_metadata(ctx, "interrupt", text);
	if (!err)
		return GK_INTERNAL;
	gk_error_set_plain(err, "%s", "");
	err->source = strdup(INTERRUPT_SOURCE);
	if (!err->source)
		return gk_error_no_memory(err); /* nobody would know it for an interrupt */
	err->details = gk_steal(metadata);
	return GK_INTERNAL;
}

bool gk_error_is_interrupt(const gk_error *err)
{
	return err && err->is_plain && gk_str_equal(err->source, INTERRUPT_SOURCE);
}

json_t *gk_ctx_resumed(gk_ctx *ctx)
{
	json_t *metadata = ctx->call ? ctx->call->request_metadata : NULL;
	json_t *resumed = json_object_get(metadata, "resumed");

	return gk_json_is_truthy(resumed) ? resumed : NULL;
}

static gk_code interrupt_always(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	(void)input;
	(void)ret;
	return gk_interrupt(ctx, NULL, err);
}

/* --- running --- */

static gk_code run_tool(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	const tool_body *body = gk_ctx_user(ctx);
	json_t *resumed = gk_ctx_resumed(ctx);

	if (resumed) {
		gk_auto_str char *text = gk_json_write(resumed, NULL);

		gk_ctx_set_metadata(ctx, "resumed", text);
	}
	return gk_ctx_run_inner(ctx, body->fn, body->user, input, ret, err);
}

/* The twin of a plain tool: {"output": what the tool gives}. */
static gk_code run_twin(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *output = NULL;
	json_t *response;
	gk_code rc = run_tool(ctx, input, &output, err);

	if (rc != GK_OK)
		return rc;
	response = json_object();
	if (!response || (output && !gk_json_set(response, "output", output))) {
		json_decref(response);
		return gk_error_no_memory(err);
	}
	*ret = response;
	return GK_OK;
}

/* --- definition --- */

static void unref_body(void *it)
{
	tool_body *body = it;

	if (--body->refs)
		return;
	if (body->free_user)
		body->free_user(body->user);
	free(body);
}

static gk_code metadata_of(
	const gk_tool_opts *opts, bool is_v2, bool is_dynamic, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL, *tool = NULL;
	gk_code rc = gk_metadata_copy(opts->metadata, &metadata, err);
	bool ok;

	if (rc != GK_OK)
		return rc;
	tool = json_is_object(json_object_get(metadata, "tool"))
		       ? json_incref(json_object_get(metadata, "tool"))
		       : json_object();
	ok = gk_json_set_str(metadata, "type", is_v2 ? "tool.v2" : "tool");
	if (is_v2)
		ok = ok && gk_json_set_bool(tool, "multipart", true);
	else if (!opts->run)
		ok = ok && gk_json_set_bool(tool, "restartable", false);
	if (json_object_size(tool))
		ok = ok && gk_json_set(metadata, "tool", tool);
	if (is_dynamic)
		ok = ok && gk_json_set_bool(metadata, "dynamic", true);
	if (!ok)
		return gk_error_no_memory(err);
	*ret = gk_steal(metadata);
	return GK_OK;
}

static gk_code make_form(gk_app *app, const gk_tool_opts *opts, tool_body *body, bool is_v2,
	bool is_dynamic, const gk_action_parts *parts, gk_action **ret, gk_error *err)
{
	gk_auto_json json_t *metadata = NULL;
	gk_code rc = metadata_of(opts, is_v2, is_dynamic, &metadata, err);

	if (rc == GK_OK)
		rc = gk_action_make(app,
			GK_OPTS(gk_action_opts, .type = is_v2 ? "tool.v2" : "tool",
				.name = opts->name, .description = opts->description,
				.input = opts->input, .input_json = opts->input_json,
				.output = opts->output, .output_json = opts->output_json,
				.metadata = metadata,
				.run = is_v2 && !opts->is_multipart ? run_twin : run_tool,
				.user = body, .free_user = unref_body),
			parts, ret, err);
	if (rc == GK_OK)
		body->refs++;
	return rc;
}

/* What a multipart tool is given as output schema serves its respond() alone: what it returns is
 * MultipartToolResponse. */
static gk_code make_v2(gk_app *app, const gk_tool_opts *opts, tool_body *body, bool is_dynamic,
	gk_schema *input, gk_action **ret, gk_error *err)
{
	gk_action_parts parts = { .input = input };
	gk_code rc = gk_builtin_schema("MultipartToolResponse", &parts.output, err);

	if (rc == GK_OK)
		rc = make_form(app, opts, body, true, is_dynamic, &parts, ret, err);
	gk_schema_unref(parts.output);
	return rc;
}

static gk_code start_body(const gk_tool_opts *opts, tool_body **ret, gk_error *err)
{
	tool_body *body;

	if (!opts->name || !*opts->name || !opts->description)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"a tool needs a name and a description: the model reads both");
	if (opts->is_multipart && !opts->run)
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"tool %s is an interrupt: it cannot be multipart", opts->name);
	body = malloc(sizeof(*body));
	if (!body)
		return gk_error_no_memory(err);
	*body = (tool_body){
		.refs = 1, .fn = opts->run ? opts->run : interrupt_always, .user = opts->user
	};
	*ret = body;
	return GK_OK;
}

/* From now on `user` is the tool's, when it has come into being. */
static void end_body(tool_body *body, const gk_tool_opts *opts, gk_code rc)
{
	if (rc == GK_OK)
		body->free_user = opts->free_user;
	unref_body(body);
}

gk_code gk_define_tool(gk_app *app, const gk_tool_opts *opts, gk_error *err)
{
	gk_action *forms[2];
	size_t count = 0;
	tool_body *body;
	gk_code rc = start_body(opts, &body, err);

	if (rc != GK_OK)
		return rc;
	if (!opts->is_multipart) {
		rc = make_form(app, opts, body, false, false, NULL, &forms[0], err);
		count += rc == GK_OK;
	}
	if (rc == GK_OK && opts->run) {
		rc = make_v2(app, opts, body, !opts->is_multipart, count ? forms[0]->input : NULL,
			&forms[count], err);
		count += rc == GK_OK;
	}
	if (rc == GK_OK) {
		rc = gk_action_register_all(app, forms, count, err);
		if (rc != GK_OK)
			body->refs -= (unsigned)count; /* they have left it to us */
	} else {
		while (count)
			gk_action_unref(forms[--count]);
	}
	end_body(body, opts, rc);
	return rc;
}

gk_code gk_tool_new(gk_app *app, const gk_tool_opts *opts, gk_action **ret, gk_error *err)
{
	tool_body *body;
	gk_code rc = start_body(opts, &body, err);

	if (rc != GK_OK)
		return rc;
	rc = opts->is_multipart ? make_v2(app, opts, body, true, NULL, ret, err)
				: make_form(app, opts, body, false, true, NULL, ret, err);
	end_body(body, opts, rc);
	return rc;
}

/* --- answers to an interrupt --- */

/* {name, ref?, ...}: what request and response share. NULL when memory ran out. */
static json_t *request_head(json_t *interrupt)
{
	static const char *const members[] = { "name", "ref" };
	json_t *request = json_object_get(interrupt, "toolRequest"), *head = json_object();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		json_t *value = json_object_get(request, members[i]);

		if (value && !gk_json_set(head, members[i], value)) {
			json_decref(head);
			return NULL;
		}
	}
	return head;
}

/* {[name]: value, "metadata": metadata} */
static json_t *part_with(const char *name, json_t *value, json_t *metadata)
{
	gk_auto_json json_t *part = json_object();

	if (!gk_json_set(part, name, value) || !gk_json_set(part, "metadata", metadata))
		return NULL;
	return gk_steal(part);
}

static bool set_or_true(json_t *object, const char *key, json_t *value)
{
	bool is_given = value && !json_is_null(value);

	return is_given ? gk_json_set(object, key, value) : gk_json_set_bool(object, key, true);
}

json_t *gk_tool_respond(json_t *interrupt, json_t *output, json_t *metadata)
{
	gk_auto_json json_t *response = request_head(interrupt), *own = json_object();

	if ((output && !gk_json_set(response, "output", output)) ||
		!set_or_true(own, "interruptResponse", metadata))
		return NULL;
	return part_with("toolResponse", response, own);
}

json_t *gk_tool_restart(json_t *interrupt, json_t *resumed, json_t *replace_input)
{
	json_t *before = json_object_get(json_object_get(interrupt, "toolRequest"), "input");
	json_t *input = json_is_null(replace_input) ? NULL : replace_input;
	gk_auto_json json_t *request = request_head(interrupt);
	gk_auto_json json_t *metadata = gk_json_merge(json_object_get(interrupt, "metadata"), NULL);

	if (input && before && !gk_json_set(metadata, "replacedInput", before))
		return NULL;
	if (!input)
		input = before;
	if ((input && !gk_json_set(request, "input", input)) ||
		!set_or_true(metadata, "resumed", resumed))
		return NULL;
	return part_with("toolRequest", request, metadata);
}

/* The tool that a request asks for. */
static gk_code find_asked(gk_ctx *ctx, const json_t *interrupt, gk_action **ret, gk_error *err)
{
	const char *name = gk_json_str_peek(interrupt, "toolRequest.name");

	if (!name)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "this is no request for a tool");
	return gk_ref_resolve(ctx, GK_REF_TOOL, name, ret, err);
}

gk_code gk_tool_respond_checked(gk_ctx *ctx, json_t *interrupt, json_t *output, json_t *metadata,
	json_t **ret, gk_error *err)
{
	gk_action *tool = NULL;
	gk_code rc = find_asked(ctx, interrupt, &tool, err);

	if (rc == GK_OK && tool->output)
		rc = gk_schema_check(tool->output, output, err);
	gk_action_unref(tool);
	if (rc != GK_OK)
		return rc;
	*ret = gk_tool_respond(interrupt, output, metadata);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_tool_restart_checked(gk_ctx *ctx, json_t *interrupt, json_t *resumed,
	json_t *replace_input, json_t **ret, gk_error *err)
{
	bool is_replaced = replace_input && !json_is_null(replace_input);
	gk_action *tool = NULL;
	gk_schema *schema = NULL;
	gk_code rc = find_asked(ctx, interrupt, &tool, err);

	if (rc == GK_OK && is_replaced)
		rc = gk_action_input(tool, &schema, err);
	if (rc == GK_OK && schema)
		rc = gk_schema_check(schema, replace_input, err);
	gk_schema_unref(schema);
	gk_action_unref(tool);
	if (rc != GK_OK)
		return rc;
	*ret = gk_tool_restart(interrupt, resumed, replace_input);
	return *ret ? GK_OK : gk_error_no_memory(err);
}
