/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Numbers, durations and sizes from text, independent of the locale. The whole text must be the number; on
 * failure `*ret` is untouched and false is returned. */
#ifndef GK_BASE_PARSE_H
#define GK_BASE_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool gk_parse_u64(const char *text, size_t len, uint64_t *ret);
bool gk_parse_i64(const char *text, size_t len, int64_t *ret);
/** JSON's and YAML's reals; not hexadecimal, infinity or NaN. Out of range becomes infinity: false. */
bool gk_parse_real(const char *text, size_t len, double *ret);
/** "250ms", "10s", "5m", "2h", "1d"; a bare number is seconds. In milliseconds. */
bool gk_parse_duration_ms(const char *text, uint64_t *ret);
/** "512", "64KiB", "16MiB", "1GiB" (also K, M, G: the same powers of 1024). In bytes. */
bool gk_parse_size(const char *text, uint64_t *ret);

#endif
