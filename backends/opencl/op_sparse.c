/* Fully connected layers with a pattern of weights: kernels/sparse.cl. */
#include "ops.h"

#define GROUP 64

enum { TURN, SUMS, WIRES, BIAS }; /* PART of the kernel */

static const lp_slot *in(const ocl_encoder *e, uint32_t i) {
  return lp_step_in(e->plan, e->step, i);
}

static int64_t wide(const lp_slot *x) {
  return ocl_ceil(x->desc.dim[0], 16) * 16;
}

static void begin(ocl_encoder *e, int part, const lp_slot *samples, int64_t units, int64_t items) {
  ocl_begin(e, "sparse");
  ocl_grid(e, ocl_ceil(items, GROUP), GROUP);
  ocl_define_int(e, "PART", part);
  ocl_define_int(e, "UNITS", units);
  ocl_define_int(e, "SAMPLES", samples->desc.dim[0]);
  ocl_define_int(e, "WIDE", wide(samples));
  const bool prior = (part == SUMS || part == WIRES) && in(e, LP_SPARSE_PRIOR);
  ocl_define_int(e, "WITH_PRIOR", prior);
  ocl_define_int(e, "WITH_PLACE", part == SUMS && e->step->op == LP_OP_SPARSE_LINEAR_DX);
  ocl_define_int(e, "WITH_BIAS",
                 part == SUMS && e->step->op == LP_OP_SPARSE_LINEAR && in(e, 2) != NULL);
}

/* Turns x into the workspace, `at` elements behind its start. */
static void turn(ocl_encoder *e, const lp_slot *x, int64_t at) {
  const int64_t units = x->desc.dim[1], n = units * wide(x);
  begin(e, TURN, x, units, n);
  ocl_arg_slot(e, x);
  ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
  ocl_arg_int(e, n);
  ocl_arg_int(e, at);
}

static void encode_sums(ocl_encoder *e) {
  const bool dx = e->step->op == LP_OP_SPARSE_LINEAR_DX;
  const lp_slot *x = in(e, 0), *y = lp_step_out(e->plan, e->step, 0);
  const int64_t units = y->desc.dim[1], items = units * (wide(x) / 16);
  turn(e, x, 0);
  begin(e, SUMS, x, units, items);
  ocl_posts(e, NULL, units, 0, 0);
  ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
  ocl_arg_slot(e, in(e, 1));
  ocl_arg_slot(e, in(e, dx ? LP_SPARSE_STARTS : LP_SPARSE_ROWS));
  ocl_arg_slot(e, in(e, dx ? LP_SPARSE_SOURCES : LP_SPARSE_COLUMNS));
  if (dx) ocl_arg_slot(e, in(e, LP_SPARSE_PLACES));
  if (in(e, LP_SPARSE_PRIOR)) ocl_arg_slot(e, in(e, LP_SPARSE_PRIOR));
  if (!dx && in(e, 2)) ocl_arg_slot(e, in(e, 2));
  ocl_arg_slot(e, y);
  ocl_arg_int(e, items);
  ocl_post_args(e, NULL);
}

static void encode_wires(ocl_encoder *e) {
  const lp_slot *dy = in(e, 0), *x = in(e, 1);
  const lp_slot *dw = lp_step_out(e->plan, e->step, 0), *db = lp_step_out(e->plan, e->step, 1);
  const int64_t n_out = dy->desc.dim[1], at = x->desc.dim[1] * wide(x);
  if (dw) {
    turn(e, x, 0);
    turn(e, dy, at);
    begin(e, WIRES, x, n_out, n_out);
    ocl_posts(e, NULL, lp_inner(&dw->desc), 0, 0);
    ocl_arg_slot(e, lp_plan_slot(e->plan, e->step->workspace));
    ocl_arg_int(e, at);
    ocl_arg_slot(e, in(e, LP_SPARSE_ROWS));
    ocl_arg_slot(e, in(e, LP_SPARSE_COLUMNS));
    if (in(e, LP_SPARSE_PRIOR)) ocl_arg_slot(e, in(e, LP_SPARSE_PRIOR));
    ocl_arg_slot(e, dw);
    ocl_arg_int(e, n_out);
    ocl_post_args(e, NULL);
  }
  if (!db) return;
  begin(e, BIAS, dy, n_out, n_out);
  ocl_arg_slot(e, dy);
  ocl_arg_slot(e, db);
  ocl_arg_int(e, n_out);
}

void ocl_encode_sparse(ocl_encoder *e) {
  if (e->step->op == LP_OP_SPARSE_LINEAR_DW)
    encode_wires(e);
  else
    encode_sums(e);
}

size_t ocl_workspace_sparse(lp_device *dev, const lp_plan_view *plan, const lp_step *s,
                            uint32_t index) {
  (void)dev, (void)index;
  const lp_slot *first = lp_step_in(plan, s, 0), *second = lp_step_in(plan, s, 1);
  int64_t units = first->desc.dim[1];
  if (s->op == LP_OP_SPARSE_LINEAR_DW) units += second->desc.dim[1];
  return sizeof(float) * (size_t)(units * wide(first));
}
