/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Messages in their order, large ones parsed by a worker. */
#include "server/jsonrpc.h"

#include "base/limits.h"

#include <genkit/json.h>
#include <sys/queue.h>

typedef struct letter {
	gk_rpc_inbox *inbox;
	json_t *value;
	STAILQ_ENTRY(letter) link;
	size_t len;
	char text[];
} letter;

struct gk_rpc_inbox {
	unsigned refs; /* the owner's, and the worker's */
	gk_loop *loop;
	gk_rpc_inbox_fn *fn; /* NULL: freed */
	void *user;
	STAILQ_HEAD(, letter) waiting;
	size_t bytes;
	bool is_parsing; /* a worker has one, taken out of `waiting` */
};

gk_rpc_inbox *gk_rpc_inbox_new(gk_loop *loop, gk_rpc_inbox_fn *fn, void *user)
{
	gk_rpc_inbox *inbox = calloc(1, sizeof(*inbox));

	if (!inbox)
		return NULL;
	inbox->refs = 1;
	inbox->loop = loop;
	inbox->fn = fn;
	inbox->user = user;
	STAILQ_INIT(&inbox->waiting);
	return inbox;
}

static void unref(gk_rpc_inbox *inbox)
{
	if (--inbox->refs == 0)
		free(inbox);
}

static letter *take_first(gk_rpc_inbox *inbox)
{
	letter *first = STAILQ_FIRST(&inbox->waiting);

	STAILQ_REMOVE_HEAD(&inbox->waiting, link);
	inbox->bytes -= first->len;
	return first;
}

static void free_letter(letter *l)
{
	json_decref(l->value);
	free(l);
}

static void hand_out(gk_rpc_inbox *inbox, json_t *value, const gk_error *err)
{
	if (inbox->fn)
		inbox->fn(value, err, inbox->user);
}

static void hand_out_text(gk_rpc_inbox *inbox, const char *text, size_t len)
{
	gk_auto_json json_t *value = NULL;
	gk_auto_error gk_error err = { 0 };
	gk_code rc = gk_json_parse(text, len, len ? len : 1, &value, &err);

	hand_out(inbox, value, rc == GK_OK ? NULL : &err);
}

static gk_code parse(void *arg, gk_error *err)
{
	letter *l = arg;

	return gk_json_parse(l->text, l->len, l->len, &l->value, err);
}

static void go_on(gk_rpc_inbox *inbox);

static void parsed(void *arg, gk_code rc, gk_error *err)
{
	letter *l = arg;
	gk_rpc_inbox *inbox = l->inbox;

	inbox->is_parsing = false;
	hand_out(inbox, l->value, rc == GK_OK ? NULL : err);
	free_letter(l);
	go_on(inbox);
	unref(inbox);
}

/* Hands out what can be parsed here, up to the first that cannot. */
static void go_on(gk_rpc_inbox *inbox)
{
	inbox->refs++; /* `fn` may free it */
	while (!inbox->is_parsing && !STAILQ_EMPTY(&inbox->waiting)) {
		letter *first = take_first(inbox);

		if (inbox->fn && first->len > GK_PARSE_ON_LOOP &&
			gk_work_start(inbox->loop, parse, parsed, first, NULL) == GK_OK) {
			inbox->is_parsing = true;
			inbox->refs++;
			break;
		}
		if (inbox->fn)
			hand_out_text(inbox, first->text, first->len);
		free_letter(first);
	}
	unref(inbox);
}

gk_code gk_rpc_inbox_put(gk_rpc_inbox *inbox, const char *text, size_t len, gk_error *err)
{
	letter *l;

	if (!inbox->is_parsing && STAILQ_EMPTY(&inbox->waiting) && len <= GK_PARSE_ON_LOOP) {
		inbox->refs++;
		hand_out_text(inbox, text, len);
		unref(inbox);
		return GK_OK;
	}
	if (inbox->bytes + len > 2 * (size_t)GK_MAX_WS_MESSAGE)
		return gk_error_set(
			err, GK_RESOURCE_EXHAUSTED, "messages come faster than they can be read");
	l = malloc(sizeof(*l) + len);
	if (!l)
		return gk_error_no_memory(err);
	l->inbox = inbox;
	l->value = NULL;
	l->len = len;
	memcpy(l->text, text, len);
	STAILQ_INSERT_TAIL(&inbox->waiting, l, link);
	inbox->bytes += len;
	go_on(inbox);
	return GK_OK;
}

void gk_rpc_inbox_free(gk_rpc_inbox *inbox)
{
	if (!inbox)
		return;
	inbox->fn = NULL;
	if (!inbox->is_parsing)
		go_on(inbox); /* drops */
	unref(inbox);
}
