/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * A call may name another address than the plugin's configuration does. Whoever calls need not be who configured the key: the
 * plugin's key and its headers go to the origin (scheme, host and port) that the configuration names, and nowhere else.
 */
#ifndef GK_PLUGINS_CALL_ADDRESS_H
#define GK_PLUGINS_CALL_ADDRESS_H

#include "plugins/common/vendor.h"

typedef struct gk_call_address {
	char *base;     /* without a slash at the end; the caller frees it */
	bool is_others; /* not of the configured origin */
} gk_call_address;

/** Whether that is another origin than the configured one; also when it is no address. NULL: it is not. */
bool gk_vendor_is_others(const gk_vendor *vendor, const char *address);
/** Where a call goes that chose `address` by `member` of its configuration (NULL: it did not). INVALID_ARGUMENT: that is no http or
 * https URL, or it has more than a path behind the host, or a user before it. */
GK_MUST_USE gk_code gk_vendor_call_address(const gk_vendor *vendor, const char *member,
	const char *address, gk_call_address *ret, gk_error *err);
/** gk_vendor_key() and gk_vendor_prepare() for a request to there: to others with the call's own key alone. `*ret` is borrowed;
 * NULL: none is needed. INVALID_ARGUMENT: there is none. */
GK_MUST_USE gk_code gk_vendor_prepare_call(const gk_vendor *vendor, const json_t *config,
	const gk_call_address *address, gk_outgoing *out, const char **ret, gk_error *err);

#endif
