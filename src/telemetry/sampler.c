/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "telemetry/sampler.h"

#include "base/parse.h"
#include "base/str.h"

#define PARENT_BASED "parentbased_"
#define RANDOM_BITS  56 /* of a trace id: its last 14 digits */

gk_code gk_sampler_read(const char *name, const char *argument, gk_sampler *ret, gk_error *err)
{
	gk_sampler sampler = { .ratio = 1 };
	const char *kind = name;

	if (gk_str_has_prefix(name, PARENT_BASED)) {
		sampler.asks_parent = true;
		kind += sizeof(PARENT_BASED) - 1;
	}
	if (gk_str_equal(kind, "always_off")) {
		sampler.ratio = 0;
	} else if (gk_str_equal(kind, "traceidratio")) {
		if (argument && (!gk_parse_real(argument, strlen(argument), &sampler.ratio) ||
					sampler.ratio < 0 || sampler.ratio > 1))
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"the sampler's ratio must be a number from 0 to 1");
	} else if (!gk_str_equal(kind, "always_on")) {
		return gk_error_set(err, GK_INVALID_ARGUMENT, "there is no sampler '%s'", name);
	}
	*ret = sampler;
	return GK_OK;
}

static uint64_t random_part(const char *trace_id)
{
	uint64_t value = 0;

	for (const char *c = trace_id + strlen(trace_id) - RANDOM_BITS / 4; *c; c++)
		value = value << 4 | (uint64_t)(*c <= '9' ? *c - '0' : *c - 'a' + 10);
	return value;
}

bool gk_sampler_takes(const gk_sampler *sampler, const gk_span *span)
{
	const gk_span *root = span;

	if (sampler->asks_parent) {
		while (root->above)
			root = root->above;
		if (root->parent_is_remote)
			return span->trace_flags & 1;
	}
	if (sampler->ratio >= 1)
		return true;
	return (double)random_part(span->trace_id) <
	       sampler->ratio * (double)(UINT64_C(1) << RANDOM_BITS);
}
