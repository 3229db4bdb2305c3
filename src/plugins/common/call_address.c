/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "plugins/common/call_address.h"

#include "base/str.h"
#include "loop/url.h"

static const char *const schemes[2] = { "http", "https" };

static gk_code compare(const gk_vendor *vendor, const char *address, bool *ret, gk_error *err)
{
	gk_auto_url gk_url theirs = { 0 }, ours = { 0 };
	gk_code rc = gk_url_parse(address, schemes, &theirs, err);

	if (rc == GK_OK)
		rc = gk_url_parse(vendor->base_url, schemes, &ours, err);
	if (rc == GK_OK)
		*ret = strcmp(theirs.origin, ours.origin) != 0;
	return rc;
}

bool gk_vendor_is_others(const gk_vendor *vendor, const char *address)
{
	bool is_others = true;

	return address && (compare(vendor, address, &is_others, NULL) != GK_OK || is_others);
}

gk_code gk_vendor_call_address(const gk_vendor *vendor, const char *member, const char *address,
	gk_call_address *ret, gk_error *err)
{
	const char *base = address ? address : vendor->base_url;
	size_t len = strlen(base);
	bool is_others = false;
	gk_code rc = GK_OK;

	if (address && strpbrk(address, "?#@"))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: '%s' of a call has scheme, host, port and path, and no user, query or "
			"fragment",
			vendor->name, member);
	if (address)
		rc = compare(vendor, address, &is_others, err);
	if (rc != GK_OK) {
		gk_error_prefix(err, "%s: '%s' of this call: ", vendor->name, member);
		return rc;
	}
	while (len && base[len - 1] == '/')
		len--;
	*ret = (gk_call_address){ strndup(base, len), is_others };
	return ret->base ? GK_OK : gk_error_no_memory(err);
}

gk_code gk_vendor_prepare_call(const gk_vendor *vendor, const json_t *config,
	const gk_call_address *address, gk_outgoing *out, const char **ret, gk_error *err)
{
	const char *own = json_string_value(json_object_get(config, "apiKey"));

	if (!address->is_others) {
		gk_vendor_prepare(vendor, out);
		return gk_vendor_key(vendor, config, ret, err);
	}
	*ret = own && *own ? own : NULL;
	if (!*ret && (vendor->key_per_call || !vendor->type->key_optional))
		return gk_error_set(err, GK_INVALID_ARGUMENT,
			"%s: the plugin's key does not go to an address that a call has chosen; "
			"that needs a key of its own, config.apiKey",
			vendor->name);
	out->timeout_ms = vendor->timeout_ms;
	out->is_traced = vendor->is_traced;
	return GK_OK;
}
