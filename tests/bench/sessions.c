/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * The session store by itself: build/tests/bench/sessions [SNAPSHOTS [FILE]]
 *
 * One session of a thousand turns: what a turn costs at its beginning and at its end, each read by session and committed.
 * Then so many snapshots (100,000) in sessions of ten, from fifty fibers at once, and how long it takes to find the latest of
 * a session among them. Times are of the wall, CPU is that of all threads.
 */
#include "measure.h"

#include "base/clock.h"
#include "store/sessions.h"

#include <genkit/json.h>

#define TURNS   1000
#define FIBERS  50
#define LOOKUPS 10000

static gk_loop *loop;
static gk_trace_store *traces;
static gk_session_store *store;
static const gk_session_realm realm = { .store = "bench", .owner = "someone" };
static unsigned long snapshots = 100000, next_session;
static unsigned running;

/* --- a turn --- */

static json_t *message(const char *role, unsigned n)
{
	char text[128];

	snprintf(text, sizeof(text), "what was said in turn %u, in a sentence of some length", n);
	return json_pack("{s:s, s:[{s:s}]}", "role", role, "content", "text", text);
}

/* The state that follows on this one (NULL: none yet). */
static json_t *next_state(json_t *before, const char *session, unsigned n)
{
	json_t *messages = json_copy(json_object_get(before, "messages"));

	if (!messages)
		messages = json_array();
	json_array_append_new(messages, message("user", n));
	json_array_append_new(messages, message("model", n));
	return json_pack(
		"{s:s, s:[], s:o}", "sessionId", session, "artifacts", "messages", messages);
}

/* Reads the session's latest snapshot, and adds one. */
static void take_turn(const char *session, unsigned n)
{
	gk_auto_error gk_error err = { 0 };
	gk_auto_json json_t *last = NULL;
	gk_auto_json json_t *document = NULL;
	gk_auto_saved gk_snapshot_saved saved = { .id = NULL };
	json_t *parent;

	if (gk_snapshot_latest(NULL, store, &realm, session, &last, &err) != GK_OK)
		fail("latest", &err);
	document = json_pack("{s:s, s:s, s:s, s:o}", "sessionId", session, "status", "completed",
		"finishReason", "stop", "state",
		next_state(json_object_get(last, "state"), session, n));
	parent = json_object_get(last, "snapshotId");
	if (parent)
		json_object_set(document, "parentId", parent);
	if (gk_snapshot_save(NULL, store, &realm,
		    GK_OPTS(gk_snapshot_change, .action = GK_SNAPSHOT_FINISH, .document = document),
		    &saved, &err) != GK_OK)
		fail("save", &err);
}

/* --- one long session --- */

static void take_all_turns(void *user)
{
	double at[TURNS / 10 + 1];

	(void)user;
	for (unsigned n = 0; n < TURNS; n++) {
		if (n % 10 == 0)
			at[n / 10] = cpu_seconds();
		take_turn("long", n);
	}
	at[TURNS / 10] = cpu_seconds();
	/* groups of a hundred turns, for the clock is coarse */
	printf("a turn: %.1f us CPU in turns 10 to 110, %.1f us in turns 890 to 990: %.2f times\n",
		(at[11] - at[1]) * 1e4, (at[99] - at[89]) * 1e4,
		(at[99] - at[89]) / (at[11] - at[1]));
	running--;
}

/* --- many --- */

static void fill(void *user)
{
	(void)user;
	while (next_session * 10 < snapshots) {
		char session[32];

		snprintf(session, sizeof(session), "session-%lu", next_session++);
		for (unsigned n = 0; n < 10; n++)
			take_turn(session, n);
	}
	running--;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void look_up(void *user)
{
	static double times[LOOKUPS];
	uint64_t random = 88172645463325252ull;

	(void)user;
	for (unsigned i = 0; i < LOOKUPS; i++) {
		gk_auto_error gk_error err = { 0 };
		gk_auto_json json_t *found = NULL;
		char session[32];
		uint64_t started;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		snprintf(session, sizeof(session), "session-%lu",
			(unsigned long)(random % (next_session ? next_session : 1)));
		started = gk_clock_mono_ns();
		if (gk_snapshot_latest(NULL, store, &realm, session, &found, &err) != GK_OK ||
			!found)
			fail("look up", &err);
		times[i] = (double)(gk_clock_mono_ns() - started) / 1000;
	}
	qsort(times, LOOKUPS, sizeof(times[0]), by_size);
	printf("latest by session: p50 %.0f us, p99 %.0f us, longest %.0f us\n", times[LOOKUPS / 2],
		times[LOOKUPS / 100 * 99], times[LOOKUPS - 1]);
	running--;
}

static void run(gk_fiber_fn *fn, unsigned count)
{
	gk_auto_error gk_error err = { 0 };

	for (unsigned i = 0; i < count; i++, running++)
		if (gk_fiber_start(loop, "bench", NULL, fn, NULL, NULL, &err) != GK_OK)
			fail("fiber", &err);
	while (running)
		gk_loop_turn(loop, 1000);
}

int main(int argc, char **argv)
{
	const char *path = argc > 2 ? argv[2] : "/tmp/genkitd-bench-sessions.db";
	gk_auto_error gk_error err = { 0 };
	double started;
	uint64_t wall;

	if (argc > 1)
		snapshots = strtoul(argv[1], NULL, 10);
	unlink(path);
	if (gk_loop_new(&loop, &err) != GK_OK ||
		gk_trace_store_open(
			loop, GK_OPTS(gk_trace_store_opts, .path = path), &traces, &err) != GK_OK ||
		gk_sessions_open(loop, traces, GK_OPTS(gk_sessions_opts, .max_age_ms = 0), &store,
			&err) != GK_OK)
		fail("open", &err);
	run(take_all_turns, 1);
	started = cpu_seconds();
	wall = gk_clock_mono_ns();
	run(fill, FIBERS);
	if (next_session)
		printf("%lu snapshots: %.1f us CPU and %.1f us each, %.0f MB of memory\n",
			next_session * 10,
			(cpu_seconds() - started) * 1e6 / (double)next_session / 10,
			(double)(gk_clock_mono_ns() - wall) / 1e3 / (double)next_session / 10,
			rss_mb());
	run(look_up, 1);
	gk_session_store_free(store);
	gk_trace_store_close(traces);
	gk_loop_free(loop);
	return 0;
}
