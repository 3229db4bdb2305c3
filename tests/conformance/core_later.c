/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of parts that are not there yet. Whoever brings one takes its row away. */
#include "core.h"

const core_op core_later_ops[] = {
	{ .op = "actionMetadata", .file = "core/prompts.yaml", .comes_with = "prompts" },
	{ .op = "promptAction", .comes_with = "prompts" },
	{ .op = "promptLookup", .comes_with = "prompts" },
	{ .op = "promptRender", .comes_with = "prompts" },
	{ 0 },
};
