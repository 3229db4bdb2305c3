/* SPDX-License-Identifier: Apache-2.0
 * Copyright the genkitd authors */
/*
 * Running a template. The output is a list of pieces that point to where their text already is: the template's literals,
 * the input's strings; only what is made on the way (numbers, JSON, what helpers write) is put into the render's arena.
 *
 *	"Hello " -> template    "Bob" -> input, owner: its json_t    ROLE "model"    "..." -> arena
 *
 * Markers are pieces of their own kind, so no text can be taken for one. Where pieces must become one text in between (an
 * argument, a body given as text) a marker is written with the byte 0xFF, which no valid UTF-8 has, in place of "<<<";
 * such a text is read back only when the render itself made it (gk_render.marked knows it by its identity).
 */
#ifndef GK_DOTPROMPT_RENDER_H
#define GK_DOTPROMPT_RENDER_H

#include "base/buf.h"
#include "dotprompt/engine_internal.h"
#include "dotprompt/value.h"

#define GK_MARK_BYTE '\xff'

typedef enum gk_piece_kind {
	GK_PIECE_TEXT,
	GK_PIECE_ROLE, /* text: the role */
	GK_PIECE_HISTORY,
	GK_PIECE_SECTION,    /* text: what follows "section" up to ">>>" */
	GK_PIECE_MEDIA,      /* text: the URL, nothing in it that would cut it short */
	GK_PIECE_MEDIA_TYPE, /* right behind a MEDIA piece: the content type, as clean */
	GK_PIECE_MEDIA_RAW,  /* text: what follows "media:url" up to ">>>" */
	GK_PIECE_LOOSE, /* a marker that is not closed as it should be: all of it from "<<<" on */
} gk_piece_kind;

typedef struct gk_piece {
	const char *text;
	size_t len;
	json_t *owner; /* borrowed: the string value that is this text; NULL: none */
	gk_piece_kind kind;
} gk_piece;

/* Contexts, the innermost first, for `..`. */
typedef struct gk_depth {
	json_t *context;
	const struct gk_depth *up;
} gk_depth;

typedef struct gk_frame gk_frame;

/* The body of {{#> name}}...{{/name}}, while the partial runs. */
typedef struct gk_partial_block {
	const gk_tmpl_program *body;
	gk_frame *frame; /* where it stands */
	const struct gk_partial_block
		*outer; /* what @partial-block is inside of it; NULL: nothing */
} gk_partial_block;

/* @variables: a frame inherits those of the one above. */
typedef struct gk_data {
	const struct gk_data *up;
	enum {
		GK_DATA_BASE,   /* root and what the caller gave */
		GK_DATA_EACH,   /* index, key, first, last */
		GK_DATA_OBJECT, /* what a helper gave */
		GK_DATA_BLOCK,  /* partial-block */
		GK_DATA_NONE,   /* there are no more, not even root */
	} kind;
	json_t *object; /* OBJECT: the variables; EACH: the key, or NULL: the index; BASE: the root */
	size_t index;
	bool is_last;
	const gk_partial_block *block; /* NULL: none */
} gk_data;

/* Inline partials of a body that is being rendered. */
typedef struct gk_inlines {
	const gk_tmpl_program *program;
	gk_frame *frame; /* around it; NULL: it is a template's root */
	gk_frame *own;   /* its own */
	const struct gk_inlines *up;
} gk_inlines;

/* A template at work. */
typedef struct gk_container {
	gk_template *tmpl;
	gk_tmpl_links *links;
	const gk_inlines *inlines;
} gk_container;

/* A body at work. */
struct gk_frame {
	gk_frame *up; /* the body around it in the source */
	gk_container *container;
	json_t *context; /* NULL: undefined */
	const gk_depth *depths;
	const gk_data *data;
	json_t *const *params;
	size_t n_params;
};

/* Values, told apart by where they are. */
typedef struct gk_value_set {
	const json_t **slots; /* a power of two, at most half of them taken */
	size_t count, room;
} gk_value_set;

#define GK_RENDER_FEW 32

/* On the stack; what most renderings need is in it. */
typedef struct gk_render {
	const gk_template_input *input;
	gk_engine *engine;
	gk_template *root;
	unsigned depth;
	uint64_t steps;
	size_t output;    /* bytes put out so far, what was taken back included */
	gk_piece *pieces; /* `few`, while they are */
	size_t n_pieces, room;
	size_t floor;         /* pieces below are somebody else's: text never lengthens them */
	gk_arena arena;       /* begins with `little` */
	gk_buf keep;          /* json_t *: values made on the way */
	gk_value_set marked;  /* texts among them that may have markers in them */
	gk_value_set safe;    /* SafeStrings among them: never escaped, objects to JavaScript */
	json_t *null_context; /* what a helper's `this` is where the context is null */
	json_t *block_value;  /* what @partial-block is where there is one */
	gk_template_place place;
	gk_error *err;
	gk_piece few[GK_RENDER_FEW];
	char little[512] __attribute__((aligned(16)));
} gk_render;

/* How a body is to be rendered. */
typedef struct gk_body {
	const gk_tmpl_program *program; /* NULL: nothing */
	gk_frame *up;                   /* the body around it */
	json_t *context;
	const gk_depth *depths; /* of the place where it stands */
	const gk_data *data;
	json_t *const *params;
	size_t n_params;
} gk_body;

/* A call as the helper sees it. */
struct gk_helper_call {
	gk_render *render;
	gk_frame *frame;
	const gk_tmpl_call *call;
	const gk_engine_helper *helper;
	const gk_tmpl_program *body, *inverse;
	bool is_block, is_escaped;
	bool is_marked; /* an argument has a marker in it: what is written may have it too */
	bool is_safe;   /* what was written is a SafeString */
	bool has_result;
	bool has_text; /* something was written, if only "" */
	json_t *this_value, *result;
	json_t **args, **hash; /* as many as `call` says */
	json_t *hashes;        /* all as an object; NULL: not made yet */
};

/* --- render.c --- */

/** Runs the whole template; the pieces are then the output. */
gk_code gk_render_run(gk_render *r);
void gk_render_init(gk_render *r, gk_template *tmpl, const gk_template_input *input, gk_error *err);
void gk_render_done(gk_render *r);
gk_code gk_render_body(gk_render *r, const gk_body *body);
gk_code gk_render_value(gk_render *r, gk_frame *frame, const gk_tmpl_expr *expr, json_t **ret);
/** Counts work; RESOURCE_EXHAUSTED when it is too much. */
gk_code gk_render_step(gk_render *r, uint64_t steps);
/** The innermost place of the root template that failed. Returns `rc`. */
gk_code gk_render_failed(gk_render *r, const gk_frame *frame, size_t at, gk_code rc);
/** blockHelperMissing: a section over a value. */
gk_code gk_render_section(gk_helper_call *call, json_t *value);
gk_code gk_render_each(gk_helper_call *call, json_t *value);
/** The output since `mark`, taken back: a text that lives as long as the render. */
gk_code gk_render_take(gk_render *r, size_t mark, bool is_safe, json_t **ret);
/** A helper's body with what the call has. */
gk_code gk_render_call_body(gk_helper_call *call, const gk_tmpl_program *program, json_t *context,
	const gk_data *data, json_t *const *params, size_t n_params);

/* --- render_partial.c --- */

gk_code gk_render_partial(gk_render *r, gk_frame *frame, const gk_tmpl_node *node);
/** @partial-block is a function to JavaScript, which is called where a value is asked whether it holds, or printed: with
 * neither context nor variables. Makes `*value` what it gives; leaves any other value. */
gk_code gk_render_block_value(gk_render *r, const gk_frame *frame, json_t **value);

/* --- render_output.c --- */

/** The place from which somebody will take pieces back or change them. */
size_t gk_render_mark(gk_render *r);
/** Text that stays where it is until the render is done. */
gk_code gk_render_put(gk_render *r, gk_piece piece);
/** Text that does not: it is copied. What is not UTF-8 becomes U+FFFD. */
gk_code gk_render_write(gk_render *r, const char *text, size_t len);
/** Text in which GK_MARK_BYTE begins markers. */
gk_code gk_render_write_marked(gk_render *r, const char *text, size_t len);
/** A value as {{x}} prints it. */
gk_code gk_render_print(gk_render *r, json_t *value, bool is_escaped);
gk_code gk_render_write_escaped(gk_render *r, const char *text, size_t len);
/** The pieces from `mark` on as text, with GK_MARK_BYTE or "<<<" for markers. */
void gk_render_flatten(const gk_render *r, size_t mark, bool keeps_marks, gk_buf *buf);
/** Puts `indent` before each line of the pieces from `mark` on. */
gk_code gk_render_indent(gk_render *r, size_t mark, gk_tmpl_text indent);
/** Whether there are markers among the pieces from `mark` on. */
bool gk_render_has_markers(const gk_render *r, size_t mark);
void gk_piece_flatten(const gk_piece *piece, bool keeps_marks, gk_buf *buf);

/* --- render_value.c --- */

/** A member, an element, a character, a length; NULL: undefined. */
gk_code gk_value_member(gk_render *r, json_t *value, const char *name, size_t len, json_t **ret);
gk_code gk_value_path(gk_render *r, gk_frame *frame, const gk_tmpl_path *path, json_t **ret);
gk_code gk_value_data(gk_render *r, const gk_data *data, unsigned depth, const char *name,
	size_t len, json_t **ret);
/** JavaScript's === */
bool gk_value_is_same(const gk_render *r, const json_t *a, const json_t *b);
/** Makes a value of this render's live until it is done; consumes it either way. NULL: RESOURCE_EXHAUSTED. */
gk_code gk_render_keep_take(gk_render *r, json_t *value_take, json_t **ret);
/** False when memory ran out. */
GK_MUST_USE bool gk_value_set_add(gk_value_set *set, const json_t *value);
bool gk_value_set_has(const gk_value_set *set, const json_t *value);

#endif
