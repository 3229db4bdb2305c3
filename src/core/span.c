/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Spans: started, shown to observers, ended (telemetry section 1). */
#include "core/internal.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "json/edit.h"

void gk_span_start(gk_span *span, gk_app *app, const gk_span *above, const char *name)
{
	*span = (gk_span){ .above = above,
		.limits = &app->tracing.limits,
		.name = name,
		.kind = GK_SPAN_INTERNAL,
		.is_root = !above,
		.trace_flags = 1 };
	gk_id_span(span->id);
	if (above) {
		memcpy(span->trace_id, above->trace_id, sizeof(span->trace_id));
		memcpy(span->parent_id, above->id, sizeof(span->parent_id));
		span->trace_flags = above->trace_flags;
		span->trace_state = above->trace_state;
		span->baggage = above->baggage;
		/* not into flows and tools: they have other conversations */
		if (!above->subtype || gk_span_has_messages(above))
			span->told = above->told;
	} else {
		gk_id_trace(span->trace_id);
	}
	span->start_ns = gk_clock_wall_ns();
	span->start_mono_ns = gk_clock_mono_ns();
}

void gk_span_set_link(
	gk_span *span, const gk_trace_link *link, const char *trace_state, const char *baggage)
{
	if (link->continues) {
		memcpy(span->trace_id, link->trace_id, sizeof(span->trace_id));
		memcpy(span->parent_id, link->span_id, sizeof(span->parent_id));
		span->parent_is_remote = true;
		span->trace_flags = link->flags;
		span->trace_state = trace_state;
		span->baggage = baggage;
	} else {
		memcpy(span->link_trace_id, link->trace_id, sizeof(span->link_trace_id));
		memcpy(span->link_span_id, link->span_id, sizeof(span->link_span_id));
	}
}

/* "/{flow,t:flow}/{step,t:flowStep}": the type of an action's segment is "action", but for a flow's; the span of another
 * library has none. An observer may have come after the spans above had started: they have no path then. */
static void put_path(gk_buf *path, const gk_span *span)
{
	const char *type = gk_str_equal(span->subtype, "flow") ? "flow" : span->type;

	if (span->above && span->above->path)
		gk_buf_puts(path, span->above->path);
	else if (span->above)
		put_path(path, span->above);
	if (span->is_foreign)
		return;
	gk_buf_puts(path, "/{");
	gk_buf_puts(path, span->name);
	if (type) {
		gk_buf_puts(path, ",t:");
		gk_buf_puts(path, type);
	}
	gk_buf_putc(path, '}');
}

char *gk_span_plain_path(const gk_span *span)
{
	gk_buf buf = GK_BUF_INIT(0);
	char *path;

	put_path(&buf, span);
	path = gk_buf_take(&buf, NULL);
	gk_buf_done(&buf);
	return path;
}

static void set_path(gk_span *span)
{
	span->path = gk_span_plain_path(span);
}

void gk_spans_settle(gk_app *app)
{
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->settle)
			app->observers[i]->settle(app->observers[i]->user);
}

/* --- from start to end --- */

/* What drops untyped spans can hang this one on the nearest typed one above. Another library's spans do not count: they
 * stand between Genkit's without being among them. */
static void set_typed_above(gk_span *span)
{
	const gk_span *above = span->above;
	const char *typed = above->type ? above->id : above->typed_id;

	memcpy(span->typed_id, typed, sizeof(span->typed_id));
	while (above && above->is_foreign)
		above = above->above;
	if (span->type && above && !above->type)
		memcpy(span->last_parent_id, typed, sizeof(span->last_parent_id));
}

void gk_span_announce(gk_span *span, gk_app *app)
{
	if (span->above)
		set_typed_above(span);
	if (!app->observer_count)
		return;
	set_path(span);
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->started)
			app->observers[i]->started(span, app->observers[i]->user);
	gk_span_be_young(span, app);
}

/* The innermost span that an error passes through is its source; the error remembers that it was claimed. What was
 * thrown without being an error cannot remember, and nobody is its source. */
static void record_failure(gk_span *span, gk_error *err)
{
	gk_fiber *fiber = gk_fiber_self();

	if (span->is_foreign)
		return; /* its library would have to say so */
	span->state = GK_SPAN_ERROR;
	span->error = *err;
	span->is_aborted = err->code == GK_CANCELLED && !err->is_plain && fiber &&
			   gk_scope_reason(gk_fiber_scope(fiber)) == GK_CANCELLED;
	if (!err->message_missing) {
		span->is_failure_source = !err->failure_marked;
		err->failure_marked = true;
	}
	if (!err->trace_id[0])
		memcpy(err->trace_id, span->trace_id, sizeof(err->trace_id));
}

void gk_span_finish(gk_span *span, gk_app *app, json_t *output, gk_error *err)
{
	span->state = span->is_appended ? GK_SPAN_RUNNING : GK_SPAN_OK;
	if (err)
		record_failure(span, err);
	gk_span_grow_up(span, app);
	if (app->observer_count) {
		span->end_ns = span->start_ns + (gk_clock_mono_ns() - span->start_mono_ns);
		span->output = err ? NULL : span->own_output ? span->own_output : output;
		if (!span->path)
			set_path(span);
		for (size_t i = 0; i < app->observer_count; i++)
			if (app->observers[i]->ended)
				app->observers[i]->ended(span, app->observers[i]->user);
	}
	json_decref(span->own_input);
	json_decref(span->own_output);
	json_decref(span->context);
	json_decref(span->metadata);
	json_decref(span->events);
	free(span->path);
	gk_span_forget_ahead(span);
}

/* --- spans of one's own --- */

void gk_span_set_own(gk_span *span, const gk_own_span_opts *opts)
{
	span->is_user_made = true;
	span->is_foreign = opts->library != NULL;
	span->library = opts->library;
	span->library_version = opts->library_version;
	if (opts->kind && span->is_foreign)
		span->kind = opts->kind;
	span->input = span->is_foreign ? NULL : opts->input;
}

gk_code gk_run_span(gk_ctx *ctx, const gk_own_span_opts *opts, gk_action_fn *fn, void *user,
	json_t *input, json_t **ret, gk_error *err)
{
	if (!opts || !opts->name || !fn)
		return gk_error_set(err, GK_INVALID_ARGUMENT, "a span needs a name and a function");
	return gk_ctx_run_in_span(ctx,
		&(gk_span_opts){ .name = opts->name,
			.labels = json_is_object(opts->labels) ? opts->labels : NULL,
			.what = "span",
			.own = opts },
		fn, user, input, ret, err);
}

bool gk_ctx_record_member(gk_ctx *ctx, const char *key, json_t *value)
{
	gk_span *span = ctx->span;
	json_t *changed;

	if (!span || !json_is_object(span->input))
		return true;
	changed = gk_json_copy(span->input);
	if (!gk_json_set(changed, key, value)) {
		json_decref(changed);
		return false;
	}
	json_decref(span->own_input);
	span->input = span->own_input = changed;
	gk_span_forget_ahead(span);
	return true;
}

void gk_ctx_record_told(gk_ctx *ctx, size_t count)
{
	if (!ctx->span)
		return;
	ctx->span->told = count;
	gk_span_forget_ahead(ctx->span);
}

void gk_ctx_record_output_take(gk_ctx *ctx, json_t *output_take)
{
	if (!ctx->span) {
		json_decref(output_take);
		return;
	}
	json_decref(ctx->span->own_output);
	ctx->span->own_output = output_take;
}

/* A deep copy of as many members as an event may have. */
static json_t *copy_attributes(const gk_span *span, json_t *attributes)
{
	gk_auto_json json_t *copy = json_object();
	const char *key;
	json_t *value;

	json_object_foreach (attributes, key, value) {
		if (span->limits->event_attributes &&
			json_object_size(copy) >= span->limits->event_attributes)
			break;
		if (!gk_json_set_take(copy, key, json_deep_copy(value)))
			return NULL;
	}
	return gk_steal(copy);
}

void gk_ctx_add_event(gk_ctx *ctx, const char *name, json_t *attributes)
{
	gk_span *span = ctx->span;
	gk_auto_json json_t *event = json_array();

	if (!span || !name)
		return;
	if (!span->events)
		span->events = json_array();
	if (json_array_size(span->events) >= span->limits->events) {
		span->dropped_events++;
	} else if (!gk_json_push_take(event, json_string(name)) ||
		   !gk_json_push_take(event, json_integer((json_int_t)gk_clock_wall_ns())) ||
		   (json_is_object(attributes) &&
			   !gk_json_push_take(event, copy_attributes(span, attributes))) ||
		   !gk_json_push_take(span->events, gk_steal(event))) {
		span->dropped_events++;
	}
}

const char *gk_ctx_traceparent(gk_ctx *ctx)
{
	char text[GK_TRACEPARENT_SIZE];

	if (!ctx->span)
		return NULL;
	gk_traceparent_write(text, ctx->span->trace_id, ctx->span->id, ctx->span->trace_flags);
	return gk_ctx_printf(ctx, "%s", text);
}
