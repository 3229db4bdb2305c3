/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Numbers as text, the way JavaScript prints them, independent of the locale. */
#ifndef GK_BASE_NUMBER_H
#define GK_BASE_NUMBER_H

#include <stddef.h>
#include <stdint.h>

#define GK_NUMBER_SIZE 32
/** The shortest digits that read back as the same double, laid out as JavaScript lays out a Number: 0.1, 1, 1e+21,
 * 1e-7. Infinity and NaN, which JSON has not, are "null". Returns the length. */
size_t gk_format_real(double value, char ret[GK_NUMBER_SIZE]);
/** Decimal digits. Returns the length. */
size_t gk_format_i64(int64_t value, char ret[GK_NUMBER_SIZE]);

#endif
