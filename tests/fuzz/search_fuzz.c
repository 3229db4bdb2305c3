/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What people search for in traces, and by what they filter: whatever it is, SQLite is handed an expression that it takes. */
#include "store/trace_store_internal.h"

#include <genkit/json.h>
#include <stdio.h>
#include <unistd.h>

static gk_trace_backend *store;

static void must(bool is_so)
{
	if (!is_so)
		__builtin_trap();
}

static void add(gk_trace_batch *batch, const char *id, const char *name, const char *text)
{
	gk_trace_post *post = gk_trace_post_new(id);
	char doc[256];

	must(post && snprintf(doc, sizeof(doc),
			     "{\"spanId\":\"s\",\"attributes\":{\"genkit:input\":\"%s\","
			     "\"genkit:output\":\"%s\"}}",
			     text, name) < (int)sizeof(doc));
	must(gk_trace_post_add(post, &(gk_span_row){ .key = "s",
					     .name = name,
					     .type = "action",
					     .doc = doc,
					     .doc_len = strlen(doc),
					     .start_ms = 1,
					     .end_ms = 2 }));
	STAILQ_INSERT_TAIL(&batch->posts, post, link);
	batch->spans++;
}

static void list(const gk_trace_query *query)
{
	gk_auto_buf gk_buf page = GK_BUF_INIT(0);
	gk_auto_json json_t *value = NULL;
	gk_code rc = store->type->list(store, query, &page, NULL);

	must(rc == GK_OK || rc == GK_INVALID_ARGUMENT);
	if (rc == GK_OK)
		must(gk_json_parse(page.data, page.len, 0, &value, NULL) == GK_OK &&
			json_is_array(json_object_get(value, "traces")));
}

/* Once: a file with some traces in which there is something to be found. */
static void begin(void)
{
	char folder[] = "/tmp/genkitd-search-XXXXXX", path[64];
	gk_trace_batch batch;
	size_t count;

	must(mkdtemp(folder) != NULL);
	snprintf(path, sizeof(path), "%s/traces.db", folder);
	store = gk_sqlite_backend_new(path);
	must(store && store->type->open(store, NULL) == GK_OK);
	gk_trace_batch_init(&batch);
	add(&batch, "a", "menu", "pirate 1000 caf\xc3\xa9");
	add(&batch, "b", "mend", "input output error \xe6\xbc\xa2\xe5\xad\x97");
	must(store->type->write(store, &batch, NULL) == GK_OK);
	gk_trace_batch_free(&batch);
	must(store->type->fold(store, 100, &count, NULL) == GK_OK);
	must(store->type->index(store, 100, &count, NULL) == GK_OK);
	list(&(gk_trace_query){ .limit = 1 });
	/* The reader has the file open now: nobody needs its names any more. */
	for (size_t i = 0; i < 3; i++) {
		static const char *const ends[] = { "", "-wal", "-shm" };

		snprintf(path, sizeof(path), "%s/traces.db%s", folder, ends[i]);
		unlink(path);
	}
	must(rmdir(folder) == 0);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* A text to the first line break, and behind it a filter. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const unsigned char *rest = memchr(data, '\n', size);
	gk_auto_str char *text = strndup((const char *)data, rest ? (size_t)(rest - data) : size);
	gk_auto_json json_t *filter = NULL;

	if (!store)
		begin();
	must(text != NULL);
	if (rest && gk_json_parse((const char *)rest + 1, size - (size_t)(rest + 1 - data), 0,
			    &filter, NULL) != GK_OK)
		filter = NULL;
	list(&(gk_trace_query){ .limit = 10, .text = text });
	if (filter)
		list(&(gk_trace_query){ .limit = 10, .filter = filter });
	if (filter)
		list(&(gk_trace_query){ .limit = 10, .text = text, .filter = filter });
	return 0;
}
