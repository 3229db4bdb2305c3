/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "daemon/prompt_sync.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/table.h"
#include "daemon/prompt_watch.h"

/* A file that is to be read. */
typedef struct dirty {
	uint64_t due_ms;    /* by the loop's clock */
	uint64_t settle_ms; /* gk_prompt_reading */
} dirty;

/* One piece of work on a worker; the loop touches nothing of it meanwhile. */
typedef struct job {
	char *below; /* of a walk: what is listed; NULL: files are read */
	gk_prompt_listing listing;
	gk_prompt_reading readings[GK_PROMPT_BATCH];
	size_t count;
} job;

struct gk_prompt_sync {
	gk_loop *loop;
	char *path;
	const gk_prompt_folder_ops *ops;
	void *user;
	size_t *running;
	gk_prompt_folder *folder;
	gk_prompt_watch *watch;
	gk_table *files;   /* path: dirty */
	gk_table *folders; /* path: to be listed with all below it */
	gk_timer *timer;
	job job;
	bool is_working, is_freed;
	bool has_failed;  /* the last look at all of it */
	uint64_t look_ms; /* when all of it is looked at without a notice; 0: not */
	gk_code failure;  /* of the last job; it is logged once */
};

static void pump(gk_prompt_sync *sync);
static void wait_for(gk_prompt_sync *sync, uint64_t after_ms);

/* --- what is to be done --- */

static void mark_folder(gk_prompt_sync *sync, const char *path)
{
	if (!gk_table_set(sync->folders, path, sync))
		sync->has_failed = true; /* all of it is looked at in a moment */
}

static void mark_file(gk_prompt_sync *sync, const char *path, uint64_t after_ms, uint64_t settle_ms)
{
	dirty *it = gk_table_get(sync->files, path);

	if (!it) {
		it = calloc(1, sizeof(*it));
		if (!it || !gk_table_set(sync->files, path, it)) {
			free(it);
			mark_folder(sync, "");
			return;
		}
	}
	it->due_ms = gk_loop_now_ms(sync->loop) + after_ms;
	it->settle_ms = settle_ms;
}

static void on_change(void *user, gk_notice_kind kind, const char *path, bool is_folder)
{
	gk_prompt_sync *sync = user;

	if (!path)
		mark_folder(sync, "");
	else if (is_folder)
		mark_folder(sync, path);
	else if (kind == GK_NOTICE_WRITTEN)
		mark_file(sync, path, 0, 0);
	else /* it may be back in a moment, or is being written */
		mark_file(sync, path, GK_PROMPT_SETTLE_MS, GK_PROMPT_LOOK_MS);
	if (!sync->is_working) /* there may be ten thousand in this turn, to choose from once */
		wait_for(sync, 0);
}

static void differs(const char *path, void *user)
{
	mark_file(user, path, 0, GK_PROMPT_SETTLE_MS);
}

/* --- the work --- */

static gk_code run_job(void *user, gk_error *err)
{
	gk_prompt_sync *sync = user;
	job *it = &sync->job;
	gk_code rc = GK_OK;

	if (it->below)
		return gk_prompt_list(sync->path, it->below, &it->listing, err);
	for (size_t i = 0; i < it->count && rc == GK_OK; i++)
		rc = gk_prompt_read(sync->path, &it->readings[i], err);
	return rc;
}

static void listed(gk_prompt_sync *sync)
{
	job *it = &sync->job;
	gk_auto_str char *below = gk_steal(it->below);

	if (!*below)
		sync->has_failed = false;
	if (gk_prompt_watch_update(sync->watch, &it->listing, below))
		mark_folder(sync, below); /* what happened before was not seen */
	gk_prompt_folder_compare(sync->folder, &it->listing, below, differs, sync);
}

/* What could not be read yet comes again, unless something happened to it meanwhile. */
static void was_read(gk_prompt_sync *sync, gk_code rc, gk_error *err)
{
	job *it = &sync->job;

	for (size_t i = 0; i < it->count; i++) {
		const gk_prompt_reading *one = &it->readings[i];
		bool waits = one->state == GK_READING_UNSETTLED;

		if ((rc != GK_OK || waits) && !gk_table_get(sync->files, one->path))
			mark_file(sync, one->path, rc != GK_OK ? GK_PROMPT_LOOK_MS : one->again_ms,
				one->settle_ms);
	}
	if (rc == GK_OK && gk_prompt_folder_take(sync->folder, it->readings, it->count, sync->ops,
				   sync->user, err) != GK_OK)
		mark_folder(sync, "");
}

static void clear_job(job *it)
{
	free(gk_steal(it->below));
	gk_prompt_listing_done(&it->listing);
	for (size_t i = 0; i < it->count; i++)
		gk_prompt_reading_done(&it->readings[i]);
	it->count = 0;
}

static void take_job(gk_prompt_sync *sync, gk_code rc, gk_error *err)
{
	bool is_walk = sync->job.below != NULL;

	if (rc != GK_OK && rc != sync->failure)
		gk_log(GK_LOG_ERROR, "prompts", "%s",
			err->message ? err->message : "out of memory");
	sync->failure = rc;
	if (is_walk && rc == GK_OK)
		listed(sync);
	else if (is_walk)
		sync->has_failed = true;
	else
		was_read(sync, rc, err);
	clear_job(&sync->job);
}

static void job_done(void *user, gk_code rc, gk_error *err)
{
	gk_prompt_sync *sync = user;

	sync->is_working = false;
	--*sync->running;
	if (sync->is_freed) {
		clear_job(&sync->job);
		gk_prompt_sync_free(sync);
		return;
	}
	take_job(sync, rc, err);
	pump(sync);
}

/* --- choosing it --- */

static void choose_files(gk_prompt_sync *sync, bool partials)
{
	uint64_t now = gk_loop_now_ms(sync->loop);
	job *it = &sync->job;

	gk_table_foreach (sync->files, entry) {
		const char *path = gk_table_entry_name(entry);
		const dirty *one = gk_table_entry_value(entry);
		char *copy;

		if (it->count == GK_PROMPT_BATCH)
			return;
		if (one->due_ms > now || gk_prompt_is_partial(path) != partials)
			continue;
		copy = strdup(path);
		if (!copy)
			return;
		it->readings[it->count++] =
			(gk_prompt_reading){ .path = copy, .settle_ms = one->settle_ms };
		gk_table_remove(sync->files, path);
	}
}

/* False: nothing is due. Partials come before the prompts that use them. */
static bool choose(gk_prompt_sync *sync)
{
	gk_table_entry *first = gk_table_first(sync->folders);

	if (first) {
		sync->job.below = strdup(gk_table_entry_name(first));
		if (!sync->job.below)
			return false;
		if (*sync->job.below)
			gk_table_remove(sync->folders, sync->job.below);
		else /* it is all of them */
			while ((first = gk_table_first(sync->folders)) != NULL)
				gk_table_remove(sync->folders, gk_table_entry_name(first));
		return true;
	}
	choose_files(sync, true);
	choose_files(sync, false);
	return sync->job.count > 0;
}

/* --- waiting --- */

static void look(void *user)
{
	gk_prompt_sync *sync = user;

	if (sync->look_ms && sync->look_ms <= gk_loop_now_ms(sync->loop)) {
		sync->look_ms = 0;
		mark_folder(sync, "");
	}
	pump(sync);
}

static void wait_for(gk_prompt_sync *sync, uint64_t after_ms)
{
	gk_auto_error gk_error err = { 0 };

	if (sync->timer)
		gk_timer_again(sync->timer, after_ms);
	else if (gk_timer_start(sync->loop, after_ms, 0, look, sync, &sync->timer, &err) == GK_OK)
		gk_timer_unref(sync->timer);
	else
		gk_log(GK_LOG_ERROR, "prompts", "%s is not watched: %s", sync->path,
			err.message ? err.message : "out of memory");
}

static void wait_for_next(gk_prompt_sync *sync)
{
	uint64_t now = gk_loop_now_ms(sync->loop), next = UINT64_MAX;

	if (!sync->has_failed && gk_prompt_watch_is_whole(sync->watch))
		sync->look_ms = 0;
	else if (!sync->look_ms)
		sync->look_ms = now + GK_PROMPT_LOOK_MS;
	if (sync->look_ms)
		next = sync->look_ms;
	gk_table_foreach (sync->files, entry) {
		const dirty *one = gk_table_entry_value(entry);

		if (one->due_ms < next)
			next = one->due_ms;
	}
	if (next != UINT64_MAX)
		wait_for(sync, next > now ? next - now : 1);
}

static void pump(gk_prompt_sync *sync)
{
	gk_auto_error gk_error err = { 0 };

	if (sync->is_working)
		return;
	if (!choose(sync)) {
		wait_for_next(sync);
		return;
	}
	if (gk_work_start(sync->loop, run_job, job_done, sync, &err) == GK_OK) {
		sync->is_working = true;
		++*sync->running;
		return;
	}
	clear_job(&sync->job);
	sync->has_failed = true;
	wait_for_next(sync);
}

/* --- life --- */

gk_prompt_sync *gk_prompt_sync_new(const gk_prompt_sync_opts *opts)
{
	gk_prompt_sync *sync = calloc(1, sizeof(*sync));

	if (!sync)
		return NULL;
	sync->loop = opts->loop;
	sync->ops = opts->ops;
	sync->user = opts->user;
	sync->running = opts->running;
	sync->path = strdup(opts->path);
	sync->folder = gk_prompt_folder_new(opts->path, opts->prefix);
	sync->files = gk_table_new(free);
	sync->folders = gk_table_new(NULL);
	if (sync->path && sync->folder && sync->files && sync->folders)
		return sync;
	gk_prompt_sync_free(sync);
	return NULL;
}

void gk_prompt_sync_start(gk_prompt_sync *sync, bool waits)
{
	sync->watch = gk_prompt_watch_new(sync->loop, sync->path, on_change, sync);
	mark_folder(sync, "");
	while (sync->watch && waits && choose(sync)) {
		gk_auto_error gk_error err = { 0 };

		take_job(sync, run_job(sync, &err), &err);
		if (sync->has_failed)
			break;
	}
	if (sync->watch)
		pump(sync);
	else
		gk_log(GK_LOG_ERROR, "prompts", "%s is not read: out of memory", sync->path);
}

const gk_prompt_folder *gk_prompt_sync_folder_peek(const gk_prompt_sync *sync)
{
	return sync->folder;
}

void gk_prompt_sync_free(gk_prompt_sync *sync)
{
	if (!sync)
		return;
	gk_prompt_watch_free(gk_steal(sync->watch));
	if (sync->timer)
		gk_timer_stop(gk_steal(sync->timer));
	sync->is_freed = true;
	if (sync->is_working)
		return;
	gk_prompt_folder_free(sync->folder);
	if (sync->files)
		gk_table_free(sync->files);
	if (sync->folders)
		gk_table_free(sync->folders);
	free(sync->path);
	free(sync);
}
