/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Ops of parts that are not there yet. Whoever brings one takes its row away. */
#include "core.h"

const core_op core_later_ops[] = {
	{ .op = "actionMetadata", .file = "core/prompts.yaml", .comes_with = "prompts" },
	{ .op = "actionMetadata", .file = "core/rag-eval.yaml", .comes_with = "embedders" },
	{ .op = "augmentWithContext", .comes_with = "middleware" },
	{ .op = "documentAccessors", .comes_with = "documents" },
	{ .op = "documentFromData", .comes_with = "documents" },
	{ .op = "embedOptions", .comes_with = "embedders" },
	{ .op = "embeddingDocuments", .comes_with = "embedders" },
	{ .op = "evaluator", .comes_with = "evaluators" },
	{ .op = "fallback", .comes_with = "middleware" },
	{ .op = "fallbackConfig", .comes_with = "middleware" },
	{ .op = "middlewareOrder", .comes_with = "middleware" },
	{ .op = "promptAction", .comes_with = "prompts" },
	{ .op = "promptLookup", .comes_with = "prompts" },
	{ .op = "promptRender", .comes_with = "prompts" },
	{ .op = "rerank", .comes_with = "rerankers" },
	{ .op = "retry", .comes_with = "middleware" },
	{ .op = "retryAfter", .comes_with = "middleware" },
	{ .op = "simpleRetriever", .comes_with = "retrievers" },
	{ .op = "simulateConstrainedGeneration", .comes_with = "middleware" },
	{ .op = "simulateSystemPrompt", .comes_with = "middleware" },
	{ .op = "unknown", .file = "core/rag-eval.yaml", .comes_with = "retrievers" },
	{ .op = "validateSupport", .comes_with = "middleware" },
	{ 0 },
};
