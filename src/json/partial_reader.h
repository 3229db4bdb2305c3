/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/* The reader of partial JSON, for those who go on where the text ended before. */
#ifndef GK_JSON_PARTIAL_READER_H
#define GK_JSON_PARTIAL_READER_H

#include "base/buf.h"
#include "json/builder.h"

typedef struct gk_partial_reader {
	const char *at, *end;
	gk_json_builder builder;
	json_t *key; /* holds the builder's */
	gk_buf text;
	gk_error *err;
	gk_code code;  /* of what ends it all; what is merely malformed ends a container */
	bool is_clean; /* stays true while more text would not change what was read */
} gk_partial_reader;

typedef enum gk_partial_step {
	GK_PARTIAL_READ,   /* one more member or element; a container is open then */
	GK_PARTIAL_CLOSED, /* the innermost container is closed */
	GK_PARTIAL_BROKEN, /* the text ends, or is malformed here; or see the code */
} gk_partial_step;

/** The next thing in the innermost container. */
gk_partial_step gk_partial_read_next(gk_partial_reader *r);
/** What may stand behind a value. */
void gk_partial_skip_comma(gk_partial_reader *r);
/** All that is left, as gk_json_parse_partial() has it: what is broken ends the container that it is in. */
void gk_partial_read_rest(gk_partial_reader *r);
void gk_partial_done(gk_partial_reader *r);

#endif
