/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
#include "core/let_go.h"

#include "json/edit.h"
#include "loop/loop.h"

static void release(void *value)
{
	json_decref(value);
}

void gk_json_let_go(json_t *value_take)
{
	gk_loop *loop = gk_loop_self();

	if (loop && gk_json_is_container(value_take) && value_take->refcount == 1)
		gk_loop_tidy(loop, release, value_take);
	else
		json_decref(value_take);
}
