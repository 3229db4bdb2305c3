/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* What a product of vectors costs, one number at a time and as wide as the processor has it, and a search through many. */
#include "ai/dot.h"
#include "base/clock.h"
#include "core/app.h"

#include <stdio.h>

#define DIMENSIONS 768
#define VECTORS    20000
#define ROUNDS     500000

static float numbers[64][DIMENSIONS];

/* As it would be written without a thought; the compiler may not change the order of its sums. */
static float dot_plain(const float *a, const float *b, size_t count)
{
	float sum = 0;

	for (size_t i = 0; i < count; i++)
		sum += a[i] * b[i];
	return sum;
}

static void bench_dot(const char *name, gk_dot_fn *dot, double *best)
{
	uint64_t start = gk_clock_mono_ns();
	float sum = 0;
	double ns;

	for (unsigned i = 0; i < ROUNDS; i++)
		sum += dot(numbers[i % 64], numbers[(i + 1) % 64], DIMENSIONS);
	ns = (double)(gk_clock_mono_ns() - start) / ROUNDS;
	printf("%s_ns %.1f (sum %.0f)\n", name, ns, (double)sum);
	*best = ns;
}

static gk_code search(gk_ctx *ctx, json_t *input, json_t **ret, gk_error *err)
{
	gk_vectors *vectors = gk_ctx_user(ctx);
	gk_match best[10];
	size_t found;

	(void)input, (void)ret;
	return gk_vectors_search(ctx, vectors, numbers[0], best, 10, &found, err);
}

static void bench_search(gk_vectors *vectors)
{
	gk_loop *loop;
	gk_app *app;
	gk_run *run;
	uint64_t start;

	if (gk_loop_new(&loop, NULL) != GK_OK || gk_app_new(loop, NULL, &app, NULL) != GK_OK ||
		gk_define_flow(app,
			GK_OPTS(gk_flow_opts, .name = "f", .run = search, .user = vectors),
			NULL) != GK_OK)
		abort();
	start = gk_clock_mono_ns();
	for (unsigned i = 0; i < 20; i++) {
		if (gk_run_start(GK_OPTS(gk_run_opts, .app = app, .key = "/flow/f"), &run, NULL) !=
			GK_OK)
			abort();
		while (!gk_run_is_done(run))
			gk_loop_turn(loop, 100);
		gk_run_unref(run);
	}
	printf("search_%u_by_%u_ms %.2f\n", VECTORS, DIMENSIONS,
		(double)(gk_clock_mono_ns() - start) / 20 / 1e6);
	gk_app_free(app);
	gk_loop_free(loop);
}

int main(void)
{
	gk_vectors *vectors = gk_vectors_new(DIMENSIONS);
	double plain, any, best;

	for (size_t i = 0; i < 64; i++)
		for (size_t j = 0; j < DIMENSIONS; j++)
			numbers[i][j] = (float)((i * 31 + j * 17) % 101) / 101 - 0.5f;
	for (size_t i = 0; i < VECTORS; i++)
		if (gk_vectors_add(vectors, numbers[i % 64], NULL, NULL) != GK_OK)
			return 1;
	bench_dot("dot_plain", dot_plain, &plain);
	bench_dot("dot_any", gk_dot_any, &any);
	bench_dot("dot_best", gk_dot_best(), &best);
	printf("best_to_plain %.1f\n", plain / best);
	bench_search(vectors);
	gk_vectors_unref(vectors);
	return 0;
}
