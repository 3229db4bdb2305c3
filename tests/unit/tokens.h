/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Two services without a network: one that gives tokens, and a model that is asked with them.
 *
 *	tokens_start();
 *	tokens_use_foundry("{}");
 *	tokens_ask_well();
 *	ck_assert_uint_eq(tokens.asked, 1);
 *	tokens_stop();
 */
#ifndef TESTS_TOKENS_H
#define TESTS_TOKENS_H

#include "provider.h"

/** What the services do, and what they were told last. */
extern struct tokens {
	json_t *env; /* {name: value}, of an application of Entra at first */
	uint64_t now_s;

	int status;           /* of the service of tokens; 200 */
	const char *text;     /* what it says; NULL: a token, token-number-1, token-number-2, ... */
	bool is_slow;         /* it lets one wait for a little */
	bool is_slow_to_tell; /* the same once its answer has begun */
	bool is_mute;         /* for too long */
	bool is_dead;         /* nobody is there */
	unsigned asked;       /* so often */
	uint64_t timeout_ms;
	char url[512], headers[4096], body[4096];

	unsigned refuse_first; /* so many calls of the model get 401 */
	unsigned models_asked;
	char authorization[4096]; /* of the last of them; "none" */
} tokens;

/** core_start(), with the services, their clock and the environment. */
void tokens_start(void);
void tokens_stop(void);

/** The plugin whose model is tokens_model; fails the test unless it takes the options. */
void tokens_use_foundry(const char *options);
extern const char tokens_model[];
/** Fails the test unless the model answers. */
void tokens_ask_well(void);

/** From now on looks at each piece of JSON that is freed. */
void tokens_watch_memory(void);
/** Looks no more; how many of them began with "hush". */
unsigned tokens_left_in_memory(void);

#endif
