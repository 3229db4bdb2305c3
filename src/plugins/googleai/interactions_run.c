/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/googleai/interactions.h"

#include "base/str.h"
#include "plugins/common/ask.h"

static gk_code prepare(const gk_vendor *vendor, const json_t *config, const char *path,
	gk_outgoing *out, gk_error *err)
{
	gk_code rc = gk_googleai_prepare(vendor, config, out, err, "%s", path);

	if (rc == GK_OK)
		gk_outgoing_header(out, "Api-Revision", "2026-05-20");
	return rc;
}

static gk_code ask(gk_ctx *ctx, const gk_vendor *vendor, const json_t *config, const char *method,
	const json_t *body, const char *path, json_t **ret, gk_error *err)
{
	gk_auto_outgoing gk_outgoing out;
	gk_code rc;

	gk_outgoing_init(&out, method);
	rc = prepare(vendor, config, path, &out, err);
	if (rc != GK_OK)
		return rc;
	if (body)
		gk_outgoing_json(&out, body);
	return gk_googleai_ask(ctx, vendor, &out, ret, err);
}

/* What the answer says does not matter, and it may be empty. */
static gk_code tell(
	gk_ctx *ctx, const gk_vendor *vendor, const json_t *config, const char *path, gk_error *err)
{
	gk_auto_str char *answer = NULL;
	gk_auto_outgoing gk_outgoing out;
	size_t len;
	gk_code rc;

	gk_outgoing_init(&out, "POST");
	rc = prepare(vendor, config, path, &out, err);
	return rc == GK_OK ? gk_ask_bytes(ctx, vendor->name, &out, &answer, &len, NULL, err) : rc;
}

/* Starts one; `config` says how to ask. */
static gk_code begin(gk_ctx *ctx, gk_interaction_kind kind, const json_t *request,
	const json_t *config, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *body = NULL;
	gk_code rc = gk_interaction_body(
		kind, gk_googleai_model_name(model, config), request, &body, err);

	return rc == GK_OK ? ask(ctx, model->vendor, config, "POST", body, "interactions", ret, err)
			   : rc;
}

static gk_code run(
	gk_ctx *ctx, gk_interaction_kind kind, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *interaction = NULL;
	gk_code rc =
		begin(ctx, kind, request, json_object_get(request, "config"), &interaction, err);

	return rc == GK_OK ? gk_interaction_response(request, interaction, ret, err) : rc;
}

gk_code gk_interaction_run_music(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	return run(ctx, GK_INTERACTION_MUSIC, request, ret, err);
}

gk_code gk_interaction_run_agent(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	return run(ctx, GK_INTERACTION_AGENT, request, ret, err);
}

gk_code gk_interaction_start(gk_ctx *ctx, json_t *request, json_t **ret, gk_error *err)
{
	gk_auto_json json_t *interaction = NULL;
	gk_auto_json json_t *config =
		gk_googleai_call_config(ctx, json_object_get(request, "config"));
	gk_code rc =
		config ? begin(ctx, GK_INTERACTION_RESEARCH, request, config, &interaction, err)
		       : gk_error_no_memory(err);

	return rc == GK_OK ? gk_interaction_operation(request, interaction, ret, err) : rc;
}

/* --- later --- */

/* "interactions/ID" + `more`; INVALID_ARGUMENT when the operation's id is none of the service's. */
static gk_code path_of(
	gk_ctx *ctx, const json_t *operation, const char *more, const char **ret, gk_error *err)
{
	const char *id = gk_json_str_peek(operation, "id");

	if (!id || !*id ||
		strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			   "-_") != strlen(id))
		return gk_error_set(
			err, GK_INVALID_ARGUMENT, "googleai: no interaction has this id");
	*ret = gk_ctx_printf(ctx, "interactions/%s%s", id, more);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_interaction_check(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *config = gk_googleai_call_config(ctx, NULL), *interaction = NULL;
	const char *path = NULL;
	gk_code rc = config ? path_of(ctx, operation, "", &path, err) : gk_error_no_memory(err);

	if (rc == GK_OK)
		rc = ask(ctx, model->vendor, config, "GET", NULL, path, &interaction, err);
	return rc == GK_OK ? gk_interaction_operation(NULL, interaction, ret, err) : rc;
}

gk_code gk_interaction_cancel(gk_ctx *ctx, json_t *operation, json_t **ret, gk_error *err)
{
	const gk_vendor_model *model = gk_ctx_user(ctx);
	gk_auto_json json_t *config = gk_googleai_call_config(ctx, NULL), *cancelled = NULL;
	gk_auto_error gk_error why = { 0 };
	const char *path = NULL;
	gk_code rc =
		config ? path_of(ctx, operation, "/cancel", &path, err) : gk_error_no_memory(err);

	if (rc != GK_OK)
		return rc;
	rc = tell(ctx, model->vendor, config, path, &why);
	/* 499 says that it was cancelled, which was asked for; if it was this call that ended, it is told. */
	if (rc != GK_OK && (rc != GK_CANCELLED || gk_ctx_is_cancelled(ctx)))
		return gk_error_move(err, &why);
	cancelled = json_pack(
		"{s:O, s:s}", "id", json_object_get(operation, "id"), "status", "cancelled");
	return cancelled ? gk_interaction_operation(NULL, cancelled, ret, err)
			 : gk_error_no_memory(err);
}
