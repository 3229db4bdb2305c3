/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * What is left to do for something that is over. Whoever waits for an answer does not wait for it: it comes at the end of a
 * turn, and later while somebody holds it back, because what he waits for is done by a thread that may share the
 * processor with this one.
 */
#include "loop/loop_internal.h"

void gk_loop_tidy_now(gk_loop *loop)
{
	loop->tidy_turns = 0;
	while (loop->tidy_count) {
		struct gk_tidy item = loop->tidy[--loop->tidy_count];

		item.fn(item.user); /* may add to it */
	}
}

void gk_loop_tidy(gk_loop *loop, gk_loop_fn *fn, void *user)
{
	if (loop->tidy_count == GK_LOOP_TIDY)
		gk_loop_tidy_now(loop);
	loop->tidy[loop->tidy_count++] = (struct gk_tidy){ fn, user };
}

void gk_loop_hold_tidy(gk_loop *loop)
{
	loop->tidy_holds++;
}

void gk_loop_let_tidy(gk_loop *loop)
{
	assert(loop->tidy_holds);
	loop->tidy_holds--;
}

void gk_loop_tidy_turn(gk_loop *loop)
{
	if (loop->tidy_count && (!loop->tidy_holds || ++loop->tidy_turns >= GK_LOOP_TIDY_TURNS))
		gk_loop_tidy_now(loop);
}
