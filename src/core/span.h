/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Spans: what a run leaves behind. Here they are records that observers are shown; the store and the exporters are
 * such observers. A span holds references, not texts: whoever wants JSON text writes it, while it is being shown. Only what is
 * known of one that waits may be written before (`ahead`), which is the span's and goes with it.
 */
#ifndef GK_CORE_SPAN_H
#define GK_CORE_SPAN_H

#include "base/buf.h"
#include "base/id.h"
#include "json/memo.h"

#include <genkit/span.h>
#include <sys/queue.h>

typedef enum gk_span_state {
	GK_SPAN_RUNNING,
	GK_SPAN_OK,
	GK_SPAN_ERROR,
} gk_span_state;

/* How much a span may hold (telemetry section 1.8). */
typedef struct gk_span_limits {
	unsigned attributes;       /* keys; those of Genkit itself come first */
	unsigned events;           /* the exception that ended it comes on top */
	unsigned event_attributes; /* of each; 0: no limit */
	size_t attribute_size; /* bytes of text; longer ones are cut and end in "…"; 0: no limit */
	size_t messages;       /* of earlier turns; of more the first and the last; 0: no limit */
} gk_span_limits;

/* The first part of what gk_span_append_data() writes, written already. */
typedef struct gk_span_ahead {
	gk_buf text;     /* empty: it is not */
	unsigned labels; /* that it holds */
	bool is_cut;     /* an attribute of it */
} gk_span_ahead;

typedef struct gk_span {
	const struct gk_span *above; /* the enclosing one, while this one runs; NULL: root */
	const gk_span_limits *limits;
	char trace_id[GK_TRACE_ID_SIZE], id[GK_SPAN_ID_SIZE],
		parent_id[GK_SPAN_ID_SIZE]; /* parent_id "": none */
	const char *name;
	const char *type;    /* genkit:type: "action", "flowStep", "util", ...; NULL: untyped */
	const char *subtype; /* genkit:metadata:subtype; NULL: none */
	const char *key;     /* genkit:key; NULL: none */
	char *path;          /* genkit:path, undecorated; the decorated form: gk_span_path() */
	const char *library, *library_version; /* who made it; NULL: Genkit */
	gk_span_kind kind;
	uint64_t start_mono_ns;
	uint64_t start_ns, end_ns;     /* wall clock; the end by the steady one; 0: it goes on */
	json_t *input, *init, *output; /* NULL: absent */
	json_t *own_input;             /* `input`, when it is the span's own; NULL: it is not */
	json_t *own_output;    /* shown in the place of what the part gives; NULL: that is */
	json_t *context;       /* already redacted; NULL: none was passed */
	gk_json_memo *memo;    /* of inputs and outputs that others have, too; NULL: none */
	json_t *labels;        /* telemetry labels: attributes verbatim; NULL: none */
	json_t *metadata;      /* genkit:metadata:KEY: strings; NULL: none */
	json_t *events;        /* [[name, wall clock in ns, attributes]]; NULL: none */
	size_t told;           /* messages of earlier turns that lists of messages begin with */
	size_t input_messages; /* in `input` when it began: its list may grow since; 0: it does not */
	unsigned dropped_events;
	gk_span_state state;
	gk_error error;    /* of a failed one; borrowed */
	bool is_root;      /* of Genkit's tree: no span of Genkit encloses it */
	bool is_foreign;   /* another library's: no path, no state */
	bool has_messages; /* its values have lists of messages; see gk_span_has_messages() */
	bool is_user_made; /* output that is no object stands as it is */
	bool is_appended; /* to a trace that is over: its path stands as it is, and it has no state */
	bool is_failure_source, is_aborted;
	char typed_id[GK_SPAN_ID_SIZE];       /* the nearest typed span above */
	char last_parent_id[GK_SPAN_ID_SIZE]; /* genkit:lastKnownParentSpanId; "": none */
	char link_trace_id[GK_TRACE_ID_SIZE],
		link_span_id[GK_SPAN_ID_SIZE]; /* a remote traceparent; "": none */
	bool parent_is_remote;                 /* its trace goes on here */
	unsigned char trace_flags;             /* W3C's: 1 is sampled */
	const char *trace_state, *baggage;     /* opaque; NULL: none */
	bool is_young,
		has_lasted; /* core's: whether observers may still be, or have been, told that it lasts */
	bool is_looked_at; /* core's: whether it is to be written ahead has been asked */
	gk_span_ahead ahead;
	TAILQ_ENTRY(gk_span) young_link;
} gk_span;

/* All but settle() on the loop's thread, not parking; all optional. */
typedef struct gk_span_observer {
	void (*started)(const gk_span *span, void *user);
	/** It goes on GK_SPAN_LASTING_MS and more after its start: for those who would not look at one that is over at
	 * once. Said once of a span, before `ended`, which finds `has_lasted` set. */
	void (*lasts)(const gk_span *span, void *user);
	void (*ended)(const gk_span *span, void *user);
	/** Whether it will ask for gk_span_append_data() of it: what is known is written while the span's run waits, with
	 * input, labels and context as they are then. Asked once, of a span whose run does wait. */
	bool (*wants_data)(const gk_span *span, void *user);
	/** A run's spans have ended and its sink is about to hear of the end: waits until they may be told of. On the
	 * run's fiber; must return soon even if the run has been called off or the observer fails. */
	GK_SUSPENDS void (*settle)(void *user);
	void *user;
} gk_span_observer;

#define GK_SPAN_LIBRARY         "genkit-tracer"
#define GK_SPAN_LIBRARY_VERSION "v1"
/** Who made it, and its version (NULL: none). */
const char *gk_span_library(const gk_span *span, const char **version_ret);
/** "INTERNAL", "CLIENT", ...; of a number that is no kind: "UNSPECIFIED". */
const char *gk_span_kind_name(int kind);

/** The path as the wire has it: the last segment of a nested one with its subtype (telemetry section 1.5). The caller
 * frees it. */
char *gk_span_path(const gk_span *span);
/** The same of a nested one's path and subtype; `path` is not empty. */
char *gk_span_path_with(const char *path, const char *subtype);
/** The type of its error, as the event "exception" has it: the HTTP status of the code as text, or the name of what was
 * thrown: "Error", "ToolInterruptError". False: it has no such event. */
#define GK_SPAN_ERROR_TYPE_SIZE 64
bool gk_span_error_type(const gk_span *span, char ret[GK_SPAN_ERROR_TYPE_SIZE]);
/** The message of its status and of the event; "" for one that went well. The caller frees it. */
char *gk_span_error_message(const gk_span *span);

/* --- attributes --- */

typedef struct gk_attribute {
	const char *key;
	const char *text;    /* a string; NULL: `value` */
	const json_t *value; /* as it is, or, when `is_json`, its JSON text */
	bool is_json;
	bool is_shared; /* other spans may have it, too */
} gk_attribute;

/** Takes one (it lives for the call); false ends the walk. */
typedef bool gk_attribute_fn(const gk_attribute *attribute, void *user);
/** All attributes in the order in which the wire has them; how many were too many goes to `dropped_ret` unless NULL.
 * False: the function said so, or memory ran out. */
bool gk_span_each_attribute(
	const gk_span *span, gk_attribute_fn *fn, void *user, unsigned *dropped_ret);
/** Appends the text of one that is text or JSON, cut to the span's limit; true when it was cut. */
bool gk_attribute_append(gk_buf *buf, const gk_attribute *attribute, const gk_span *span);
/** Whether it is a text: what gk_attribute_append() is for. */
bool gk_attribute_is_text(const gk_attribute *attribute);

/** All attributes as the wire has them: {"genkit:type": "action", ...}, inputs and outputs as JSON text. New reference;
 * NULL when memory ran out. */
json_t *gk_span_attributes(const gk_span *span);

/** Whether its values have lists of messages of a conversation: those of models, prompts and agents. */
bool gk_span_has_messages(const gk_span *span);
/** What is shown of one of its values: without the keys of providers, and of more messages of earlier turns than its limit
 * the first and the last, with gk_messages_omitted() between them. New reference; NULL when memory ran out. */
json_t *gk_span_shown(const gk_span *span, const json_t *value);
/** Whether of `count` messages, of which about the first `told` were said in earlier turns, only `most` (0: no limit) of those
 * are shown: the ones before `*head_ret`, and from `*tail_ret` on. */
bool gk_messages_are_cut(
	size_t count, size_t told, size_t most, size_t *head_ret, size_t *tail_ret);
/** The message that stands for so many: {role, content, metadata: {omitted}}. New reference; NULL when memory ran out. */
json_t *gk_messages_omitted(size_t count);

/* --- events --- */

typedef struct gk_event {
	const char *name;
	uint64_t time_ns;
	const json_t *attributes; /* an object; NULL: none */
} gk_event;
/** The events, the exception that ended it last; they live for the call. False: memory ran out, or `fn` said so. */
typedef bool gk_event_fn(const gk_event *event, void *user);
bool gk_span_each_event(const gk_span *span, gk_event_fn *fn, void *user);

/* --- Genkit's JSON (telemetry section 1.7) --- */

/** Appends SpanData: {"spanId": ..., "attributes": {...}, ...}. */
void gk_span_append_data(gk_buf *buf, const gk_span *span);
/** Appends nanoseconds as milliseconds with up to six decimals. */
void gk_span_append_ms(gk_buf *buf, uint64_t ns);

#endif
