/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "ai/dot.h"

#include <string.h>

/* Eight numbers at once; the compiler makes of it what the processor has: two SSE registers, one AVX register. Four sums
 * that do not wait for each other keep its pipelines filled. */
typedef float lanes __attribute__((vector_size(32)));
#define LANES (sizeof(lanes) / sizeof(float))

static inline __attribute__((always_inline)) void add_product(
	lanes *sum, const float *a, const float *b)
{
	lanes x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	*sum += x * y;
}

static inline __attribute__((always_inline)) float dot(const float *a, const float *b, size_t count)
{
	lanes sums[4] = { { 0 }, { 0 }, { 0 }, { 0 } };
	float sum = 0;
	size_t i = 0;

	for (; i + 4 * LANES <= count; i += 4 * LANES) {
		add_product(&sums[0], a + i, b + i);
		add_product(&sums[1], a + i + LANES, b + i + LANES);
		add_product(&sums[2], a + i + 2 * LANES, b + i + 2 * LANES);
		add_product(&sums[3], a + i + 3 * LANES, b + i + 3 * LANES);
	}
	sums[0] += sums[1] + (sums[2] + sums[3]);
	for (; i + LANES <= count; i += LANES)
		add_product(&sums[0], a + i, b + i);
	for (size_t lane = 0; lane < LANES; lane++)
		sum += sums[0][lane];
	for (; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

float gk_dot_any(const float *a, const float *b, size_t count)
{
	return dot(a, b, count);
}

#ifdef __x86_64__

__attribute__((target("avx2,fma"))) static float dot_avx2(
	const float *a, const float *b, size_t count)
{
	return dot(a, b, count);
}

gk_dot_fn *gk_dot_best(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? dot_avx2
									       : gk_dot_any;
}

#else

gk_dot_fn *gk_dot_best(void)
{
	return gk_dot_any;
}

#endif
