/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Who else lets the writer's thread write to its file: tables that are not of traces. No other floor includes this.
 */
#ifndef GK_STORE_GUEST_H
#define GK_STORE_GUEST_H

#include "store/trace_backend.h"

typedef struct gk_store_guest gk_store_guest;

struct gk_store_guest {
	/** Does what it was called for, on the writer's thread, outside of any transaction. `open_rc` not GK_OK: the file
	 * cannot be opened, for `why`. Returns GK_UNAVAILABLE when the disk failed: the file is opened again before the
	 * next call. */
	gk_code (*work)(gk_store_guest *guest, gk_trace_backend *backend, gk_code open_rc,
		const gk_error *why);
	/** A slice of upkeep, when there is nothing else to do, or after a write when it is late
	 * (GK_STORE_SWEEP_LATE_MS); there is more when it returns true. */
	bool (*tend)(gk_store_guest *guest, gk_trace_backend *backend);
	/* The store's: */
	bool is_called, is_busy; /* under its lock */
	uint64_t tend_ms;        /* the writer's: the next time */
	uint64_t tend_every_ms;  /* under its lock */
};

/** One at most. */
void gk_trace_store_set_guest(gk_trace_store *store, gk_store_guest *guest, uint64_t tend_every_ms);
/** Returns after it has been left alone. */
void gk_trace_store_drop_guest(gk_trace_store *store);
/** Lets work() be called soon. From any thread. */
void gk_trace_store_call_guest(gk_trace_store *store);
/** The file, for readers on other threads. */
gk_trace_backend *gk_trace_store_backend_peek(gk_trace_store *store);

#endif
