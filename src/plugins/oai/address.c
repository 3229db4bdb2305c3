/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Where a request goes, with which key and headers. */
#include "plugins/oai/oai.h"

/* Project endpoints have the plain paths; the others name the deployment. */
static bool is_project(const gk_vendor *vendor)
{
	return strstr(vendor->base_url, ".services.ai.azure.com") &&
	       strstr(vendor->base_url, "/api/projects/");
}

static gk_code azure_version(const gk_vendor *vendor, char **ret, gk_error *err)
{
	static const char *const names[] = { "AZURE_OPENAI_API_VERSION", "OPENAI_API_VERSION",
		NULL };
	gk_code rc = gk_vendor_find_text(vendor, "apiVersion", names, ret, err);

	if (rc == GK_OK && !*ret && !(*ret = strdup("2024-10-21")))
		rc = gk_error_no_memory(err);
	return rc;
}

static gk_code azure_address(const gk_vendor *vendor, gk_outgoing *out, const char *path,
	const char *model, const char *key, gk_error *err)
{
	const char *given = gk_vendor_option_str(vendor, "deployment");
	const char *deployment = given ? given : model;
	gk_auto_str char *version = NULL;
	gk_code rc;

	if (is_project(vendor)) {
		gk_outgoing_url(out, "%s%s%s", vendor->base_url,
			strstr(vendor->base_url, "/openai/v1") ? "" : "/openai/v1", path);
		if (key)
			gk_outgoing_secret(out, "Authorization", "Bearer ", key);
		else
			out->tokens = vendor->tokens;
		return GK_OK;
	}
	rc = gk_vendor_check_path(vendor, deployment, err);
	if (rc == GK_OK)
		rc = azure_version(vendor, &version, err);
	if (rc != GK_OK)
		return rc;
	if (strcmp(path, "/models") == 0)
		gk_outgoing_url(out, "%s/openai/models?api-version=%s", vendor->base_url, version);
	else
		gk_outgoing_url(out, "%s/openai/deployments/%s%s?api-version=%s", vendor->base_url,
			deployment, path, version);
	if (key)
		gk_outgoing_secret(out, "api-key", "", key);
	else
		out->tokens = vendor->tokens;
	return GK_OK;
}

/* The tasks are beside the API of the chats: where its address ends in a version, before that. */
static gk_code feature_address(
	const gk_vendor *vendor, gk_outgoing *out, const char *model, gk_error *err)
{
	static const char version[] = "/v1";
	size_t len = strlen(vendor->base_url), tail = sizeof(version) - 1;

	if (len > tail && strcmp(vendor->base_url + len - tail, version) == 0)
		len -= tail;
	gk_outgoing_url(out, "%.*s/hf-inference/models/%s/pipeline/feature-extraction", (int)len,
		vendor->base_url, model);
	return gk_vendor_check_path(vendor, model, err);
}

static gk_code add_own_headers(
	const gk_vendor *vendor, const gk_oai_row *row, gk_outgoing *out, gk_error *err)
{
	for (const char *const *it = row->headers; it && it[0]; it += 3) {
		const char *const names[] = { it[1], NULL };
		gk_auto_str char *value = NULL;
		gk_code rc = gk_vendor_find_text(vendor, it[0], names, &value, err);

		if (rc != GK_OK)
			return rc;
		if (value)
			gk_outgoing_header(out, it[2], value);
	}
	return GK_OK;
}

gk_code gk_oai_prepare(const gk_vendor *vendor, const gk_oai_row *row, gk_outgoing *out,
	const char *path, const char *model, const json_t *config, gk_error *err)
{
	const char *key = NULL;
	gk_code rc = gk_vendor_key(vendor, config, &key, err);

	if (rc != GK_OK)
		return rc;
	if (row->address == GK_OAI_ADDRESS_AZURE)
		rc = azure_address(vendor, out, path, model, key, err);
	else if (row->embeds_features && strcmp(path, "/embeddings") == 0)
		rc = feature_address(vendor, out, model, err);
	else
		gk_outgoing_url(out, "%s%s", vendor->base_url, path);
	if (row->address != GK_OAI_ADDRESS_AZURE && key)
		gk_outgoing_secret(out, "Authorization", "Bearer ", key);
	if (rc == GK_OK)
		rc = add_own_headers(vendor, row, out, err);
	if (rc == GK_OK)
		gk_vendor_prepare(vendor, out);
	return rc;
}
