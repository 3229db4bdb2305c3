/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* Numbers: text is read as the C library reads it, any double is printed so that it reads back. */
#include "base/number.h"
#include "base/parse.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void read_text(const char *text, size_t size)
{
	char *copy = malloc(size + 1), *end;
	double ours, theirs;

	memcpy(copy, text, size);
	copy[size] = '\0';
	theirs = strtod(copy, &end);
	if (gk_parse_real(text, size, &ours))
		check(end == copy + size && ours == theirs && signbit(ours) == signbit(theirs));
	else /* it reads hexadecimals, words and what is out of range, and skips blanks */
		check(end != copy + size || size == 0 || isinf(theirs) || isnan(theirs) ||
			strpbrk(copy, "xX") || isspace((unsigned char)copy[0]));
	free(copy);
}

static void print(const uint8_t *data)
{
	char text[GK_NUMBER_SIZE];
	double value, back;
	size_t len;

	memcpy(&value, data, sizeof(value));
	len = gk_format_real(value, text);
	check(len == strlen(text));
	if (isfinite(value))
		check(gk_parse_real(text, len, &back) && back == value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_text((const char *)data, size);
	if (size >= sizeof(double))
		print(data);
	return 0;
}
