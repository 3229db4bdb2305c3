/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of parts that are not there yet. Whoever brings one takes its row away. */
#include "core.h"

const core_op core_later_ops[] = {
	{ .op = "actionMetadata", .file = "core/prompts.yaml", .comes_with = "prompts" },
	{ .op = "augmentWithContext", .comes_with = "middleware" },
	{ .op = "fallback", .comes_with = "middleware" },
	{ .op = "fallbackConfig", .comes_with = "middleware" },
	{ .op = "middlewareOrder", .comes_with = "middleware" },
	{ .op = "promptAction", .comes_with = "prompts" },
	{ .op = "promptLookup", .comes_with = "prompts" },
	{ .op = "promptRender", .comes_with = "prompts" },
	{ .op = "retry", .comes_with = "middleware" },
	{ .op = "retryAfter", .comes_with = "middleware" },
	{ .op = "simulateConstrainedGeneration", .comes_with = "middleware" },
	{ .op = "simulateSystemPrompt", .comes_with = "middleware" },
	{ .op = "validateSupport", .comes_with = "middleware" },
	{ 0 },
};
