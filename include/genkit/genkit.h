/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Everything of libgenkit: what a module includes. Each header tells what its part is for. */
#ifndef GENKIT_GENKIT_H
#define GENKIT_GENKIT_H

#include <genkit/action.h>
#include <genkit/agent.h>
#include <genkit/app.h>
#include <genkit/context.h>
#include <genkit/document.h>
#include <genkit/embedder.h>
#include <genkit/engagement.h>
#include <genkit/evaluator.h>
#include <genkit/flow.h>
#include <genkit/format.h>
#include <genkit/generate.h>
#include <genkit/helper.h>
#include <genkit/json.h>
#include <genkit/message.h>
#include <genkit/middleware.h>
#include <genkit/model.h>
#include <genkit/module.h>
#include <genkit/operation.h>
#include <genkit/plugin.h>
#include <genkit/plugins.h>
#include <genkit/prompt.h>
#include <genkit/provider.h>
#include <genkit/reranker.h>
#include <genkit/resource.h>
#include <genkit/retriever.h>
#include <genkit/session.h>
#include <genkit/session_store.h>
#include <genkit/span.h>
#include <genkit/status.h>
#include <genkit/testing.h>
#include <genkit/tool.h>
#include <genkit/vector.h>

#endif
