/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Stacks for fibers and the switch between them and the loop.
 *
 *	low                                                             high
 *	| guard page | ............ untouched ............ | frames | gk_stack |
 *
 * A stack that lies idle keeps its context: it waits in its entry's loop, so that the next fiber on it starts by the
 * same switch that resumes one, without makecontext().
 */
#include "loop/loop_internal.h"

#include "base/limits.h"
#include "config.h"

#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0u
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif

#ifdef GK_HAVE_ASAN
#include <sanitizer/common_interface_defs.h>
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define __sanitizer_start_switch_fiber(fake, bottom, size)  ((void)0)
#define __sanitizer_finish_switch_fiber(fake, bottom, size) ((void)0)
#define NO_ASAN
#endif

#define TRIM_MS  10000
#define KEEP_HOT (16u << 10) /* of an idle stack that is in use now and then */

struct gk_stack {
	ucontext_t context;
	char *map;
	void *fake; /* AddressSanitizer's, while the fiber is parked */
	unsigned valgrind_id;
	TAILQ_ENTRY(gk_stack) link;
};

static size_t page_size(void)
{
	static size_t size;

	if (!size)
		size = (size_t)sysconf(_SC_PAGESIZE);
	return size;
}

static char *stack_low(const gk_stack *stack)
{
	return stack->map + page_size();
}

static size_t stack_size(const gk_stack *stack)
{
	return (size_t)((char *)stack - stack_low(stack));
}

static gk_stack *map_stack(void (*entry)(void))
{
	size_t size = GK_FIBER_STACK + page_size();
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	gk_stack *stack;

	if (map == MAP_FAILED)
		return NULL;
	stack = (gk_stack *)(map + size - ((sizeof(*stack) + 63) & ~(size_t)63));
	if (mprotect(map, page_size(), PROT_NONE) < 0) {
		munmap(map, size);
		return NULL;
	}
	stack->map = map;
	stack->valgrind_id = VALGRIND_STACK_REGISTER(stack_low(stack), (char *)stack);
	getcontext(&stack->context);
	stack->context.uc_stack.ss_sp = stack_low(stack);
	stack->context.uc_stack.ss_size = stack_size(stack);
	stack->context.uc_link = NULL;
	makecontext(&stack->context, entry, 0);
#ifdef GK_HAVE_ASAN
	/* Its swapcontext() would wipe what it knows about the frames of a stack whose bounds it sees. */
	stack->context.uc_stack.ss_sp = NULL;
	stack->context.uc_stack.ss_size = 0;
#endif
	return stack;
}

static void unmap_stack(gk_stack *stack)
{
	VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
	munmap(stack->map, GK_FIBER_STACK + page_size());
}

/* --- the pool --- */

static void unmap_coldest(gk_stack_pool *pool)
{
	gk_stack *stack = TAILQ_LAST(&pool->idle, gk_stack_list);

	TAILQ_REMOVE(&pool->idle, stack, link);
	pool->count--;
	unmap_stack(stack);
}

/* Gives back the stacks that nobody needed since the last time, and the depths of the others. */
static void on_trim(void *user)
{
	gk_stack_pool *pool = user;
	gk_stack *stack;

	for (; pool->unused; pool->unused--)
		unmap_coldest(pool);
	TAILQ_FOREACH (stack, &pool->idle, link) {
		size_t size = stack_size(stack) & ~(page_size() - 1);

		madvise(stack_low(stack), size - KEEP_HOT, MADV_DONTNEED);
	}
	pool->unused = pool->count;
	if (pool->count)
		gk_timer_arm(&pool->trim, TRIM_MS);
}

void gk_stack_pool_init(gk_stack_pool *pool, gk_loop *loop)
{
	TAILQ_INIT(&pool->idle);
	gk_timer_init(&pool->trim, loop, on_trim, pool);
	gk_timer_unref(&pool->trim);
}

void gk_stack_pool_done(gk_stack_pool *pool)
{
	gk_timer_disarm(&pool->trim);
	while (pool->count)
		unmap_coldest(pool);
}

gk_stack *gk_stack_get(gk_stack_pool *pool, void (*entry)(void))
{
	gk_stack *stack = TAILQ_FIRST(&pool->idle);

	if (!stack)
		return map_stack(entry);
	TAILQ_REMOVE(&pool->idle, stack, link);
	pool->count--;
	if (pool->unused > pool->count)
		pool->unused = pool->count;
	return stack;
}

void gk_stack_put(gk_stack_pool *pool, gk_stack *stack)
{
	if (pool->count >= GK_FIBER_POOL) {
		unmap_stack(stack);
		return;
	}
	TAILQ_INSERT_HEAD(&pool->idle, stack, link);
	pool->count++;
	if (!pool->trim.is_armed)
		gk_timer_arm(&pool->trim, TRIM_MS);
}

/* --- the switch --- */

NO_ASAN void gk_stack_enter(gk_stack_home *home, gk_stack *stack)
{
	__sanitizer_start_switch_fiber(&home->fake, stack_low(stack), stack_size(stack));
	swapcontext(&home->context, &stack->context);
	__sanitizer_finish_switch_fiber(home->fake, NULL, NULL);
}

NO_ASAN void gk_stack_arrived(gk_stack_home *home)
{
	(void)home;
	__sanitizer_finish_switch_fiber(NULL, &home->bottom, &home->size);
}

NO_ASAN void gk_stack_leave(gk_stack_home *home, gk_stack *stack, bool is_last)
{
	(void)is_last;
	__sanitizer_start_switch_fiber(is_last ? NULL : &stack->fake, home->bottom, home->size);
	swapcontext(&stack->context, &home->context);
	__sanitizer_finish_switch_fiber(is_last ? NULL : stack->fake, &home->bottom, &home->size);
}
