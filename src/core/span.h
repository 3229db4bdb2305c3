/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Spans: what a run leaves behind. Here they are records that observers are shown; the store and the exporters are
 * such observers. A span holds references, not texts: whoever wants JSON text writes it.
 */
#ifndef GK_CORE_SPAN_H
#define GK_CORE_SPAN_H

#include "base/id.h"

#include <genkit/status.h>
#include <sys/queue.h>

typedef enum gk_span_state {
	GK_SPAN_RUNNING,
	GK_SPAN_OK,
	GK_SPAN_ERROR,
} gk_span_state;

typedef struct gk_span {
	const struct gk_span *above; /* the enclosing one, while this one runs; NULL: root */
	char trace_id[GK_TRACE_ID_SIZE], id[GK_SPAN_ID_SIZE],
		parent_id[GK_SPAN_ID_SIZE]; /* parent_id "": root */
	const char *name;
	const char *type;    /* genkit:type: "action", "flowStep", "util", ...; NULL: untyped */
	const char *subtype; /* genkit:metadata:subtype; NULL: none */
	const char *key;     /* genkit:key; NULL: none */
	char *path;          /* genkit:path, undecorated; the decorated form: gk_span_path() */
	uint64_t start_mono_ns;
	uint64_t start_ns, end_ns;     /* wall clock; the end by the steady one */
	json_t *input, *init, *output; /* NULL: absent */
	json_t *context;               /* already redacted; NULL: none was passed */
	json_t *labels;                /* telemetry labels: attributes verbatim; NULL: none */
	json_t *metadata;              /* genkit:metadata:KEY: strings; NULL: none */
	gk_span_state state;
	gk_error error; /* of a failed one; borrowed */
	bool is_root, is_failure_source;
	char typed_id[GK_SPAN_ID_SIZE];       /* the nearest typed span above */
	char last_parent_id[GK_SPAN_ID_SIZE]; /* genkit:lastKnownParentSpanId; "": none */
	char link_trace_id[GK_TRACE_ID_SIZE],
		link_span_id[GK_SPAN_ID_SIZE]; /* a remote traceparent; "": none */
	bool is_young,
		has_lasted; /* core's: whether observers may still be, or have been, told that it lasts */
	TAILQ_ENTRY(gk_span) young_link;
} gk_span;

/* All but settle() on the loop's thread, not parking; all optional. */
typedef struct gk_span_observer {
	void (*started)(const gk_span *span, void *user);
	/** It goes on GK_SPAN_LASTING_MS and more after its start: for those who would not look at one that is over at
	 * once. Said once of a span, before `ended`, which finds `has_lasted` set. */
	void (*lasts)(const gk_span *span, void *user);
	void (*ended)(const gk_span *span, void *user);
	/** A run's spans have ended and its sink is about to hear of the end: waits until they may be told of. On the
	 * run's fiber; must return soon even if the run has been called off or the observer fails. */
	GK_SUSPENDS void (*settle)(void *user);
	void *user;
} gk_span_observer;

/** The path as the wire has it: the last segment of a nested one with its subtype (telemetry section 1.5). The caller
 * frees it. */
char *gk_span_path(const gk_span *span);
/** The type of its error, as the event "exception" has it: the HTTP status of the code as text, or the name of what was
 * thrown: "Error", "ToolInterruptError". False: it has no such event. */
#define GK_SPAN_ERROR_TYPE_SIZE 32
bool gk_span_error_type(const gk_span *span, char ret[GK_SPAN_ERROR_TYPE_SIZE]);
/** All attributes as the wire has them: {"genkit:type": "action", ...}, inputs and outputs as JSON text. New reference. */
json_t *gk_span_attributes(const gk_span *span);

#endif
