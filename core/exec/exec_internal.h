/* The executor's own structures: session, schedule, plan. */
#ifndef LP_EXEC_INTERNAL_H
#define LP_EXEC_INTERNAL_H

#include <locality/exec.h>

#include "../graph/graph_internal.h"

#define LP_MAX_POSTS 4

/* ---- session ------------------------------------------------------------------------------- */

typedef struct lp_var {
  char *name;
  lp_var_kind kind;
  lp_role role;
  lp_desc desc;
  uint32_t buffer; /* index into lp_session.arena */
  uint64_t offset;
  char sha256[65];      /* of a constant's bytes */
  char *rows, *columns; /* of a pattern's weights: names of its constants */
  uint32_t n_in;        /* of that layer; 0: a tensor as it is */
  int32_t *order;       /* of its columns in memory (lp_graph_order); NULL: as it is known */
} lp_var;

struct lp_session {
  lp_device *dev;
  const lp_device_ops *ops;
  lp_device_info info;
  uint64_t seed;
  lp_var *var;
  uint32_t n_vars, cap_vars;
  lp_buffer **arena; /* persistent values */
  uint32_t n_arenas;
  lp_buffer **scratch; /* transient values, shared by plans: runs never overlap */
  uint64_t *scratch_size;
  uint32_t n_scratch;
  uint64_t persistent_bytes;
};

lp_var *lp_session_find(const lp_session *s, const char *name);
/* Makes variables of the listed leaves of g that the session does not have yet: allocates, draws
 * and writes them. With dry_run only their sizes are counted into *bytes. */
lp_status lp_session_adopt(lp_session *s, const lp_graph *g, const uint32_t *leaf, uint32_t n,
                           bool dry_run, uint64_t *bytes);

/* ---- schedule: which ops run, in which order, what is fused -------------------------------- */

/* One step to be: an op and the element-wise ops folded into it. */
typedef struct lp_piece {
  uint32_t op;                 /* index into lp_graph.op */
  uint32_t post[LP_MAX_POSTS]; /* same */
  uint32_t n_posts;
} lp_piece;

typedef struct lp_schedule {
  const lp_graph *g;
  lp_piece *piece;
  uint32_t n_pieces;
  uint32_t *operand; /* the graph's operand table after rewrites */
  uint32_t *storage; /* per value: the value whose memory it lives in */
  bool *needed;      /* per op */
  bool *unfused;     /* per op: a device refused to have anything folded into it */
  bool *used;        /* per value: read by a needed op, or a target */
} lp_schedule;

lp_status lp_schedule_new(const lp_graph *g, lp_schedule *out);
void lp_schedule_free(lp_schedule *s);
/* Fills needed, used, operand, storage and piece; again after `unfused` has changed. */
lp_status lp_schedule_build(lp_schedule *s, const lp_val *targets, uint32_t n, bool fuse);

/* ---- memory -------------------------------------------------------------------------------- */

/* A block that must be placed: alive from step `first` to step `last`, both included. */
typedef struct lp_block {
  uint64_t size;
  uint32_t first, last;
  uint32_t arena; /* result */
  uint64_t offset;
} lp_block;

/* Places blocks so that none that are alive together overlap, in arenas of at most max_arena bytes
 * (0: no limit). Sizes of the arenas used are written to *size (free it), their number to *n. */
lp_status lp_memory_place(lp_block *block, uint32_t n_blocks, uint64_t alignment,
                          uint64_t max_arena, uint64_t **size, uint32_t *n_arenas);

/* orthogonal.c: a random rows x cols matrix with orthonormal rows or columns, whichever are fewer,
 * times gain. False: memory is exhausted. */
bool lp_orthogonal(uint64_t seed, uint32_t stream, uint32_t rows, uint32_t cols, float gain,
                   float *out);

static inline uint64_t lp_align(uint64_t n, uint64_t a) {
  return (n + a - 1) / a * a;
}

/* ---- plan ---------------------------------------------------------------------------------- */

struct lp_plan {
  lp_session *session;
  char *name;
  lp_slot *slot;
  uint32_t n_slots;
  lp_step *step;
  uint32_t n_steps;
  lp_post *post;
  uint32_t n_posts;
  uint32_t *operand;
  uint32_t n_operands;
  lp_buffer **buffer; /* the session's arenas, then scratch */
  uint32_t n_buffers, n_bound;
  uint64_t *bound_bytes; /* of each input */
  uint32_t *target;      /* slot of each target; LP_NO_SLOT for tokens */
  uint32_t n_targets;
  char (*label)[96]; /* per step, for profiles */
  lp_plan_view view;
  lp_program *program;
  lp_plan_info info;
};

#endif
