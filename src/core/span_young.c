/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Spans that have just started. Most are over before anybody would look at them while they run. They wait here, in order of
 * start, for a moment:
 *
 *	start --(the loop is about to wait)--> written ahead --(GK_SPAN_LASTING_MS)--> observers are told that it lasts
 *
 * and are gone as soon as they end.
 */
#include "core/internal.h"

#include "base/clock.h"

/* --- those that last --- */

static void arm(gk_app *app)
{
	if (app->lasting)
		gk_timer_again(app->lasting, GK_SPAN_LASTING_MS);
	app->is_lasting_armed = app->lasting;
}

/* What was written ahead is given back: one that has lasted may go on for long, and nobody waits for its last moment. */
static void tell_that_it_lasts(gk_app *app, gk_span *span)
{
	span->has_lasted = true;
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->lasts)
			app->observers[i]->lasts(span, app->observers[i]->user);
	gk_span_forget_ahead(span);
}

static void tell_lasting(void *user)
{
	gk_app *app = user;
	uint64_t now_ns = gk_clock_mono_ns();
	gk_span *span;

	app->is_lasting_armed = false;
	while ((span = TAILQ_FIRST(&app->young_spans))) {
		if (now_ns - span->start_mono_ns < GK_SPAN_LASTING_MS * 1000000ull) {
			arm(app);
			return;
		}
		gk_span_grow_up(span, app);
		tell_that_it_lasts(app, span);
	}
}

/* --- those that are written ahead --- */

static bool is_data_wanted(const gk_app *app, const gk_span *span)
{
	for (size_t i = 0; i < app->observer_count; i++)
		if (app->observers[i]->wants_data &&
			app->observers[i]->wants_data(span, app->observers[i]->user))
			return true;
	return false;
}

/* Twice at the end of the turn: what the spans' runs wait for has been asked for by the second time, so that this goes on
 * while they would wait anyway. */
static void write_ahead(void *user)
{
	gk_app *app = user;
	gk_span *span;

	app->is_writing = !app->is_writing && !TAILQ_EMPTY(&app->young_spans);
	if (app->is_writing) {
		gk_loop_defer(app->loop, &app->ahead);
		return;
	}
	TAILQ_FOREACH_REVERSE(span, &app->young_spans, gk_span_list, young_link)
	{
		if (span->is_looked_at)
			break;
		span->is_looked_at = true;
		if (is_data_wanted(app, span))
			gk_span_write_ahead(span);
	}
}

/* --- all --- */

void gk_young_spans_init(gk_app *app)
{
	TAILQ_INIT(&app->young_spans);
	app->ahead = (gk_defer){ .fn = write_ahead, .user = app };
}

void gk_young_spans_done(gk_app *app)
{
	gk_loop_undefer(app->loop, &app->ahead);
	if (app->lasting)
		gk_timer_stop(app->lasting);
	app->lasting = NULL;
}

void gk_span_be_young(gk_span *span, gk_app *app)
{
	bool is_told = false, is_written = false;

	for (size_t i = 0; i < app->observer_count; i++) {
		is_told |= app->observers[i]->lasts != NULL;
		is_written |= app->observers[i]->wants_data != NULL;
	}
	if (!is_told && !is_written)
		return;
	if (!app->lasting) {
		if (gk_timer_start(app->loop, GK_SPAN_LASTING_MS, 0, tell_lasting, app,
			    &app->lasting, NULL) != GK_OK)
			return; /* nobody is told: it is shown when it ends */
		gk_timer_unref(app->lasting);
		app->is_lasting_armed = true;
	}
	TAILQ_INSERT_TAIL(&app->young_spans, span, young_link);
	span->is_young = true;
	if (!app->is_lasting_armed)
		arm(app);
	if (is_written)
		gk_loop_defer(app->loop, &app->ahead);
}

void gk_span_grow_up(gk_span *span, gk_app *app)
{
	if (span->is_young)
		TAILQ_REMOVE(&app->young_spans, span, young_link);
	span->is_young = false;
}
