/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Reading and writing JSON against jansson's own functions: how many times faster, for a stream's chunk, a chat
 * request and an embedding. */
#include <genkit/json.h>

#include "base/buf.h"
#include "base/clock.h"
#include "json/write.h"

#include <stdio.h>

#define ROUND_NS 100000000u

static const char chunk[] =
	"{\"message\":{\"role\":\"model\",\"content\":[{\"text\":\"The quick brown fox, \"}]},"
	"\"index\":0,\"finishReason\":\"unknown\",\"custom\":{\"id\":\"c-1729\",\"n\":17}}";

static char *chat(void)
{
	gk_buf buf = GK_BUF_INIT(0);

	gk_buf_puts(&buf,
		"{\"model\":\"a/model\",\"config\":{\"temperature\":0.7,\"topK\":40},\"messages\":[");
	for (int i = 0; i < 200; i++)
		gk_buf_printf(&buf,
			"%s{\"role\":\"%s\",\"content\":[{\"text\":\"Message number %d says:\\n\\\"hello\\\", and goes "
			"on about things at some length, as people do when they talk to machines.\"},{\"media\":"
			"{\"url\":\"https://example.org/%d.png\",\"contentType\":\"image/png\"}}],"
			"\"metadata\":{\"turn\":%d,\"kept\":true,\"score\":0.%d}}",
			i ? "," : "", i % 2 ? "user" : "model", i, i, i, i * 37 + 1);
	gk_buf_puts(&buf, "]}");
	return gk_buf_take(&buf, NULL);
}

static char *embedding(void)
{
	gk_buf buf = GK_BUF_INIT(0);
	uint64_t bits = 42;

	gk_buf_puts(&buf, "[");
	for (int i = 0; i < 3072; i++) {
		bits = bits * 6364136223846793005u + 1442695040888963407u;
		gk_buf_printf(&buf, "%s%.9g", i ? "," : "", (double)(int64_t)bits / 0x1p66);
	}
	gk_buf_puts(&buf, "]");
	return gk_buf_take(&buf, NULL);
}

static void read_ours(const char *text, size_t len, const json_t *value)
{
	json_t *read = NULL;

	(void)value;
	if (gk_json_parse(text, len, 0, &read, NULL) != GK_OK)
		abort();
	json_decref(read);
}

static void read_jansson(const char *text, size_t len, const json_t *value)
{
	(void)value;
	json_decref(json_loadb(text, len, 0, NULL));
}

static void write_ours(const char *text, size_t len, const json_t *value)
{
	(void)text;
	(void)len;
	free(gk_json_write(value, NULL));
}

static void write_jansson(const char *text, size_t len, const json_t *value)
{
	(void)text;
	(void)len;
	free(json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII));
}

typedef void work_fn(const char *text, size_t len, const json_t *value);

/* Nanoseconds a call, the best of three rounds. */
static double measure(work_fn *work, const char *text, size_t len, const json_t *value)
{
	double best = 1e18;

	for (int round = 0; round < 3; round++) {
		uint64_t begin = gk_clock_mono_ns(), spent;
		unsigned calls = 0;

		do {
			work(text, len, value);
			calls++;
			spent = gk_clock_mono_ns() - begin;
		} while (spent < ROUND_NS);
		if ((double)spent / calls < best)
			best = (double)spent / calls;
	}
	return best;
}

static void compare(const char *name, const char *text)
{
	size_t len = strlen(text);
	json_t *value = json_loadb(text, len, 0, NULL);
	double parse = measure(read_ours, text, len, value),
	       parse_theirs = measure(read_jansson, text, len, value);
	double write = measure(write_ours, text, len, value),
	       write_theirs = measure(write_jansson, text, len, value);

	printf("%-10s %7zu bytes  parse %9.0f ns  parse_ratio %5.2f  write %9.0f ns  write_ratio %5.2f\n",
		name, len, parse, parse_theirs / parse, write, write_theirs / write);
	json_decref(value);
}

int main(void)
{
	gk_auto_str char *chat_text = chat(), *embedding_text = embedding();

	compare("chunk", chunk);
	compare("chat", chat_text);
	compare("embedding", embedding_text);
	return 0;
}
