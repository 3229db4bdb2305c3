/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* genkitctl trace: which one, and showing it. */
#include "ctl/traces.h"

#include "base/limits.h"
#include "base/str.h"

#include <genkit/json.h>
#include <stdio.h>

#define SHORTEST_ID 4

/* The newest; or, of the last thousand, the one whose id begins so. */
static gk_code find(gk_ctl *ctl, const char *prefix, char **ret, gk_error *err)
{
	const gk_ctl_trace_query query = { .limit = prefix ? GK_MAX_TRACE_LIST : 1 };
	gk_auto_json json_t *traces = NULL;
	const char *found = NULL;
	json_t *trace;
	size_t i;
	gk_code rc = gk_ctl_trace_query_run(ctl, &query, &traces, err);

	if (rc != GK_OK)
		return rc;
	json_array_foreach (traces, i, trace) {
		const char *id = gk_json_str_peek(trace, "traceId");

		if (!id || (prefix && !gk_str_has_prefix(id, prefix)))
			continue;
		if (found)
			return gk_error_set(err, GK_INVALID_ARGUMENT,
				"more than one trace begins with %s: %s and %s", prefix, found, id);
		found = id;
	}
	if (!found)
		return prefix ? gk_error_set(err, GK_NOT_FOUND, "there is no trace %s", prefix)
			      : gk_error_set(err, GK_NOT_FOUND, "there is no trace yet");
	*ret = strdup(found);
	return *ret ? GK_OK : gk_error_no_memory(err);
}

static gk_code load(gk_ctl *ctl, const char *word, json_t **ret, gk_error *err)
{
	gk_auto_str char *id = NULL;
	gk_code rc = GK_NOT_FOUND;

	if (word)
		rc = gk_ctl_load_trace(ctl, word, ret, err);
	if (rc != GK_NOT_FOUND || (word && strlen(word) < SHORTEST_ID))
		return rc;
	gk_error_clear(err);
	rc = find(ctl, word, &id, err);
	return rc == GK_OK ? gk_ctl_load_trace(ctl, id, ret, err) : rc;
}

gk_code gk_ctl_trace(gk_ctl *ctl, gk_error *err)
{
	gk_auto_buf gk_buf text = GK_BUF_INIT(0);
	gk_auto_json json_t *trace = NULL, *logs = NULL;
	gk_code rc =
		load(ctl, ctl->options->word_count ? ctl->options->words[0] : NULL, &trace, err);

	if (rc != GK_OK)
		return rc;
	if (ctl->options->is_json) {
		gk_ctl_print_line(trace);
		return GK_OK;
	}
	rc = gk_ctl_load_logs(ctl, gk_json_str_peek(trace, "traceId"), &logs, err);
	if (rc == GK_OK)
		rc = gk_ctl_put_trace_tree(&text, trace, logs, gk_ctl_look_of(ctl->options), err);
	if (rc == GK_OK)
		fputs(text.data, stdout);
	return rc;
}
