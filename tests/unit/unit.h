/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What every unit program shares: one suite, one main, and allocations that fail on request. */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <check.h>
#include <stdbool.h>
#include <stddef.h>

#include <genkit/json.h>

/** Runs a suite; the program's exit status. */
int unit_run(Suite *suite);
#define UNIT_MAIN(suite_fn)                                                                        \
	int main(void)                                                                             \
	{                                                                                          \
		return unit_run(suite_fn());                                                       \
	}

/** Lets the n-th allocation from here on (1: the next) and all after it fail; 0: none. */
void fault_after(size_t n);
/** True when an allocation has failed since fault_after(). */
bool fault_happened(void);

/** How many bytes this thread has asked for so far. JSON counts from the first fault_after() on. */
size_t fault_asked(void);

/**
 * Runs `body` with the first allocation failing, then the second, and so on until it succeeds without a failure.
 * `body` returns true when it did its work; it must release everything either way.
 */
void fault_sweep(bool (*body)(void));
/** The same where memory is back after the allocation that failed. */
void fault_sweep_passing(bool (*body)(void));

/** A value from text with ' in place of ", for short tests: json("{'a': 1}"). Aborts on a mistake. */
json_t *json(const char *text);
/** Fails the test unless `value` (borrowed) writes as `text` (with ' for "). */
void assert_json(const json_t *value, const char *text);

#endif
