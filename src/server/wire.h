/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Outcomes as the wires have them: the reflection API's Status and result objects, the flow server's errors. Written
 * straight into a buffer.
 */
#ifndef GK_SERVER_WIRE_H
#define GK_SERVER_WIRE_H

#include "base/buf.h"
#include "core/run.h"

/** Appends compact JSON. False when it cannot be written (too deep, no memory): the buffer is then as it was before, and
 * usable. */
bool gk_wire_json(gk_buf *buf, const json_t *value);
/** Appends a string in quotes; NULL: an empty one. */
void gk_wire_string(gk_buf *buf, const char *text);

/** Appends {"code", "message", "details": {"stack", "traceId"?}}. `trace_id` "" or NULL: none. `place`, such as a key, is
 * named in the stack; NULL: none. */
void gk_wire_status(gk_buf *buf, const gk_error *err, const char *trace_id, const char *place);
/** The message of such a Status: "NOT_FOUND: no such widget"; the caller frees it. */
char *gk_wire_status_message(const gk_error *err);

/** Appends {"result"?: ..., "telemetry": {"traceId": ...}} of a run that went well. False when the result cannot be written
 * as JSON: the buffer is as it was before. The error is then gk_wire_too_deep. */
bool gk_wire_result(gk_buf *buf, const gk_run *run);
extern const gk_error gk_wire_too_deep;
/** Appends what a run has come to: its result as above or {"error": Status}. A streaming answer leaves out the trace id of an error that did not come from the run's own code, as the reference does. */
void gk_wire_outcome(gk_buf *buf, const gk_run *run, const char *place, bool is_stream);

/** The kinds of values that the API lists: the static "defaultModel" or "middleware"; NULL: another. */
const char *gk_wire_value_kind(const char *kind);
/** What is said of another; the caller frees it. */
char *gk_wire_unknown_kind(const char *kind);

/** Reads what runAction is asked for: key, input, init, context and telemetry_labels of `opts`, borrowed from `body`.
 * INVALID_ARGUMENT for what is no such request. */
GK_MUST_USE gk_code gk_wire_read_call(const json_t *body, gk_run_opts *opts, gk_error *err);

/** Appends {"details"?, "status", "message"}; an error without a status of its own gives nothing away. */
void gk_wire_flow_error(gk_buf *buf, const gk_error *err);
/** The HTTP status that goes with it. */
int gk_wire_flow_status(const gk_error *err);

#endif
